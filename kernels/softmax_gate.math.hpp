// Softmax gate, element by element: what stands between the reductions over a row.

#if defined(JETCAL_KERNELS_SOFTMAX_GATE_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_SOFTMAX_GATE_MATH
#undef JETCAL_KERNELS_SOFTMAX_GATE_MATH
#else
#define JETCAL_KERNELS_SOFTMAX_GATE_MATH
#endif

#include "kernels/elementary.math.hpp"
#include "kernels/math_namespace.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// A logit's share before it is divided by their sum: in [0, 1], 1 for the largest.
template <class V>
JETCAL_HOST_DEVICE inline V softmax_share(V logit, V largest) {
  return exp(logit - largest);
}

/// d loss / d logit = gate (t - mean): t = dy h is the gradient with respect to the gate, `mean`
/// the softmax-weighted mean of t over the row.
template <class V>
JETCAL_HOST_DEVICE inline V softmax_gate_slope(V gate, V t, V mean) {
  return gate * (t - mean);
}

JETCAL_END_MATH

#endif
