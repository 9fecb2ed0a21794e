// Mish, x tanh(ln(1 + e^x)) (D. Misra, arXiv:1908.08681, Eq. 1), and its slope.

#if defined(JETCAL_KERNELS_MISH_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_MISH_MATH
#undef JETCAL_KERNELS_MISH_MATH
#else
#define JETCAL_KERNELS_MISH_MATH
#endif

#include "kernels/elementary.math.hpp"
#include "kernels/math_namespace.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// Mish of x and its derivative t + x s (1 - t)(1 + t), t = tanh(softplus(x)), s = logistic(x).
///
/// With u = e^-|x| in (0, 1], and (a, b) = (1, u) for x >= 0, (u, 1) for x < 0, so that b/a = e^-x:
///   t = a (a + 2b) / d,    s (1 - t)(1 + t) = 4 u b (1 + u) / d^2,    d = a (a + 2b) + 2 b^2
/// Sums of positives: no overflow, no cancellation but the slope's own at its zero. One exponential
/// and one division. -0 below -87.6, where Mish is above -9e-37.
template <class V>
JETCAL_HOST_DEVICE inline V mish_and_slope(V x, V& slope) {
  V const u = exp_of_minus(abs(x));
  auto const positive = x >= V(0.0f);
  V const a = select(positive, V(1.0f), u);
  V const b = select(positive, u, V(1.0f));
  V const two_b = b + b;
  V const numerator = a * (a + two_b);
  V const inverse = V(1.0f) / fma(two_b, b, numerator);
  V const t = numerator * inverse;
  slope = fma(x, (two_b * u) * fma(u, V(2.0f), V(2.0f)) * (inverse * inverse), t);
  return x * t;
}

JETCAL_END_MATH

#endif
