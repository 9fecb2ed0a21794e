#pragma once

#include <cuda_runtime.h>

namespace jetcal::cuda {

// A reduction over a row by half a warp, in the order of kernels/row-inl.hpp: thread p of the half
// takes the columns p, p + 16, p + 32, ... in order, then threads i and i + 8 are joined, i and
// i + 4, i + 2, i + 1. All 32 threads of the warp call these together.

constexpr int kStrands = 16;
constexpr unsigned kWholeWarp = 0xffffffffu;

/// The sum of all strands, in every thread of the half.
template <class Number>
inline __device__ Number sum_of_strands(Number strand) {
  for (int half = kStrands / 2; half > 0; half /= 2) {
    strand = strand + __shfl_down_sync(kWholeWarp, strand, half, kStrands);
  }
  return __shfl_sync(kWholeWarp, strand, 0, kStrands);
}

/// The largest of all strands, in every thread of the half; the later one beside a NaN.
__device__ inline float max_of_strands(float strand) {
  for (int half = kStrands / 2; half > 0; half /= 2) {
    float const other = __shfl_down_sync(kWholeWarp, strand, half, kStrands);
    strand = strand > other ? strand : other;
  }
  return __shfl_sync(kWholeWarp, strand, 0, kStrands);
}

/// Which row a thread works on, when every half of a warp takes a row: half_warp_index(), +
/// half_warp_stride(), ... and its place in the half.
inline __device__ std::int64_t half_warp_index() {
  return (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kStrands;
}
inline __device__ std::int64_t half_warp_stride() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x / kStrands;
}
__device__ inline int strand_index() { return static_cast<int>(threadIdx.x) % kStrands; }

/// The same number for both halves of a warp, so that they stay together to the end: n rounded up
/// to an even count of rows. The last row may be one that is not there.
inline __device__ std::int64_t even_rows(std::int64_t n) { return (n + 1) / 2 * 2; }

}  // namespace jetcal::cuda
