// One RAdam update (arXiv:1908.03265; the presets of radam.hpp).

#if defined(JETCAL_KERNELS_RADAM_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_RADAM_MATH
#undef JETCAL_KERNELS_RADAM_MATH
#else
#define JETCAL_KERNELS_RADAM_MATH
#endif

#include "kernels/math_namespace.hpp"
#include "kernels/moments.math.hpp"
#include "kernels/radam.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

template <class V>
JETCAL_HOST_DEVICE inline void radam(RadamStep const& s, V gradient, V& p, V& m, V& v) {
  V const g = fma(V(s.l2), p, gradient);
  update_moments(s.moments, g, m, v);
  V const rate = s.rectified ? adaptive_rate(v, s.step, s.root_scale, s.epsilon) : V(s.step);
  p = p - fma(rate, m, V(s.decay) * p);
}

JETCAL_END_MATH

#endif
