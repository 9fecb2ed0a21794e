#pragma once

#include "kernels/ptx.cuh"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

/// A stored number as float32, exactly.
__device__ inline float widened(float x) { return x; }
__device__ inline float widened(Tf32 x) { return x.value; }
__device__ inline float widened(Bf16 x) {
  return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16);
}

/// A float32 rounded to what is stored.
template <class T>
__device__ T narrowed(float x);
template <>
__device__ inline float narrowed<float>(float x) {
  return x;
}
template <>
inline __device__ Tf32 narrowed<Tf32>(float x) {
  return {ptx::round_to_tf32(x)};
}
template <>
inline __device__ Bf16 narrowed<Bf16>(float x) {
  return {static_cast<std::uint16_t>(ptx::pack_bf16(x, 0.0f))};
}

}  // namespace jetcal::cuda
