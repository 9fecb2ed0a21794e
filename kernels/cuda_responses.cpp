#include "kernels/cuda_responses.cuh"

#include <utility>

#include "kernels/response_histogram.cuh"

namespace jetcal::cuda {

std::int64_t DeviceResponses::floats(ResponseBins const& bins) {
  return bins.bytes() / static_cast<std::int64_t>(sizeof(float)) + std::ssize(bins.units);
}

ResponseCounters DeviceResponses::counters() {
  ResponseCounters to{bins_.count};
  float* next = memory_.data();
  std::int64_t const n = bins_.counters();
  if (!bins_.units.empty()) {
    to.weights = reinterpret_cast<std::uint64_t*>(next);
    to.squares = to.weights + n;
    next += 4 * n;
  }
  to.jets = reinterpret_cast<std::uint32_t*>(next);
  if (!bins_.units.empty()) { to.units = next + n; }
  return to;
}

void DeviceResponses::begin(Context& context, ResponseEntries const& entries,
                            ResponseBins const& bins) {
  bins.require_valid();
  if (moves_for(bins)) {
    memory_ = Buffer();
    memory_ = Buffer(context, floats(bins));
  } else {
    context.fill_zero(memory_.data(), memory_.size());
  }
  entries_ = entries;
  bins_ = bins;
  if (!bins.units.empty()) {
    float* const units = memory_.data() + memory_.size() - std::ssize(bins.units);
    context.start_upload(bins.units.data(), units, bins.units.size() * sizeof(float));
  }
  context.synchronize();
}

ResponseHistograms DeviceResponses::take(Context& context) {
  ResponseHistograms found(bins_);
  ResponseCounters const from = counters();
  context.start_download(from.weights, found.weights.data(),
                         found.weights.size() * sizeof(std::uint64_t));
  context.start_download(from.squares, found.squares.data(),
                         found.squares.size() * sizeof(std::uint64_t));
  context.start_download(from.jets, found.jets.data(), found.jets.size() * sizeof(std::uint32_t));
  context.synchronize();
  entries_ = kNoResponses;
  return found;
}

void DeviceResponses::count(cudaStream_t stream, ResponseEntries const& entries, Tape const& tape,
                            Tape::Workspace const& work, DeviceBatch const& batch) {
  std::int64_t const n = batch.features.rows;
  ResponseRows rows{n, batch.bins, batch.weights.data, batch.targets, {}};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] >= 0) { rows.predictions[i] = tape.value(entries[i], work, n); }
  }
  count_responses(stream, rows, counters());
}

}  // namespace jetcal::cuda
