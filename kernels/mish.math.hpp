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

// With u = e^-|x| in (0, 1] everything is a sum of positives: no overflow, no cancellation.
//   x >= 0:  tanh(softplus) = (1 + 2u) / (1 + 2u + 2u^2)
//   x <  0:  tanh(softplus) = u (u + 2) / (u (u + 2) + 2)
template <class V>
struct MishParts {
  V numerator, rest;  // tanh(softplus(x)) = numerator / (numerator + rest)
};

template <class V, class M>
JETCAL_HOST_DEVICE inline MishParts<V> mish_parts(V u, M positive) {
  V const two_u = u + u;
  return {select(positive, two_u + V(1.0f), fma(u, u, two_u)),
          select(positive, two_u * u, V(2.0f))};
}

/// Mish of x and its derivative t + x s (1 - t)(1 + t), t = tanh(softplus(x)), s = logistic(x).
/// One exponential, and one division that serves both: 1 / (den (1 + u)).
template <class V>
JETCAL_HOST_DEVICE inline V mish_and_slope(V x, V& slope) {
  V const u = exp(-abs(x));
  auto const positive = x >= V(0.0f);
  auto const parts = mish_parts(u, positive);
  V const den = parts.numerator + parts.rest;
  V const one_u = u + V(1.0f);
  V const inverse = V(1.0f) / (den * one_u);
  V const inverse_den = inverse * one_u;
  V const t = parts.numerator * inverse_den;
  V const one_minus_t = parts.rest * inverse_den;
  V const s = select(positive, V(1.0f), u) * (inverse * den);
  V const y = x * t;
  slope = fma(x * s, one_minus_t * (t + V(1.0f)), t);
  return y;
}

JETCAL_END_MATH

#endif
