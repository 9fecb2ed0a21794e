// What the environment decides about a run on the emulator.
#pragma once

#include "tests/emulator/types.hpp"

#include <string>

namespace emulator {

struct Settings {
  u64 seed = 1;     ///< JETCAL_EMULATOR_SEED: order of warps, blocks, streams
  int threads = 0;  ///< JETCAL_EMULATOR_THREADS: blocks at a time; 0: all processors
  bool independent =
      false;  ///< JETCAL_EMULATOR_LANES=independent: random subsets of lanes run ahead
  u64 memory = u64(4) << 30;     ///< JETCAL_EMULATOR_MEMORY_MIB: of the device
  u64 step_limit = 400'000'000;  ///< JETCAL_EMULATOR_STEPS: instructions of one warp
  int capability = 80;           ///< JETCAL_EMULATOR_CAPABILITY: of the device, 80 is 8.0
  int approximate = 0;    ///< JETCAL_EMULATOR_APPROXIMATE=exact|low|high: 0, -1, 1; see below
  std::string counters;   ///< JETCAL_EMULATOR_COUNTERS: file the counters are written to
  bool launches = false;  ///< JETCAL_EMULATOR_LAUNCHES=1: counters by launch as well
  bool quiet = false;     ///< JETCAL_EMULATOR_QUIET=1: findings are not printed
};

// `approximate`: the functions ex2.approx, rcp.approx and rsqrt.approx give the exact result,
// rounded, or are off by as much as PTX allows, downwards or upwards.

/// Read once, at the first call; tests change it in between. Exits with status 97 on a value that
/// makes no sense.
Settings& settings();

}  // namespace emulator
