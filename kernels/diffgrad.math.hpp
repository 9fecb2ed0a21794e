// One diffGrad update (arXiv:1909.11015).

#if defined(JETCAL_KERNELS_DIFFGRAD_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_DIFFGRAD_MATH
#undef JETCAL_KERNELS_DIFFGRAD_MATH
#else
#define JETCAL_KERNELS_DIFFGRAD_MATH
#endif

#include "kernels/diffgrad.hpp"
#include "kernels/elementary.math.hpp"
#include "kernels/math_namespace.hpp"
#include "kernels/moments.math.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

template <class V>
JETCAL_HOST_DEVICE inline void diffgrad(DiffgradStep const& s, V gradient, V& p, V& m, V& v,
                                        V& before) {
  V const g = fma(V(s.l2), p, gradient);
  update_moments(s.moments, g, m, v);
  V const friction = logistic(abs(before - g));
  p = p - adaptive_rate(v, s.step, 1.0f, s.epsilon) * (friction * m);
  before = g;
}

JETCAL_END_MATH

#endif
