#pragma once

#include "kernels/cuda_context.cuh"
#include "kernels/cuda_slot.cuh"

namespace jetcal::cuda {

/// The histograms of responses that evaluations add to, in the device's memory.
class DeviceResponses {
 public:
  /// What evaluations count; kNoResponses unless begun and not taken.
  ResponseEntries const& entries() const { return entries_; }

  /// Whether these bins need other memory than there is now.
  bool moves_for(ResponseBins const& bins) const { return memory_.size() != floats(bins); }

  /// Begins empty; done when it returns.
  void begin(Context& context, ResponseEntries const& entries, ResponseBins const& bins);
  ResponseHistograms take(Context& context);

  /// Counts the rows of a pass. Enqueues on `stream`.
  void count(cudaStream_t stream, ResponseEntries const& entries, Tape const& tape,
             Tape::Workspace const& work, DeviceBatch const& batch);

 private:
  static std::int64_t floats(ResponseBins const& bins);
  /// Where they are in memory_.
  ResponseCounters counters();

  ResponseEntries entries_ = kNoResponses;
  ResponseBins bins_;
  Buffer memory_;
};

}  // namespace jetcal::cuda
