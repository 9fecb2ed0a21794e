// Cuts a PTX text into words and punctuation.
#include "tests/emulator/ptx/lexer.hpp"

#include <cctype>

namespace emulator::ptx {
namespace {

bool in_word(std::string const& text, std::size_t at) {
  char const c = text[at];
  if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' ||
      c == '.') {
    return true;
  }
  bool const double_colon = c == ':' && ((at + 1 < text.size() && text[at + 1] == ':') ||
                                         (at > 0 && text[at - 1] == ':'));
  return double_colon;
}

}  // namespace

std::vector<Token> tokens_of(std::string const& text) {
  std::vector<Token> tokens;
  int line = 1;
  bool first = true;
  std::size_t at = 0;
  auto push = [&](std::size_t end) {
    tokens.push_back({std::string_view(text).substr(at, end - at), line, at, first});
    first = false;
    at = end;
  };
  while (at < text.size()) {
    char const c = text[at];
    if (c == '\n') {
      ++line;
      ++at;
      first = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (text.compare(at, 2, "//") == 0) {
      while (at < text.size() && text[at] != '\n') { ++at; }
    } else if (text.compare(at, 2, "/*") == 0) {
      std::size_t const end = text.find("*/", at + 2);
      std::size_t const stop = end == std::string::npos ? text.size() : end + 2;
      for (; at < stop; ++at) { line += text[at] == '\n'; }
    } else if (c == '"') {
      std::size_t end = at + 1;
      while (end < text.size() && text[end] != '"') { end += text[end] == '\\' ? 2 : 1; }
      push(end < text.size() ? end + 1 : text.size());
    } else if (in_word(text, at)) {
      std::size_t end = at + 1;
      while (end < text.size() && in_word(text, end)) { ++end; }
      push(end);
    } else {
      push(at + 1);
    }
  }
  tokens.push_back({std::string_view(), line, text.size(), true});
  return tokens;
}

}  // namespace emulator::ptx
