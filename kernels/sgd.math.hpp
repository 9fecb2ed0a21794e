// One step of gradient descent with momentum (torch.optim.SGD).

#if defined(JETCAL_KERNELS_SGD_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_SGD_MATH
#undef JETCAL_KERNELS_SGD_MATH
#else
#define JETCAL_KERNELS_SGD_MATH
#endif

#include "kernels/math_namespace.hpp"
#include "kernels/sgd.hpp"
#if !defined(__CUDACC__)
#include "kernels/vocabulary-inl.hpp"
#endif

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

template <class V>
JETCAL_HOST_DEVICE inline void sgd(SgdStep const& s, V gradient, V& p, V& velocity) {
  V const g = fma(V(s.l2), p, gradient);
  velocity = fma(V(s.momentum), velocity, g);
  p = fma(V(-s.learning_rate), velocity, p);
}

JETCAL_END_MATH

#endif
