// Device functions nvcc did not inline: every call is replaced by the body of what it calls.
#pragma once

#include "tests/emulator/ptx/syntax.hpp"

namespace emulator::ptx {

/// `entry` without calls of functions the module defines. Calls of others (vprintf, __assertfail)
/// stay. Throws std::runtime_error for recursion and for calls through pointers.
Function without_calls(Module const& module, Function const& entry);

}  // namespace emulator::ptx
