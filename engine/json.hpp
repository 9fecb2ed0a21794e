#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/errors.hpp"

namespace jetcal {

/// JSON whose objects keep the order they were written in.
using Json = nlohmann::ordered_json;

/// A JSON text being read: what messages call it, where its relative paths start, and which of its
/// values the command line replaced.
struct Document {
  struct Override {
    std::string pointer;           ///< JSON pointer of the replaced value, "/schedule/0/epochs"
    std::string name;              ///< what messages call it, "--set schedule.0.epochs=1"
    std::filesystem::path folder;  ///< where relative paths in the new value start
  };

  std::string name;
  std::filesystem::path folder;
  std::vector<Override> overrides;
};

/// One value of a document. The document must outlive its places.
class Place {
 public:
  explicit Place(Document const& document) : document_(&document) {}

  /// The member `key` of this object, the element `index` of this list.
  Place operator/(std::string_view key) const;
  Place operator/(std::size_t index) const { return *this / std::to_string(index); }

  /// "quick.json: /schedule/2"; the document's name alone at the root.
  std::string text() const;

  /// As text(), for a message about the key `key` of this object: named after whoever wrote the
  /// key.
  std::string text_for_key(std::string_view key) const;

  std::string const& pointer() const { return pointer_; }

  /// The document's name; that of a command-line value inside it.
  std::string const& source() const;

  /// The folder relative paths at this place start from.
  std::filesystem::path const& folder() const;

 private:
  Document::Override const* override_here() const;

  Document const* document_;
  std::string pointer_;
};

/// Parses JSON text strictly: no comments, no trailing text, no key twice in an object.
///
/// Errors    ConfigError with file, line and column for a syntax error, with the JSON pointer for a
///           key written twice, and for a number a double cannot hold
Json parse_json(std::string_view text, std::string const& where);

/// The content of a JSON file. Errors: those of parse_json, ConfigError if it cannot be read.
Json read_json_file(std::filesystem::path const& path);

/// A value on one line, shortened to about 60 characters, for messages.
std::string brief(Json const& value);

/// The candidate that takes the fewest insertions, deletions, substitutions and swaps of neighbours
/// to become `word` (upper and lower case count as equal); the first of several. Empty if there is
/// none.
std::string nearest(std::string_view word, std::vector<std::string> const& candidates);

/// The words joined by ", ".
std::string joined(std::vector<std::string> const& words);

/// Where two documents differ, each with its JSON pointer and both values:
/// "/schedule/2/epochs: 2 before, 3 now". The order of keys does not count; numbers are equal if
/// their values are.
std::vector<std::string> differences(Json const& before, Json const& now);

}  // namespace jetcal
