// One Adam update (arXiv:1412.6980, Algorithm 1).

#if defined(JETCAL_KERNELS_ADAM_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_ADAM_MATH
#undef JETCAL_KERNELS_ADAM_MATH
#else
#define JETCAL_KERNELS_ADAM_MATH
#endif

#include "kernels/adam.hpp"
#include "kernels/math_namespace.hpp"
#include "kernels/moments.math.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

template <class V>
JETCAL_HOST_DEVICE inline void adam(AdamStep const& s, V gradient, V& p, V& m, V& v) {
  V const g = fma(V(s.l2), p, gradient);
  update_moments(s.moments, g, m, v);
  p = p - adaptive_rate(v, s.step, s.root_scale, s.epsilon) * m;
}

JETCAL_END_MATH

#endif
