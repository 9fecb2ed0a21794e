// Running means of gradients and their squares, and the step made of them: what RAdam, diffGrad and
// Adam share.

#if defined(JETCAL_KERNELS_MOMENTS_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_MOMENTS_MATH
#undef JETCAL_KERNELS_MOMENTS_MATH
#else
#define JETCAL_KERNELS_MOMENTS_MATH
#endif

#include "kernels/math_namespace.hpp"
#include "kernels/moments.hpp"
#if !defined(__CUDACC__)
#include "kernels/vocabulary-inl.hpp"
#endif

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2. Sums of positives: v never turns
/// negative, which v + (1 - beta2)(g^2 - v) can.
template <class V>
JETCAL_HOST_DEVICE inline void update_moments(MomentStep const& s, V g, V& m, V& v) {
  m = fma(V(s.beta1), m, V(s.one_minus_beta1) * g);
  v = fma(V(s.beta2), v, V(s.one_minus_beta2) * (g * g));
}

/// step / (root_scale sqrt(v) + epsilon), and 0 where that denominator is 0 (no gradient yet, and
/// no epsilon).
template <class V>
JETCAL_HOST_DEVICE inline V adaptive_rate(V v, float step, float root_scale, float epsilon) {
  V const denominator = fma(sqrt(v), V(root_scale), V(epsilon));
  return select(denominator <= V(0.0f), V(0.0f), V(step) / denominator);
}

JETCAL_END_MATH

#endif
