// Races in shared memory: the book-keeping of one block.
#include "tests/emulator/memory/shared_races.hpp"

#include <bit>

namespace emulator {

void WarpClock::meet(Lanes lanes, bool all) {
  if (all) {
    all_ = now_;
  } else {
    if (!partial_) {
      pairs_.fill(0);
      partial_ = true;
    }
    each_lane(lanes, [&](int a) {
      each_lane(lanes, [&](int b) { pairs_[static_cast<std::size_t>(a * kWarpSize + b)] = now_; });
    });
  }
  ++now_;
}

void SharedRaces::prepare(u64 bytes, int granule) {
  shift_ = std::countr_zero(static_cast<unsigned>(granule));
  granules_.assign((bytes >> shift_) + 1, Granule{});
  interval_ = 1;
}

bool SharedRaces::write_conflicts(Granule const& g, int warp, Lanes lanes, WarpClock const& clock,
                                  bool atomic, SharedConflict& conflict) const {
  if (g.write_interval != interval_ || (atomic && g.write_atomic)) { return false; }
  int const writer_warp = g.write_thread / kWarpSize, writer_lane = g.write_thread % kWarpSize;
  bool ordered = writer_warp == warp;
  if (ordered) {
    each_lane(lanes,
              [&](int lane) { ordered &= clock.met_since(writer_lane, lane, g.write_clock); });
  }
  if (!ordered) { conflict = {true, writer_warp, writer_lane, g.write_instruction}; }
  return !ordered;
}

bool SharedRaces::read_conflicts(Granule const& g, int warp, int lane, WarpClock const& clock,
                                 bool atomic, SharedConflict& conflict) const {
  if (g.read_interval != interval_ || (atomic && g.read_atomic)) { return false; }
  if (g.other_read_warp != kNobody && g.other_read_warp != warp) {
    conflict = {false, g.other_read_warp, 0, g.other_read_instruction};
    return true;
  }
  int guilty = -1;
  each_lane(g.read_lanes, [&](int reader) {
    if (g.read_warp != warp || !clock.met_since(reader, lane, g.read_clock)) { guilty = reader; }
  });
  if (guilty < 0) { return false; }
  conflict = {false, g.read_warp, guilty, g.read_instruction};
  return true;
}

bool SharedRaces::read(u64 at, int bytes, int warp, Lanes lanes, int instruction,
                       WarpClock const& clock, SharedConflict& conflict, bool atomic) {
  bool race = false;
  u64 const last = (at + static_cast<u64>(bytes) - 1) >> shift_;
  for (u64 index = at >> shift_; index <= last; ++index) {
    Granule& g = granules_[index];
    race = race || write_conflicts(g, warp, lanes, clock, atomic, conflict);
    if (g.read_interval != interval_) {
      g.read_interval = interval_;
      g.other_read_warp = kNobody;
      g.read_lanes = 0;
      g.read_atomic = atomic;
    } else if (g.read_warp != warp) {
      g.other_read_warp = g.read_warp;
      g.other_read_instruction = g.read_instruction;
      g.read_lanes = 0;
    } else if (g.read_clock != clock.now()) {
      g.read_lanes = 0;
    }
    g.read_atomic = g.read_atomic && atomic;
    g.read_warp = static_cast<u8>(warp);
    g.read_clock = clock.now();
    g.read_lanes |= lanes;
    g.read_instruction = static_cast<u16>(instruction);
  }
  return race;
}

bool SharedRaces::write(u64 at, int bytes, int warp, int lane, int instruction,
                        WarpClock const& clock, SharedConflict& conflict, bool atomic) {
  bool race = false;
  u64 const last = (at + static_cast<u64>(bytes) - 1) >> shift_;
  for (u64 index = at >> shift_; index <= last; ++index) {
    Granule& g = granules_[index];
    race = race || write_conflicts(g, warp, Lanes(1) << lane, clock, atomic, conflict) ||
           read_conflicts(g, warp, lane, clock, atomic, conflict);
    // A plain write counts for more than an atomic one behind it: it races with others' atomics,
    // too.
    if (atomic && g.write_interval == interval_ && !g.write_atomic) { continue; }
    g.write_interval = interval_;
    g.write_clock = clock.now();
    g.write_thread = static_cast<u16>(warp * kWarpSize + lane);
    g.write_instruction = static_cast<u16>(instruction);
    g.write_atomic = atomic;
  }
  return race;
}

}  // namespace emulator
