// Shared memory of the block that is being executed: its bytes, their states, its races.
#pragma once

#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/memory/shared_races.hpp"

#include <vector>

namespace emulator {

struct Kernel;

class SharedMemory {
 public:
  /// Room for the static variables and `dynamic` bytes of dynamic shared memory of a kernel.
  void prepare(Kernel const& kernel, u64 dynamic);
  /// A new block: nothing is initialised, all bytes are those of a NaN.
  void begin_block();

  bool inside(u64 address, int bytes) const {
    return address >= first_ && address + static_cast<u64>(bytes) <= first_ + data_.size();
  }
  u8* bytes_at(u64 address) { return data_.data() + (address - first_); }
  State* state_at(u64 address) { return state_.data() + (address - first_); }
  /// Offset from the beginning, as the races count.
  u64 offset_of(u64 address) const { return address - first_; }
  SharedRaces races;

 private:
  u64 first_ = 0;
  std::vector<u8> data_;
  std::vector<State> state_, fresh_;
};

}  // namespace emulator
