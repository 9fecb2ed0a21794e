#pragma once

// How kernels are launched: in one place.

#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {

/// Threads of a block where nothing speaks for another number.
constexpr int kBlock = 256;

/// One thread an element of `n`.
inline Grid grid_of(std::int64_t n) {
  return {std::min(most_blocks(), (n + kBlock - 1) / kBlock), kBlock};
}

/// One block a task of `n`.
inline Grid grid_of_blocks(std::int64_t n, int threads) {
  return {std::min(most_blocks(), n), threads};
}

/// The elements a thread of a one-dimensional grid takes: first_index(), + index_stride(), ...
inline __device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
inline __device__ std::int64_t index_stride() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

/// Enqueues `kernel` on `stream`; an empty grid is skipped. Errors: DeviceError.
template <class... Parameters, class... Arguments>
void launch(OpShape const& what, void (*kernel)(Parameters...), Grid grid, cudaStream_t stream,
            Arguments const&... arguments) {
  if (grid.blocks == 0) { return; }
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(grid.blocks));
  config.blockDim = dim3(static_cast<unsigned>(grid.threads));
  config.stream = stream;
  require_launched(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), what,
                   grid, stream);
}

}  // namespace jetcal::cuda
