#pragma once

// What becomes of four neighbouring columns of a product, for products of every precision: T is
// what is stored (kernels/storage.hpp), sums are float32.

#include "kernels/mish.math.hpp"
#include "kernels/mish_approximate.cuh"
#include "kernels/tile.cuh"

namespace jetcal::cuda {

/// As accurate as what is stored needs it.
template <class T>
__device__ float mish_and_slope(float x, float& slope) {
  return approximate_mish_and_slope(x, slope);
}
template <>
inline __device__ float mish_and_slope<float>(float x, float& slope) {
  return math::mish_and_slope(x, slope);
}

template <class T>
struct BiasAndMish {
  ConstMat bias;
  MatOf<T> y, slope;

  __device__ void operator()(std::int64_t row, std::int64_t col, float4 z) const {
    float4 const b = load_four(bias, 0, col);
    float4 s;
    z.x = mish_and_slope<T>(z.x + b.x, s.x);
    z.y = mish_and_slope<T>(z.y + b.y, s.y);
    z.z = mish_and_slope<T>(z.z + b.z, s.z);
    z.w = mish_and_slope<T>(z.w + b.w, s.w);
    store_four(y, row, col, z);
    if (slope.data != nullptr) { store_four(slope, row, col, s); }
  }
};

template <class T>
struct BiasOnly {
  ConstMat bias;
  MatOf<T> y;

  __device__ void operator()(std::int64_t row, std::int64_t col, float4 z) const {
    float4 const b = load_four(bias, 0, col);
    store_four(y, row, col, {z.x + b.x, z.y + b.y, z.z + b.z, z.w + b.w});
  }
};

template <class T>
struct PutGradient {
  GradientTo<T> to;

  __device__ void operator()(std::int64_t row, std::int64_t col, float4 v) const {
    if (to.accumulate) {
      float4 const old = load_four(to.out, row, col);
      v = {old.x + v.x, old.y + v.y, old.z + v.z, old.w + v.w};
    }
    if (to.slope.data != nullptr) {
      float4 const s = load_four(to.slope, row, col);
      v = {v.x * s.x, v.y * s.y, v.z * s.z, v.w * s.w};
    }
    store_four(to.out, row, col, v);
  }
};

}  // namespace jetcal::cuda
