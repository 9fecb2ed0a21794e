// Races in shared memory: two threads of a block touch the same bytes, at least one writes, and
// nothing orders them.
//
// What orders two accesses: a barrier of the block between them, for threads of one warp also a
// __syncwarp both take part in, or that one thread made both. Every granule (4 bytes, or less where
// a kernel has narrower accesses) remembers its last write and who has read it since the last
// barrier.
#pragma once

#include "tests/emulator/types.hpp"

#include <array>
#include <vector>

namespace emulator {

/// Which pairs of lanes of a warp have met at a __syncwarp, and when (counted in such meetings).
class WarpClock {
 public:
  void reset() {
    now_ = 1;
    all_ = 0;
    partial_ = false;
  }
  u32 now() const { return now_; }
  /// The lanes of `lanes` meet; `all`: these are all lanes there are.
  void meet(Lanes lanes, bool all);
  /// Whether lanes a and b have met since `then` (what now() was).
  bool met_since(int a, int b, u32 then) const {
    if (a == b || all_ >= then) { return true; }
    return partial_ && pairs_[static_cast<std::size_t>(a * kWarpSize + b)] >= then;
  }

 private:
  u32 now_ = 1, all_ = 0;
  bool partial_ = false;
  std::array<u32, kWarpSize * kWarpSize> pairs_{};
};

/// The other half of a race.
struct SharedConflict {
  bool other_wrote = false;
  int other_warp = 0, other_lane = 0;
  int other_instruction = 0;
};

class SharedRaces {
 public:
  /// For a block with `bytes` of shared memory (guards included).
  void prepare(u64 bytes, int granule);
  /// A barrier of the whole block; a new block begins with one.
  void barrier() { ++interval_; }

  /// One access by `lanes` of a warp (one lane, or all for ldmatrix) to [at, at + bytes).
  /// True and `conflict` filled in if it races. Atomic accesses race with plain ones only.
  bool read(u64 at, int bytes, int warp, Lanes lanes, int instruction, WarpClock const& clock,
            SharedConflict& conflict, bool atomic = false);
  bool write(u64 at, int bytes, int warp, int lane, int instruction, WarpClock const& clock,
             SharedConflict& conflict, bool atomic = false);

 private:
  struct Granule {
    // The last write.
    u32 write_interval = 0, write_clock = 0;
    u16 write_thread = 0, write_instruction = 0;
    bool write_atomic = false;
    // The reads since the last barrier: lanes of one warp, and whether another warp has read too.
    bool read_atomic = false;
    u8 read_warp = 0, other_read_warp = 0;
    u32 read_interval = 0, read_clock = 0;
    Lanes read_lanes = 0;
    u16 read_instruction = 0, other_read_instruction = 0;
  };
  static constexpr u8 kNobody = 0xff;

  bool write_conflicts(Granule const& g, int warp, Lanes lanes, WarpClock const& clock, bool atomic,
                       SharedConflict& conflict) const;
  bool read_conflicts(Granule const& g, int warp, int lane, WarpClock const& clock, bool atomic,
                      SharedConflict& conflict) const;

  std::vector<Granule> granules_;
  int shift_ = 2;
  u32 interval_ = 1;
};

}  // namespace emulator
