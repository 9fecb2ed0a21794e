// Gaussians of one feature and their derivative (arXiv:2311.08885, section 5.2).

#if defined(JETCAL_KERNELS_ANNOTATION_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_ANNOTATION_MATH
#undef JETCAL_KERNELS_ANNOTATION_MATH
#else
#define JETCAL_KERNELS_ANNOTATION_MATH
#endif

#include "kernels/elementary.math.hpp"
#include "kernels/math_namespace.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// The physical value of a normalised feature. Divided, not multiplied with 1 / scale: one rounding
/// less between the file's number and the Gaussians, whose arguments are squared.
JETCAL_HOST_DEVICE inline float physical(float x, float scale, float offset, bool symmetric) {
  float const v = (x - offset) / scale;
  return symmetric && v < 0.0f ? -v : v;
}

/// d physical / dx: +-1 / scale, and 0 at the kink of |v|.
JETCAL_HOST_DEVICE inline float physical_slope(float x, float scale, float offset, bool symmetric) {
  float const v = (x - offset) / scale;
  float const sign = !symmetric || v > 0.0f ? 1.0f : (v < 0.0f ? -1.0f : 0.0f);
  return sign / scale;
}

/// exp(-(v - c)^2 factor), factor = 1 / (2 w^2).
template <class V>
JETCAL_HOST_DEVICE inline V gaussian(V v, V centre, V factor) {
  V const d = v - centre;
  return exp(-(d * d) * factor);
}

/// Its derivative with respect to v, from its value g.
template <class V>
JETCAL_HOST_DEVICE inline V gaussian_slope(V v, V centre, V factor, V g) {
  return g * (V(-2.0f) * factor * (v - centre));
}

JETCAL_END_MATH

#endif
