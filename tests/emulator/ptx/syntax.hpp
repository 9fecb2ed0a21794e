// What the parser makes of a PTX text: functions of statements over numbered registers.
#pragma once

#include "tests/emulator/types.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace emulator::ptx {

/// An operand as written.
struct Operand {
  enum class Kind : u8 { reg, number, symbol, special, address, list, nothing };
  Kind kind = Kind::nothing;
  int reg = -1;          ///< reg; address: the base register, -1 if the base is a symbol or none
  int second = -1;       ///< the q of `p|q`
  bool negated = false;  ///< `!p`
  u64 number = 0;        ///< number: its bits
  Type number_type = Type::none;  ///< f32 or f64 for 0f..., 0d...; none for integers
  std::string name;           ///< symbol, special register, symbol that is the base of an address
  s64 offset = 0;             ///< address and symbol: what is added
  std::vector<Operand> list;  ///< {a, b, ...}; `_` is nothing
};

/// One instruction as written.
struct Statement {
  int guard = -1;  ///< register of `@p`, -1: none
  bool guard_negated = false;
  std::string text;
  std::vector<std::string> opcode;  ///< split at the dots: {"ld", "global", "f32"}
  std::vector<Operand> operands;
  int line = 0;      ///< in the PTX text
  int location = 0;  ///< index of Module::locations, 0: unknown
  bool has(char const* modifier) const;
};

struct Register {
  std::string name;
  Type type;
};

/// A variable of a module or function: where it lies and what it begins with.
struct Variable {
  std::string name;
  Space space = Space::global;
  u64 align = 1, bytes = 0;
  bool external = false;  ///< without a size: dynamic shared memory
  std::vector<u8> initial;
  std::vector<std::pair<u64, std::string>> addresses;  ///< (offset, symbol) in the initial value
};

struct Function {
  std::string name;
  bool entry = false, defined = false;
  std::vector<Variable> parameters, results;
  std::vector<Variable> variables;  ///< local, shared and param ones declared inside
  std::vector<Register> registers;
  std::vector<Statement> statements;
  std::map<std::string, int> labels;  ///< index of the statement behind it
  std::map<std::string, std::vector<std::string>> branch_targets;
  u32 max_threads = kMaxThreadsPerBlock;
};

/// A place in a source file; inlined code names the place of the call too.
struct Location {
  int file = 0, line = 0;
  int inlined_at = 0;  ///< index of the location of the call, 0: none
};

struct Module {
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::vector<Variable> variables;
  std::map<int, std::string> files;
  std::vector<Location> locations = {Location{}};
  std::string target;  ///< "sm_80"
  /// "dense.cu:45", with "(inlined at mish.cu:12)" where that says more; "?" without -lineinfo.
  std::string place(int location) const;
};

/// Parses a PTX text. Throws std::runtime_error that names the PTX line.
std::unique_ptr<Module> parse(std::string const& text);

}  // namespace emulator::ptx
