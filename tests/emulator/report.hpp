// Findings: what a check found, where, and what the runtime API answers from then on.
#pragma once

#include "tests/emulator/types.hpp"

#include <string>
#include <vector>

namespace emulator {

enum class Check : u8 {
  out_of_bounds,
  misaligned,
  uninitialised,
  use_after_free,
  barrier_divergence,
  deadlock,
  warp_sync,
  shared_race,
  global_race,
  async_wait,
  host_access,
  leak,
  invalid_free,
  assertion,
  unsupported,
  step_limit,
  count
};
/// "out of bounds", "shared memory race", ...
char const* name_of(Check check);

struct Finding {
  Check check = Check::count;
  std::string what;    ///< one line
  std::string kernel;  ///< empty: not found in a kernel
  u64 block_index = 0;
  int instruction = -1;  ///< index in the kernel, -1: none
  std::string where;     ///< block, thread, PTX line and text, source line
  u64 times = 1;
};

/// Collects findings of the process; thread-safe. Prints each at once to the standard error.
class Findings {
 public:
  static Findings& all();
  /// Adds those of one launch: sorted by block, one for each check and instruction.
  void add(std::vector<Finding> found);
  void add(Finding finding);
  /// The runtime error every call returns from the first finding on; 0 if there is none.
  int sticky_error() const;
  /// What was found since the last call, as text; forgets it and the error.
  std::string take();
  u64 count() const;

 private:
  void print(Finding const& finding);
  std::string text_;
  int error_ = 0;
  u64 count_ = 0;
};

}  // namespace emulator
