#pragma once

#include <cuda_runtime_api.h>

#include "kernels/response_histogram.hpp"

namespace jetcal::cuda {

/// Counts each row's responses, to the same numbers as cpu::count_responses. Enqueues on `stream`.
///
/// Errors    ShapeError if the matrices do not fit, DeviceError if the launch fails
void count_responses(cudaStream_t stream, ResponseRows const& rows,
                     ResponseCounters const& counters);

}  // namespace jetcal::cuda
