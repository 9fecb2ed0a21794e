// Decodes a kernel: statements become instructions with functions and places in the register file.
#pragma once

#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/ptx/syntax.hpp"

#include <map>

namespace emulator {

/// `symbols`: device addresses of the module's variables. Throws std::runtime_error that names the
/// PTX line for what the emulator does not know.
Kernel decode(ptx::Module const& module, ptx::Function const& entry,
              std::map<std::string, u64> const& symbols);

}  // namespace emulator
