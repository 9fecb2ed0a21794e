#pragma once

// Pieces of matrices, four columns at a time: how tiled kernels read and write global memory.

#include <cuda_runtime.h>

#include <cstdint>

#include "engine/matrix.hpp"

namespace jetcal::cuda {

/// The columns of a four: [0] to [3].
template <class Four>
__device__ inline auto& component(Four& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

/// m's columns col .. col + 3 of a row (col a multiple of 4), padding included; 0 outside of m.
template <class Matrix>
inline __device__ float4 load_four(Matrix const& m, std::int64_t row, std::int64_t col) {
  if (row >= m.rows || col >= m.cols) { return {0, 0, 0, 0}; }
  return *reinterpret_cast<float4 const*>(m.data + row * m.ld + col);
}

/// Writes those of the columns col .. col + 3 (col a multiple of 4) that m has.
__device__ inline void store_four(Mat const& m, std::int64_t row, std::int64_t col, float4 v) {
  float* const p = m.data + row * m.ld + col;
  if (col + 4 <= m.cols) {
    *reinterpret_cast<float4*>(p) = v;
    return;
  }
  for (int i = 0; i < 3; ++i) {
    if (col + i < m.cols) { p[i] = component(v, i); }
  }
}

}  // namespace jetcal::cuda
