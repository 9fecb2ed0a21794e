// Shared memory of a block.
#include "tests/emulator/memory/shared_memory.hpp"

#include "tests/emulator/execute/program.hpp"

#include <algorithm>

namespace emulator {

void SharedMemory::prepare(Kernel const& kernel, u64 dynamic) {
  first_ = kSharedBegin;
  u64 const end = std::max(kernel.dynamic_shared_at + dynamic, first_);
  data_.resize(end - first_);
  fresh_.assign(end - first_, State::outside);
  auto open = [this](u64 begin, u64 stop) {
    std::fill(fresh_.begin() + static_cast<s64>(begin - first_),
              fresh_.begin() + static_cast<s64>(stop - first_), State::uninitialised);
  };
  for (Kernel::Extent const& extent : kernel.shared) { open(extent.begin, extent.end); }
  if (dynamic > 0) { open(kernel.dynamic_shared_at, end); }
  races.prepare(data_.size(), kernel.shared_granule);
}

void SharedMemory::begin_block() {
  std::fill(data_.begin(), data_.end(), u8(0xff));
  state_ = fresh_;
  races.barrier();
}

}  // namespace emulator
