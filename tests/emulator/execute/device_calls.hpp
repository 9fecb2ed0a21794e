// What device code may call: assert and printf; and trap.
#pragma once

#include "tests/emulator/execute/program.hpp"

namespace emulator {

/// __assertfail, vprintf; nullptr: unknown. Arguments: from[n] is where in local memory they lie.
Execute device_function(std::string const& name);

/// Ends the block with a finding.
void device_trap(Warp& w, Instruction const& i, Lanes lanes);

}  // namespace emulator
