// Cuts a PTX text into words and punctuation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace emulator::ptx {

struct Token {
  std::string_view text;  ///< empty at the end of the text
  int line = 0;
  std::size_t begin = 0;  ///< offset in the text
  bool first_of_line = false;
};

/// Words (names, opcodes with their dots, directives, numbers), quoted strings, single characters
/// of punctuation; comments are left out. A `::` inside a word belongs to it, a single `:` does
/// not.
std::vector<Token> tokens_of(std::string const& text);

}  // namespace emulator::ptx
