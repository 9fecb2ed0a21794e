// Decoded kernels: instructions with their function, their operands as places in the register file.
#pragma once

#include "tests/emulator/types.hpp"

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace emulator {

namespace ptx {
struct Module;
}
struct Warp;
struct Instruction;

/// What an instruction does for a set of lanes (never empty).
using Execute = void (*)(Warp&, Instruction const&, Lanes);

/// What the scheduler of a warp must know about an instruction.
enum class Control : u8 {
  none,
  branch,   ///< to target
  indexed,  ///< to targets[from[0]]
  exit,
  barrier,   ///< waits for all threads of the block
  warp_sync  ///< waits for the lanes of the mask in from[sync_operand] (all lanes if that is -1)
};

/// Classes the counters tell apart.
enum class Class : u8 {
  mma,
  fma,
  arithmetic,
  special,
  integer,
  compare,
  convert,
  move,
  load_global,
  store_global,
  load_shared,
  store_shared,
  load_matrix,
  copy_async,
  load_local,
  store_local,
  load_param,
  atomic,
  warp,
  barrier,
  control,
  count
};
char const* name_of(Class c);

/// An operand in the register file: 32 cells of 4 or 8 bytes, or one word of predicate bits.
struct Slot {
  static constexpr u32 kNone = std::numeric_limits<u32>::max();
  u32 at = kNone;  ///< in words
  u8 bytes = 0;    ///< of a cell: 4 or 8; 0: predicate
  bool negated = false;
  bool there() const { return at != kNone; }
};

struct Instruction {
  Execute run = nullptr;
  Execute inner = nullptr;  ///< what `run` wraps (directed rounding)
  Control control = Control::none;
  Class cls = Class::move;
  Space space = Space::generic;
  Type type = Type::none, source_type = Type::none;
  bool guard_negated = false;
  u8 vector = 1;  ///< elements of a vector access, registers of a matrix operand
  u32 guard = Slot::kNone;
  int target = -1;
  int sync_operand = -1;  ///< of a warp_sync: which source is the mask
  u32 variant = 0;        ///< what distinguishes forms that share a function; see there
  std::array<Slot, 4> to;
  std::array<Slot, 12> from;
  std::array<s64, 2> offset{};  ///< of address operands
  std::vector<int> targets;     ///< of an indexed branch
  int line = 0, location = 0;   ///< in the PTX text, in the source
  std::string text;
};

/// Registers that hold the same in every instruction of a thread.
enum class Special : u8 {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  dynamic_smem_size
};

struct Kernel {
  struct Parameter {
    u64 offset, bytes;
  };
  struct Constant {
    Slot slot;
    u64 value;
  };
  struct SpecialRegister {
    Special which;
    Slot slot;
  };
  struct Extent {
    u64 begin, end;
  };

  std::string name;    ///< demangled
  std::string symbol;  ///< as in the PTX
  ptx::Module const* source = nullptr;
  std::vector<Instruction> code;
  std::vector<Parameter> parameters;
  u64 parameter_bytes = 0;
  std::vector<Constant> constants;  ///< immediates, filled in once
  std::vector<SpecialRegister> specials;
  u32 first_register = 0, words = 0;  ///< of the register file; constants and specials come first
  std::vector<Extent> shared;         ///< static variables, with guard bands between them
  u64 shared_bytes = 0;               ///< their sum
  u64 dynamic_shared_at = 0;
  u64 local_bytes = 0;
  u32 max_threads = kMaxThreadsPerBlock;
  int shared_granule = 4;  ///< bytes of the narrowest access to shared memory: 1, 2 or 4
};

/// Shared memory begins here, so that a null pointer is none into it.
constexpr u64 kSharedBegin = 1024;
/// Bytes nobody may touch behind each static shared variable (a multiple of all banks).
constexpr u64 kSharedGuard = 128;

}  // namespace emulator
