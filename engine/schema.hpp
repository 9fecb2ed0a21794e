#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/json.hpp"

/// JSON described by tables: one line a key gives its name, its place in a C++ struct, what it may
/// be and what it means. The same table reads a document, fills its defaults, refuses what it does
/// not know, writes the struct back, and prints the reference pages.
namespace jetcal::schema {

struct TableDoc;

/// What the reference page says of a value.
struct Shape {
  std::string type;                      ///< "integer", "list of numbers"
  std::string allowed;                   ///< "0 <= x < 1"; empty: anything of the type
  std::shared_ptr<TableDoc const> keys;  ///< of an object, or of the objects in a list or map
  std::string path;                      ///< how the reference page goes on to them: "", "[]", ".*"
};

/// A table, as the reference page prints it.
struct TableDoc {
  struct Row {
    std::string key;
    Shape shape;
    std::string default_value;
    std::string doc;
  };
  std::string what;
  std::vector<Row> rows;
};

/// How a C++ value is read from JSON and written to it. `read` throws ConfigError, naming the
/// place, for a wrong type or a value out of range.
template <class T>
struct Codec {
  Shape shape;
  std::function<T(Json const&, Place const&)> read;
  std::function<Json(T const&)> write;
  std::optional<Json> when_absent = std::nullopt;  ///< what an absent key stands for
};

/// Numbers between two ends, each in or out; an infinite end is out.
struct Interval {
  double low;
  double high;
  bool low_in = true;
  bool high_in = true;

  bool holds(double x) const;
  std::string text() const;  ///< "0 <= x < 1"
};
Interval above(double low);
Interval at_least(double low);

/// "quick.json: /seed: is "x" (must be an integer)" as a ConfigError.
[[noreturn]] void refuse(Json const& value, Place const& place, std::string const& must_be);

Codec<bool> boolean();
Codec<double> number(Interval allowed);
Codec<double> number();
Codec<std::int64_t> integer(std::int64_t low, std::int64_t high);
Codec<std::uint64_t> unsigned_integer();
Codec<std::string> text();  ///< may be empty
Codec<std::string> non_empty_text();
Codec<std::string> path_or_glob();  ///< made absolute from the folder of its place

/// One of a few words, each standing for a value.
template <class E>
Codec<E> one_of(std::vector<std::pair<std::string, E>> words) {
  std::vector<std::string> names;
  for (auto const& [name, value] : words) { names.push_back(name); }
  Codec<E> codec;
  codec.shape = {"text", "", nullptr, ""};
  for (std::string const& name : names) {
    codec.shape.allowed += (codec.shape.allowed.empty() ? "`" : ", `") + name + "`";
  }
  codec.read = [words, names](Json const& json, Place const& place) {
    if (!json.is_string()) { refuse(json, place, "one of " + joined(names)); }
    std::string const word = json.get<std::string>();
    for (auto const& [name, value] : words) {
      if (name == word) { return value; }
    }
    throw ConfigError(place.text() + ": is '" + word + "' (must be one of " + joined(names) +
                      "). Did you mean '" + nearest(word, names) + "'?");
  };
  codec.write = [words](E const& wanted) {
    for (auto const& [name, value] : words) {
      if (value == wanted) { return Json(name); }
    }
    throw Error("schema: a value has no word");
  };
  return codec;
}

/// A list of at least `min_items`. With `alone`, a value that is no list is a list of one.
template <class T>
Codec<std::vector<T>> list_of(Codec<T> item, std::size_t min_items = 0, bool alone = false) {
  std::string const plural = item.shape.type == "text" ? "text" : item.shape.type + "s";
  std::string const must_be =
      "a list of " + plural + (min_items > 0 ? ", at least " + std::to_string(min_items) : "");
  Codec<std::vector<T>> codec;
  codec.shape = {"list of " + plural, item.shape.allowed, item.shape.keys, "[]" + item.shape.path};
  if (alone) { codec.shape.type = item.shape.type + " or " + codec.shape.type; }
  codec.read = [item, min_items, alone, must_be](Json const& json, Place const& place) {
    if (alone && !json.is_array()) { return std::vector<T>{item.read(json, place)}; }
    if (!json.is_array() || json.size() < min_items) { refuse(json, place, must_be); }
    std::vector<T> out;
    for (std::size_t i = 0; i < json.size(); ++i) { out.push_back(item.read(json[i], place / i)); }
    return out;
  };
  codec.write = [item](std::vector<T> const& values) {
    Json out = Json::array();
    for (auto const& value : values) { out.push_back(item.write(value)); }
    return out;
  };
  return codec;
}

/// An object with any keys, all with the same kind of value.
template <class T>
Codec<std::map<std::string, T>> map_of(Codec<T> item) {
  Codec<std::map<std::string, T>> codec;
  codec.shape = {"object of any keys, each " + item.shape.type, item.shape.allowed, item.shape.keys,
                 ".*" + item.shape.path};
  codec.read = [item](Json const& json, Place const& place) {
    if (!json.is_object()) { refuse(json, place, "an object"); }
    std::map<std::string, T> out;
    for (auto const& [key, value] : json.items()) { out[key] = item.read(value, place / key); }
    return out;
  };
  codec.write = [item](std::map<std::string, T> const& values) {
    Json out = Json::object();
    for (auto const& [key, value] : values) { out[key] = item.write(value); }
    return out;
  };
  return codec;
}

/// A value or null.
template <class T>
Codec<std::optional<T>> or_null(Codec<T> item) {
  Codec<std::optional<T>> codec;
  codec.shape = item.shape;
  codec.shape.type += " or null";
  codec.read = [item](Json const& json, Place const& place) {
    return json.is_null() ? std::optional<T>{} : std::optional<T>{item.read(json, place)};
  };
  codec.write = [item](std::optional<T> const& value) {
    return value ? item.write(*value) : Json(nullptr);
  };
  return codec;
}

/// The keys of a JSON object that becomes a struct S. Keys are read in the order of the table,
/// whatever their order in the document, so that one key can set the defaults of later ones.
template <class S>
class Table {
 public:
  /// One key.
  struct Key {
    std::string name;
    Shape shape;
    std::string doc;
    std::function<void(Json const&, Place const&, S&)> read;
    std::function<Json(S const&)> write;
    std::optional<Json> when_absent;
    std::function<bool(S const&)> is_required;
    std::string required_words;
    std::function<void(S&)> after;
    std::function<bool(S const&)> is_used;
    std::string used_for;
    std::string default_text;

    /// The document must have it.
    Key& required() {
      return required_if("required", [](S const&) { return true; });
    }
    /// The document must have it where `test` holds of the keys before it.
    Key& required_if(std::string words, std::function<bool(S const&)> test) {
      required_words = std::move(words);
      is_required = std::move(test);
      return *this;
    }
    /// What the reference page says of the default, where it depends on other keys.
    Key& defaults(std::string words) {
      default_text = std::move(words);
      return *this;
    }
    /// Run after this key was read or left at its default: sets defaults of later keys.
    Key& then(std::function<void(S&)> f) {
      after = std::move(f);
      return *this;
    }
    /// The key has a meaning only where `test` holds of the keys before it; elsewhere it is
    /// refused, and not written.
    Key& only(std::string words, std::function<bool(S const&)> test) {
      used_for = std::move(words);
      is_used = std::move(test);
      return *this;
    }
  };

  /// `what` is a phrase: "one step of the schedule".
  explicit Table(std::string what) : what_(std::move(what)) {}

  /// A key kept in a member of S.
  template <class T>
  Key& key(std::string name, T S::*member, Codec<T> codec, std::string doc) {
    return key<T>(
        std::move(name), [member](S const& s) { return s.*member; },
        [member](S& s, T value) { s.*member = std::move(value); }, std::move(codec),
        std::move(doc));
  }

  /// A key kept in S in another form.
  template <class T>
  Key& key(std::string name, std::function<T(S const&)> get, std::function<void(S&, T)> set,
           Codec<T> codec, std::string doc) {
    Key k;
    k.name = std::move(name);
    k.shape = codec.shape;
    k.doc = std::move(doc);
    k.when_absent = codec.when_absent;
    k.read = [codec, set](Json const& json, Place const& place, S& s) {
      set(s, codec.read(json, place));
    };
    k.write = [codec, get](S const& s) { return codec.write(get(s)); };
    keys_.push_back(std::move(k));
    return keys_.back();
  }

  /// A nested object whose keys are members of the same struct.
  Key& group(std::string name, Table<S> table, std::string doc) {
    Key k;
    k.name = std::move(name);
    k.shape = {"object", "", std::make_shared<TableDoc const>(table.documentation()), ""};
    k.doc = std::move(doc);
    k.when_absent = Json::object();
    k.read = [table](Json const& json, Place const& place, S& s) {
      s = table.read(json, place, std::move(s));
    };
    k.write = [table](S const& s) { return table.write(s); };
    keys_.push_back(std::move(k));
    return keys_.back();
  }

  /// A rule over several keys; throws ConfigError.
  Table& check(std::function<void(S const&, Place const&)> rule) {
    rules_.push_back(std::move(rule));
    return *this;
  }

  /// Reads an object over the values of `start`. Errors: ConfigError naming the place.
  S read(Json const& json, Place const& place, S start = {}) const {
    if (!json.is_object()) { refuse(json, place, "an object with keys " + joined(names())); }
    for (auto const& [name, value] : json.items()) { require_known(name, place); }
    for (Key const& k : keys_) {
      auto const found = json.find(k.name);
      bool const used = !k.is_used || k.is_used(start);
      if (found != json.end()) {
        JETCAL_REQUIRE(used, ConfigError,
                       place.text_for_key(k.name) << ": key '" << k.name << "' has no effect here ("
                                                  << "it is for " << k.used_for << "). Remove it");
        k.read(*found, place / k.name, start);
      } else if (used) {
        JETCAL_REQUIRE(!k.is_required || !k.is_required(start), ConfigError,
                       place.text() << ": key '" << k.name << "' is missing (" << k.doc << ")");
        if (k.when_absent) { k.read(*k.when_absent, place / k.name, start); }
      }
      if (k.after) { k.after(start); }
    }
    for (auto const& rule : rules_) { rule(start, place); }
    return start;
  }

  /// Every key that has a meaning for these values, defaults included.
  Json write(S const& s) const {
    Json out = Json::object();
    for (Key const& k : keys_) {
      if (!k.is_used || k.is_used(s)) { out[k.name] = k.write(s); }
    }
    return out;
  }

  TableDoc documentation() const {
    TableDoc doc{what_, {}};
    for (Key const& k : keys_) {
      std::string value = k.default_text;
      if (k.is_required) {
        value = k.required_words;
      } else if (value.empty() && !k.when_absent) {
        value.append("`").append(k.write(S{}).dump()).append("`");
      }
      std::string meaning;
      if (k.is_used) { meaning.append("Only for ").append(k.used_for).append(". "); }
      doc.rows.push_back({k.name, k.shape, value, meaning + k.doc});
    }
    return doc;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (Key const& k : keys_) { out.push_back(k.name); }
    return out;
  }

 private:
  void require_known(std::string const& name, Place const& place) const {
    for (Key const& k : keys_) {
      if (k.name == name) { return; }
    }
    throw ConfigError(place.text_for_key(name) + ": unknown key '" + name + "' (known: " +
                      joined(names()) + "). Did you mean '" + nearest(name, names()) + "'?");
  }

  std::string what_;
  std::vector<Key> keys_;
  std::vector<std::function<void(S const&, Place const&)>> rules_;
};

/// A JSON object that becomes a struct. An absent key stands for an empty object: all defaults.
template <class S>
Codec<S> object(Table<S> table) {
  Codec<S> codec;
  codec.shape = {"object", "", std::make_shared<TableDoc const>(table.documentation()), ""};
  codec.read = [table](Json const& json, Place const& place) { return table.read(json, place); };
  codec.write = [table](S const& s) { return table.write(s); };
  codec.when_absent = Json::object();
  return codec;
}

/// The reference pages of a table and of all tables inside it, in Markdown.
std::string markdown(TableDoc const& table);

}  // namespace jetcal::schema
