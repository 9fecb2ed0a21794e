// Where the decoder puts a kernel's registers, constants and variables.
#pragma once

#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/ptx/syntax.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

/// Parameters, shared and local variables of a kernel, and the variables of its module.
class VariableLayout {
 public:
  /// Fills in what `kernel` says about parameters, shared and local memory. `symbols`: device
  /// addresses of the module's variables, which must outlive this.
  VariableLayout(ptx::Module const& module, ptx::Function const& function,
                 std::map<std::string, u64> const& symbols, Kernel& kernel);
  /// The address within its space. Throws std::runtime_error for an unknown name.
  u64 address_of(std::string const& symbol) const;
  /// Whether it lies in the thread's local memory: also .param variables of calls.
  bool is_local(std::string const& symbol) const { return local_.count(symbol) != 0; }

 private:
  void lay_out_shared(ptx::Module const& module, ptx::Function const& function, Kernel& kernel);
  std::map<std::string, u64> const& symbols_;
  std::map<std::string, u64> parameters_, shared_, local_;
};

/// Registers, immediates and special registers. Slots are numbered while instructions are decoded
/// and get their places in the register file when all are known.
class RegisterLayout {
 public:
  explicit RegisterLayout(std::vector<ptx::Register> const& registers);
  Slot of(int reg) const { return registers_[static_cast<std::size_t>(reg)]; }
  /// An immediate of 4 or 8 bytes.
  Slot constant(u64 value, u8 bytes);
  /// %tid.x, ... Throws std::runtime_error for one the emulator does not know.
  Slot special(std::string const& name);
  /// Gives every slot in `kernel` its place.
  void place(Kernel& kernel);

 private:
  u32 next_number();
  std::vector<Slot> registers_;
  std::vector<Kernel::Constant> constants_;
  std::vector<Kernel::SpecialRegister> specials_;
  std::map<std::pair<u64, u8>, Slot> known_constants_;
  std::map<std::string, Slot> known_specials_;
};

}  // namespace emulator
