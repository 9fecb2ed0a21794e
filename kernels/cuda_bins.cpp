#include "kernels/cuda_bins.cuh"

#include <algorithm>

#include "kernels/bin_sums.cuh"

namespace jetcal::cuda {

void DeviceBins::begin(Context& context, std::vector<BinSums> const& sums) {
  constexpr auto kFloats = static_cast<std::int64_t>(sizeof(BinSums) / sizeof(float));
  if (moves_for(sums)) {
    memory_ = Buffer();
    memory_ = Buffer(context, std::ssize(sums) * kFloats);
    count_ = std::ssize(sums);
  }
  context.start_upload(sums.data(), memory_.data(), sums.size() * sizeof(BinSums));
  context.synchronize();
}

std::vector<BinSums> DeviceBins::read(Context& context) const {
  std::vector<BinSums> sums(static_cast<std::size_t>(count_));
  context.start_download(memory_.data(), sums.data(), sums.size() * sizeof(BinSums));
  context.synchronize();
  return sums;
}

void DeviceBins::add(cudaStream_t stream, Tape const& tape, Tape::Workspace const& work,
                     std::vector<Id> const& heads, DeviceBatch const& batch) {
  BinRows rows{batch.features.rows, batch.bins, batch.weights.data, {}};
  for (std::size_t h = 0; h < std::min(std::size(rows.heads), heads.size()); ++h) {
    Head const& head = std::get<Head>(tape[heads[h]].op);
    Mat const saved = tape.saved(heads[h], work, rows.rows);
    rows.heads[h] = {head.row_loss(saved), head.row_kept(saved)};
  }
  add_to_bins(stream, rows, count_, reinterpret_cast<BinSums*>(memory_.data()));
}

}  // namespace jetcal::cuda
