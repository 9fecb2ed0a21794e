// From an opcode to the function that executes it; one function here for each family of
// instructions.
#pragma once

#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/ptx/syntax.hpp"

namespace emulator {

/// What the decoder has to know of an opcode. run == nullptr: not of this family.
struct Choice {
  Execute run = nullptr;
  Execute inner = nullptr;  ///< see Instruction
  Class cls = Class::arithmetic;
  Control control = Control::none;
  int sync_operand = -1;
  u32 variant = 0;
  Choice() = default;
  Choice(Execute f, Class c) : run(f), cls(c) {}
};

/// The first and second type among the modifiers of an opcode: cvt.rn.f32.s32 has f32 and s32.
struct Types {
  Type first = Type::none, second = Type::none;
};
Types types_of(ptx::Statement const& s);

/// The state space among the modifiers; generic if there is none.
Space space_of(ptx::Statement const& s);

/// `choice` under the rounding of s (.rz, .rm, .rp), if that is not to the nearest. For functions
/// that round by the processor's own instructions.
Choice with_rounding(ptx::Statement const& s, Choice choice);

Choice select_integer(ptx::Statement const& s);  // execute/integer.cpp
Choice select_bits(ptx::Statement const& s);     // execute/bitwise.cpp
Choice select_float(ptx::Statement const& s);    // execute/floating.cpp
Choice select_narrow(ptx::Statement const& s);   // execute/narrow.cpp
Choice select_compare(ptx::Statement const& s);  // execute/compare.cpp
Choice select_convert(ptx::Statement const& s);  // execute/convert.cpp
Choice select_move(ptx::Statement const& s);     // execute/move.cpp
Choice select_memory(ptx::Statement const& s);   // execute/load_store.cpp
Choice select_atomic(ptx::Statement const& s);   // execute/atomic.cpp
Choice select_async(ptx::Statement const& s);    // execute/copy_async.cpp
Choice select_warp(ptx::Statement const& s);     // execute/shuffle.cpp
Choice select_matrix(ptx::Statement const& s);   // execute/matrix.cpp

}  // namespace emulator
