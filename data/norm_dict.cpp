#include "data/norm_dict.hpp"

#include <cmath>
#include <cstdlib>
#include <sstream>

namespace jetcal::data {
namespace {

std::string trimmed(std::string const& text) {
  auto const first = text.find_first_not_of(" \r");
  if (first == std::string::npos) { return {}; }
  return text.substr(first, text.find_last_not_of(" \r") - first + 1);
}

std::string without_quotes(std::string const& text) {
  bool const quoted = text.size() > 1 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::string without_comment(std::string const& line) {
  for (auto at = line.find('#'); at != std::string::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ') { return line.substr(0, at); }
  }
  return line;
}

struct Level {
  std::size_t indent;
  Json* mapping;
};

}  // namespace

bool looks_like_json(std::string const& text) {
  auto const first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

Json parse_norm_dict(std::string const& text, std::string const& where) {
  Json root = Json::object();
  std::vector<Level> levels{{0, &root}};
  Json* opened =
      nullptr;  // the mapping of the last `key:`, which starts if the next line is deeper
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = without_comment(line);
    std::string const content = trimmed(line);
    if (content.empty() || (content == "---" && root.empty())) { continue; }
    std::string const at = where + ": line " + std::to_string(number);
    JETCAL_REQUIRE(line.find('\t') == std::string::npos, ConfigError,
                   at << ": has a tab (must be indented with spaces)");
    std::size_t const indent = line.find_first_not_of(' ');
    if (indent > levels.back().indent) {
      JETCAL_REQUIRE(opened, ConfigError, at << ": is indented deeper than its mapping");
      levels.push_back({indent, opened});
    }
    while (indent < levels.back().indent) { levels.pop_back(); }
    JETCAL_REQUIRE(indent == levels.back().indent, ConfigError,
                   at << ": fits no mapping's indentation");

    auto const colon = content.find(':');
    JETCAL_REQUIRE(colon != std::string::npos && colon > 0, ConfigError,
                   at << ": '" << content << "' (must be `key:` or `key: number`)");
    std::string const key = without_quotes(trimmed(content.substr(0, colon)));
    std::string const value = trimmed(content.substr(colon + 1));
    Json& mapping = *levels.back().mapping;
    JETCAL_REQUIRE(!mapping.contains(key), ConfigError, at << ": '" << key << "' appears twice");
    opened = nullptr;
    if (value.empty()) {
      mapping[key] = Json::object();
      opened = &mapping[key];
      continue;
    }
    char* end = nullptr;
    double const parsed = std::strtod(value.c_str(), &end);
    JETCAL_REQUIRE(*end == '\0' && std::isfinite(parsed), ConfigError,
                   at << ": '" << value << "' of '" << key << "' (must be a finite number)");
    mapping[key] = parsed;
  }
  return root;
}

}  // namespace jetcal::data
