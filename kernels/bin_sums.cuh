#pragma once

#include <cuda_runtime_api.h>

#include "kernels/bin_sums.hpp"

namespace jetcal::cuda {

/// Adds each row to the sums of its bin, to the bits of cpu::add_to_bins. Enqueues on `stream`.
///
/// Shapes    sums [n_bins]; a row whose bin is not 0 .. n_bins - 1 is in none
/// Errors    DeviceError if the launch fails
void add_to_bins(cudaStream_t stream, BinRows const& rows, std::int64_t n_bins, BinSums* sums);

}  // namespace jetcal::cuda
