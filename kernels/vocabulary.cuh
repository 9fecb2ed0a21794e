#pragma once

// The vocabulary every formula is written in (kernels/vocabulary-inl.hpp says what each word
// means), for CUDA code, host and device: V is float. nvcc is given --fmad=false, so that a product
// and a sum stay two roundings; division and square root are IEEE unless asked otherwise.

#include <cmath>
#include <cstdint>

namespace jetcal::math {

__host__ __device__ inline float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
__host__ __device__ inline float sqrt(float a) { return ::sqrtf(a); }
__host__ __device__ inline float abs(float a) { return ::fabsf(a); }
__host__ __device__ inline float select(bool m, float yes, float no) { return m ? yes : no; }
__host__ __device__ inline float min(float a, float b) { return a < b ? a : b; }
__host__ __device__ inline float max(float a, float b) { return a > b ? a : b; }

__host__ __device__ inline float pow2i(float n) {
  return __builtin_bit_cast(float, __builtin_bit_cast(std::int32_t, n + 0x1.8000fep+23f) << 23);
}

__host__ __device__ inline float split_exponent(float x, float& e) {
  auto const bits = __builtin_bit_cast(std::uint32_t, x);
  std::int32_t const n = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;
  e = static_cast<float>(n);
  return __builtin_bit_cast(float, bits - (static_cast<std::uint32_t>(n) << 23));
}

}  // namespace jetcal::math
