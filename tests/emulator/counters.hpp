// Counters of executed instructions and memory transactions: repeatable to the digit.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tests/emulator/types.hpp"

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

struct Kernel;

/// What one instruction of a kernel has done so far.
struct InstructionCounter {
  u64 warps = 0;         ///< times a warp issued it
  u64 threads = 0;       ///< lanes that executed it
  u64 bytes = 0;         ///< requested by the lanes
  u64 transactions = 0;  ///< global: 32-byte sectors; shared: wavefronts
  u64 least = 0;         ///< the fewest transactions these bytes could have taken
  void add(InstructionCounter const& other);
};
using CounterTable = std::vector<InstructionCounter>;  ///< by index of the instruction

/// Counts the 32-byte sectors of one request of global memory.
void count_global(InstructionCounter& counter, u64 const* addresses, Lanes lanes, int bytes);
/// Counts the wavefronts of one request of shared memory: 32 banks of 4 bytes, lanes in groups of
/// 32 (4 bytes or less each), 16 (8 bytes) or 8 (16 bytes); lanes that want the same word share it.
void count_shared(InstructionCounter& counter, u64 const* addresses, Lanes lanes, int bytes);

/// What one launch has done.
struct LaunchCounters {
  CounterTable table;
  u64 blocks = 0, threads_per_block = 0, dynamic_shared = 0;
  u64 distinct_read = 0, distinct_written = 0;
};

/// Calls of the runtime that cost a program time whatever they are about.
enum class Call : u8 {
  allocation,     ///< of device or pinned memory
  wait,           ///< for a stream or the device, synchronous copies and frees included
  event_wait,     ///< cudaEventSynchronize
  pageable_copy,  ///< an asynchronous copy that is none
  kernel_launch,  ///< asked for, captured ones included
  graph_launch,
  overlapping_copy,  ///< between pinned memory and the device, free to run beside a kernel
  count
};

/// The counters of the process: by kernel, by launch if the settings ask for that, and of calls.
class Counters {
 public:
  static Counters& all();
  void add_launch(Kernel const& kernel, LaunchCounters launch);
  void add_call(Call call);
  /// The document docs/emulator.md describes.
  std::string json() const;
  void reset();
  /// Writes json() to the file the settings name, if they name one.
  void write_file() const;

 private:
  struct OfKernel {
    CounterTable table;
    u64 launches = 0, blocks = 0, threads = 0, distinct_read = 0, distinct_written = 0;
    void add(LaunchCounters const& launch);
  };
  static nlohmann::ordered_json json_of(Kernel const& kernel, OfKernel const& of);

  mutable std::mutex mutex_;
  std::map<Kernel const*, OfKernel> kernels_;
  std::vector<std::pair<Kernel const*, LaunchCounters>> launches_;  ///< in order, if asked for
  std::array<u64, static_cast<std::size_t>(Call::count)> calls_{};
};

}  // namespace emulator
