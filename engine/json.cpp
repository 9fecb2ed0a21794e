#include "engine/json.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>

namespace jetcal {
namespace {

// A JSON pointer's step (RFC 6901): "~" and "/" inside a key are escaped.
std::string escaped(std::string_view key) {
  std::string out;
  for (char const c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Is `pointer` the place `outer` or inside it?
bool inside(std::string_view pointer, std::string_view outer) {
  return pointer.substr(0, outer.size()) == outer &&
         (pointer.size() == outer.size() || pointer[outer.size()] == '/');
}

// Watches the parser's events for an object with the same key twice, of which nlohmann::json would
// silently keep one.
class DuplicateKeys {
 public:
  explicit DuplicateKeys(std::string const& where) : where_(where) {}

  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
        open_.push_back({false, 0, {}, {}});
        break;
      case Json::parse_event_t::array_start:
        open_.push_back({true, 0, {}, {}});
        break;
      case Json::parse_event_t::key:
        see(parsed.get_ref<std::string const&>());
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        open_.pop_back();
        count();
        break;
      case Json::parse_event_t::value:
        count();
        break;
    }
    return true;
  }

 private:
  struct Level {
    bool list;
    std::size_t index;
    std::string key;
    std::set<std::string> keys;
  };

  void see(std::string const& key) {
    Level& level = open_.back();
    JETCAL_REQUIRE(level.keys.insert(key).second, ConfigError,
                   where_ << ": " << pointer() << (open_.size() > 1 ? ": " : "") << "key '" << key
                          << "' appears twice in one object. Keep one");
    level.key = key;
  }

  void count() {
    if (!open_.empty() && open_.back().list) { ++open_.back().index; }
  }

  std::string pointer() const {
    std::string out;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      out += '/' + (open_[i].list ? std::to_string(open_[i].index) : escaped(open_[i].key));
    }
    return out;
  }

  std::string const& where_;
  std::vector<Level> open_;
};

std::string line_and_column(std::string_view text, std::size_t byte) {
  // nlohmann counts the bytes read: the offending one is the last of them.
  auto const before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  auto const line = std::count(before.begin(), before.end(), '\n') + 1;
  auto const start = before.rfind('\n');
  auto const column = start == std::string_view::npos ? before.size() : before.size() - start - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

void compare(Json const& before, Json const& now, std::string const& pointer,
             std::vector<std::string>& out) {
  auto const member = [](Json const& object, std::string const& key) -> Json const* {
    auto const found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  };
  auto const note = [&](std::string const& at, Json const* a, Json const* b) {
    out.push_back((at.empty() ? "/" : at) + ": " + (a ? brief(*a) : "absent") + " before, " +
                  (b ? brief(*b) : "absent") + " now");
  };
  if (before.is_object() && now.is_object()) {
    for (auto const& [key, value] : before.items()) {
      Json const* const other = member(now, key);
      if (other) {
        compare(value, *other, pointer + '/' + escaped(key), out);
      } else {
        note(pointer + '/' + escaped(key), &value, nullptr);
      }
    }
    for (auto const& [key, value] : now.items()) {
      if (!member(before, key)) { note(pointer + '/' + escaped(key), nullptr, &value); }
    }
  } else if (before.is_array() && now.is_array()) {
    for (std::size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
      std::string const at = pointer + '/' + std::to_string(i);
      if (i < before.size() && i < now.size()) {
        compare(before[i], now[i], at, out);
      } else {
        note(at, i < before.size() ? &before[i] : nullptr, i < now.size() ? &now[i] : nullptr);
      }
    }
  } else if (before != now) {
    note(pointer, &before, &now);
  }
}

}  // namespace

Place Place::operator/(std::string_view key) const {
  Place child = *this;
  child.pointer_ += '/' + escaped(key);
  return child;
}

Document::Override const* Place::override_here() const {
  // A later --set wins over an earlier one.
  for (auto i = document_->overrides.rbegin(); i != document_->overrides.rend(); ++i) {
    if (inside(pointer_, i->pointer)) { return &*i; }
  }
  return nullptr;
}

std::string const& Place::source() const {
  Document::Override const* const o = override_here();
  return o ? o->name : document_->name;
}

std::filesystem::path const& Place::folder() const {
  Document::Override const* const o = override_here();
  return o ? o->folder : document_->folder;
}

std::string Place::text() const { return pointer_.empty() ? source() : source() + ": " + pointer_; }

std::string Place::text_for_key(std::string_view key) const {
  std::string const& name = (*this / key).source();
  return pointer_.empty() ? name : name + ": " + pointer_;
}

Json parse_json(std::string_view text, std::string const& where) {
  try {
    return Json::parse(text.begin(), text.end(), DuplicateKeys(where));
  } catch (Json::parse_error const& e) {
    std::string what = e.what();
    // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error ...": what
    // follows the position.
    auto const at = what.find("column ");
    auto const colon = at == std::string::npos ? at : what.find(": ", at);
    if (colon != std::string::npos) { what = what.substr(colon + 2); }
    throw ConfigError(where + ": " + line_and_column(text, e.byte) + ": " + what);
  } catch (Json::out_of_range const& e) {
    std::string const what = e.what();
    auto const start = what.find("] ");
    throw ConfigError(where + ": " + (start == std::string::npos ? what : what.substr(start + 2)) +
                      " (numbers must fit into a double)");
  }
}

Json read_json_file(std::filesystem::path const& path) {
  std::error_code ignored;
  JETCAL_REQUIRE(!std::filesystem::is_directory(path, ignored), ConfigError,
                 path.string() << ": is a folder (must be a JSON file). Name the file inside it");
  std::ifstream in(path, std::ios::binary);
  JETCAL_REQUIRE(in, ConfigError,
                 path.string() << ": cannot be opened (must be a readable JSON file)");
  std::string const text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  JETCAL_REQUIRE(!in.bad(), ConfigError, path.string() << ": cannot be read to its end");
  return parse_json(text, path.string());
}

std::string brief(Json const& value) {
  constexpr std::size_t kLongest = 60;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kLongest) {
    std::size_t cut = kLongest - 4;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) { --cut; }
    text = text.substr(0, cut) + " ...";
  }
  return text;
}

std::string nearest(std::string_view word, std::vector<std::string> const& candidates) {
  auto const lower = [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  // Optimal string alignment distance (Damerau, CACM 7 (1964) 171), row by row.
  auto const distance = [&](std::string_view a, std::string_view b) {
    std::vector<std::size_t> two_up;
    std::vector<std::size_t> up(b.size() + 1);
    std::iota(up.begin(), up.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::vector<std::size_t> row(b.size() + 1, i);
      for (std::size_t j = 1; j <= b.size(); ++j) {
        bool const same = lower(a[i - 1]) == lower(b[j - 1]);
        row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (same ? 0 : 1)});
        if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
            lower(a[i - 2]) == lower(b[j - 1])) {
          row[j] = std::min(row[j], two_up[j - 2] + 1);
        }
      }
      two_up = std::move(up);
      up = std::move(row);
    }
    return up[b.size()];
  };
  std::string best;
  std::size_t best_distance = 0;
  for (std::string const& candidate : candidates) {
    std::size_t const d = distance(word, candidate);
    if (best.empty() || d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string joined(std::vector<std::string> const& words) {
  std::string out;
  for (std::string const& word : words) { out += (out.empty() ? "" : ", ") + word; }
  return out;
}

std::vector<std::string> differences(Json const& before, Json const& now) {
  std::vector<std::string> out;
  compare(before, now, "", out);
  return out;
}

}  // namespace jetcal
