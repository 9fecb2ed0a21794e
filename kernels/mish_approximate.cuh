#pragma once

#include "kernels/ptx.cuh"
#include "kernels/vocabulary.cuh"

namespace jetcal::cuda {

/// Mish of x and its slope (kernels/mish.math.hpp) for results that are stored as tf32 or bf16: a
/// third of the instructions of the fp32 ones, with the card's approximate e^x and 1/x.
///
/// With e = e^x, n = e (e + 2), t = tanh(softplus(x)) and s = logistic(x):
///   t = n / (n + 2),    s (1 - t)(1 + t) = 4 e (1 + e) / (n + 2)^2
/// From x = 22 on t is 1 in float32 and the other term below 5e-19 x: e^x stops at x = 40, before n
/// overflows.
///
/// Accuracy  2^-17 of |x t| and of |t| + |x s (1 - t)(1 + t)|: the rounding of x log2(e), which e^x
///           takes up to 87 times, and the 2 and 1 ulp of ex2.approx and rcp.approx (PTX ISA 9.0,
///           9.7.3). A unit of tf32's last place is 2^-10, of bf16's 2^-7. Below -87.3 both are 0.
__device__ inline float approximate_mish_and_slope(float x, float& slope) {
  float const e = ptx::approximate_power_of_two(fminf(x, 40.0f) * 0x1.715476p+0f);
  float const n = e * (e + 2.0f);
  float const inverse = ptx::approximate_inverse(n + 2.0f);
  float const t = n * inverse;
  float const four_e = 4.0f * e;
  slope = math::fma(x, math::fma(four_e, e, four_e) * (inverse * inverse), t);
  return x * t;
}

}  // namespace jetcal::cuda
