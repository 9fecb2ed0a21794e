// The parser's state; parser.cpp reads modules, statement.cpp what stands in functions.
#pragma once

#include "tests/emulator/ptx/lexer.hpp"
#include "tests/emulator/ptx/syntax.hpp"

#include <stdexcept>

namespace emulator::ptx {

class Parser {
 public:
  explicit Parser(std::string const& text);
  std::unique_ptr<Module> run();

 private:
  /// Names declared between a pair of braces. Those of inner ones hide those of outer ones.
  struct Scope {
    std::map<std::string, int> registers;
    struct Range {
      std::string prefix;
      int first, count;
    };
    std::vector<Range> ranges;                   ///< %r<10>
    std::map<std::string, std::string> symbols;  ///< name -> name that is unique in the function
  };

  [[noreturn]] void fail(std::string const& what) const;
  Token const& peek(std::size_t ahead = 0) const {
    return tokens_[at_ + ahead < tokens_.size() ? at_ + ahead : tokens_.size() - 1];
  }
  Token const& next();
  bool ended() const { return peek().text.empty(); }
  bool eat(std::string_view text);
  void need(std::string_view text);
  std::string word();
  s64 integer();
  void skip_line();
  void skip_braces();

  std::vector<Variable> variables(Space space);
  void initial_value(Variable& v, u64 element);
  std::vector<Variable> parameter_list();
  void function(bool entry);
  int location();

  void body();
  void register_declaration();
  void local_declaration(Space space);
  void statement();
  Operand operand();
  Operand address();
  Operand number(std::string const& word, bool negative);
  Operand name(std::string const& word);
  std::vector<Operand> list_until(std::string_view end);
  int find_register(std::string const& name) const;

  std::string const& text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::unique_ptr<Module> module_;
  Function* function_ = nullptr;
  std::vector<Scope> scopes_;
  int location_ = 0;
};

}  // namespace emulator::ptx
