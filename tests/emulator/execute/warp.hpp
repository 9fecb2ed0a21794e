// A block that is being executed, and its warps.
#pragma once

#include "tests/emulator/counters.hpp"
#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/memory/block_accesses.hpp"
#include "tests/emulator/memory/shared_memory.hpp"
#include "tests/emulator/random.hpp"
#include "tests/emulator/report.hpp"

#include <cstdlib>
#include <memory>
#include <vector>

namespace emulator {

struct Block;

/// What all blocks of a launch share.
struct Launch {
  Kernel const& kernel;
  Dim3 grid, block;
  u64 dynamic_shared = 0;
  std::vector<u8> parameters;
  u64 seed = 0;
  LaunchAccesses accesses;
};

/// Thrown once a finding is such that the block cannot go on.
struct BlockStopped {};

/// A cp.async that has not been waited for. Its bytes arrive as late as they may.
struct AsyncCopy {
  u64 to = 0, from = 0;
  int bytes = 0, from_bytes = 0;  ///< the rest are zeros
  int group = 0, lane = 0;
  Instruction const* instruction = nullptr;
};

struct Warp {
  Warp(Block& of, int number, u32* registers) : block(of), index(number), words(registers) {}

  Block& block;
  int index;
  u32* words;  ///< the register file
  Lanes alive = 0, at_barrier = 0;
  std::array<int, kWarpSize> pc{};
  Instruction const* current = nullptr;
  WarpClock clock;
  u64 steps = 0;
  std::vector<AsyncCopy> copies;
  std::array<int, kWarpSize> copy_group{};  ///< of the next cp.async of a lane
  std::vector<u8> local;                    ///< lane by lane
  std::vector<State> local_state;

  /// Cells of an operand: u32 for values of up to 4 bytes, u64 for those of 8.
  template <class Cell>
  Cell* cells(Slot slot) {
    return reinterpret_cast<Cell*>(words + slot.at);
  }
  /// The bits of a predicate, as the operand asks for them.
  Lanes predicate(Slot slot) const { return slot.negated ? ~words[slot.at] : words[slot.at]; }
  void set_predicate(Slot slot, Lanes lanes, Lanes value) {
    words[slot.at] = (words[slot.at] & ~lanes) | (value & lanes);
  }
  /// Any integer operand, extended with zeros.
  u64 value(Slot slot, int lane) {
    if (slot.bytes == 0) { return predicate(slot) >> lane & 1; }
    return slot.bytes == 8 ? cells<u64>(slot)[lane] : cells<u32>(slot)[lane];
  }
  void set_value(Slot slot, int lane, u64 value) {
    if (slot.bytes == 8) {
      cells<u64>(slot)[lane] = value;
    } else {
      cells<u32>(slot)[lane] = static_cast<u32>(value);
    }
  }
  int index_of(Instruction const& i) const;
};

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};

struct Block {
  explicit Block(Launch& launch);
  /// Executes the block with this number from beginning to end; the findings are added to
  /// `findings`.
  void run(u64 number);

  /// Notes a finding; `fatal`: the block ends here. Only the first of a kind at an instruction is
  /// told.
  template <class MakeText>
  void find(Check check, Warp const& warp, Instruction const& i, int lane, MakeText&& text) {
    if (!known(check, warp.index_of(i))) { note(check, warp, i, lane, text()); }
  }
  template <class MakeText>
  [[noreturn]] void stop(Check check, Warp const& warp, Instruction const& i, int lane,
                         MakeText&& text) {
    find(check, warp, i, lane, text);
    throw BlockStopped{};
  }

  Launch& launch;
  Kernel const& kernel;
  u64 number = 0;
  Dim3 index;
  u32 threads = 0;
  SharedMemory shared;
  BlockAccesses accesses;
  CounterTable counters;
  std::vector<Warp> warps;
  std::vector<Finding> findings;
  Random random{0};

 private:
  void begin(u64 number);
  void fill_special(Warp& warp, Kernel::SpecialRegister const& special);
  void release_barrier();
  [[noreturn]] void deadlock();
  bool known(Check check, int instruction);
  void note(Check check, Warp const& warp, Instruction const& i, int lane, std::string text);
  void compare_with_other_blocks();
  std::unique_ptr<u32, FreeDeleter> register_file_;
  std::size_t first_finding_ = 0;
};

/// Runs a warp for at most `budget` instructions; false if none of its lanes could go on.
bool run_warp(Warp& warp, u64 budget);

/// Executes a launch; its findings go to Findings::all(), its counters to Counters::all().
void run_launch(Launch& launch);

/// Where these bytes lie, after all checks. Findings that leave nothing to access end the block.
/// Reads of `lane` that fetch for the whole warp (ldmatrix) name all lanes as readers.
u8* touch(Warp& warp, Instruction const& i, int lane, Space space, u64 address, int bytes,
          Touch kind, Lanes readers = 0);

}  // namespace emulator
