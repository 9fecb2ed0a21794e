#pragma once

// Pieces of matrices, four columns at a time: how tiled kernels read and write global memory.

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/storage.cuh"

namespace jetcal::cuda {

/// The columns of a four: [0] to [3].
template <class Four>
__device__ inline auto& component(Four& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

/// Four neighbours in memory, and back.
inline __device__ float4 widened_four(float const* p) {
  return *reinterpret_cast<float4 const*>(p);
}
inline __device__ float4 widened_four(Tf32 const* p) { return *reinterpret_cast<float4 const*>(p); }
inline __device__ float4 widened_four(Bf16 const* p) {
  uint2 const two = *reinterpret_cast<uint2 const*>(p);
  return {__uint_as_float(two.x << 16), __uint_as_float(two.x & 0xffff0000u),
          __uint_as_float(two.y << 16), __uint_as_float(two.y & 0xffff0000u)};
}
__device__ inline void narrow_four(float4 v, float* p) { *reinterpret_cast<float4*>(p) = v; }
__device__ inline void narrow_four(float4 v, Tf32* p) {
  *reinterpret_cast<float4*>(p) = {ptx::round_to_tf32(v.x), ptx::round_to_tf32(v.y),
                                   ptx::round_to_tf32(v.z), ptx::round_to_tf32(v.w)};
}
__device__ inline void narrow_four(float4 v, Bf16* p) {
  *reinterpret_cast<uint2*>(p) = {ptx::pack_bf16(v.x, v.y), ptx::pack_bf16(v.z, v.w)};
}

/// m's columns col .. col + 3 of a row (col a multiple of 4), padding included; 0 outside of m.
template <class Matrix>
inline __device__ float4 load_four(Matrix const& m, std::int64_t row, std::int64_t col) {
  if (row >= m.rows || col >= m.cols) { return {0, 0, 0, 0}; }
  return widened_four(m.data + row * m.ld + col);
}

/// Writes those of the columns col .. col + 3 (col a multiple of 4) that m has.
template <class T>
__device__ void store_four(MatOf<T> const& m, std::int64_t row, std::int64_t col, float4 v) {
  T* const p = m.data + row * m.ld + col;
  if (col + 4 <= m.cols) {
    narrow_four(v, p);
    return;
  }
  for (int i = 0; i < 3; ++i) {
    if (col + i < m.cols) { p[i] = narrowed<T>(component(v, i)); }
  }
}

}  // namespace jetcal::cuda
