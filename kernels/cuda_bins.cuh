#pragma once

#include <vector>

#include "kernels/bin_sums.hpp"
#include "kernels/cuda_context.cuh"
#include "kernels/cuda_slot.cuh"

namespace jetcal::cuda {

/// The sums of bins that passes add to, in the device's memory.
class DeviceBins {
 public:
  bool empty() const { return count_ == 0; }

  /// Whether `sums` need other memory than there is now.
  bool moves_for(std::vector<BinSums> const& sums) const { return std::ssize(sums) != count_; }

  /// Begins as `sums`; done when it returns.
  void begin(Context& context, std::vector<BinSums> const& sums);
  std::vector<BinSums> read(Context& context) const;

  /// Adds the rows of a pass, of whose tape these are the heads with a loss. Enqueues on `stream`.
  void add(cudaStream_t stream, Tape const& tape, Tape::Workspace const& work,
           std::vector<Id> const& heads, DeviceBatch const& batch);

 private:
  Buffer memory_;  // BinSums
  std::int64_t count_ = 0;
};

}  // namespace jetcal::cuda
