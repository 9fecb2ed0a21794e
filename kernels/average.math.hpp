// Exponential average, in the form that leaves an average equal to p untouched.

#if defined(JETCAL_KERNELS_AVERAGE_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_AVERAGE_MATH
#undef JETCAL_KERNELS_AVERAGE_MATH
#else
#define JETCAL_KERNELS_AVERAGE_MATH
#endif

#include "kernels/math_namespace.hpp"
#if !defined(__CUDACC__)
#include "kernels/vocabulary-inl.hpp"
#endif

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

template <class V>
JETCAL_HOST_DEVICE inline V averaged(V average, V p, float one_minus_decay) {
  return fma(V(one_minus_decay), p - average, average);
}

JETCAL_END_MATH

#endif
