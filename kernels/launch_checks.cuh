#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace jetcal::cuda {

/// A one-dimensional grid. Every kernel walks its work in strides of the grid, so any is correct.
struct Grid {
  std::int64_t blocks = 0;
  int threads = 0;
};

/// The most blocks of a grid: enough to fill any card several times over; what is left is done in
/// strides. JETCAL_CUDA_MOST_BLOCKS in the environment sets another number, which changes no bit.
///
/// Errors    ConfigError if that is no number of at least 1
std::int64_t most_blocks();

/// What a launch is about, for messages: rows, and columns in and out, as far as the op has them.
struct OpShape {
  char const* op = "";
  std::int64_t rows = 0, inputs = 0, outputs = 0;
};

/// True with JETCAL_CUDA_SYNC=1 in the environment: every launch is waited for, so that a fault is
/// reported at its own launch and not at the next copy. Nothing can be captured then.
bool waits_for_every_kernel();

/// Throws unless `status` is cudaSuccess, after the wait if waits_for_every_kernel().
///
/// Errors    DeviceError that names the op, its shape, the grid and the device
void require_launched(cudaError_t status, OpShape const& what, Grid const& grid,
                      cudaStream_t stream);

/// Throws unless `status`, the result of the runtime call `what`, is cudaSuccess.
///
/// Errors    DeviceError that names the call, the device and what to do
void require_success(cudaError_t status, char const* what);

}  // namespace jetcal::cuda
