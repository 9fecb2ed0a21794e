// exp, log and the logistic function, written once over the vocabulary: the same operations, so the
// same bits, for float on host and device and for every vector width.

#if defined(JETCAL_KERNELS_ELEMENTARY_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_ELEMENTARY_MATH
#undef JETCAL_KERNELS_ELEMENTARY_MATH
#else
#define JETCAL_KERNELS_ELEMENTARY_MATH
#endif

#include "kernels/math_namespace.hpp"
#if !defined(__CUDACC__)
#include "kernels/vocabulary-inl.hpp"
#endif

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// e^x. x = n ln 2 + r with |r| <= ln(2)/2, n by adding and subtracting 1.5 * 2^23; e^r by a
/// polynomial of degree 6 (own least-maximum fit, relative error 5e-10 before rounding); 2^n in two
/// factors, so that results below the normal range are rounded once and not cut off.
/// 0 below -103.98, infinity above 88.73, NaN for NaN. Accuracy 1.1 ulp (all floats; tested on a
/// sample).
template <class V>
JETCAL_HOST_DEVICE inline V exp(V x) {
  V const low = select(x < V(-105.0f), V(-105.0f), x);
  V const clamped = select(low > V(89.0f), V(89.0f), low);
  V const magic = V(0x1.8p+23f);
  V const n = fma(clamped, V(0x1.715476p+0f), magic) - magic;
  V const r = fma(n, V(0x1.05c610p-29f), fma(n, V(-0x1.62e430p-1f), clamped));
  V p = V(0x1.6c6a1ep-10f);
  p = fma(p, r, V(0x1.120bbap-7f));
  p = fma(p, r, V(0x1.5555bap-5f));
  p = fma(p, r, V(0x1.5554dcp-3f));
  p = fma(p, r, V(0.5f));
  V const e = fma(p, r * r, r) + V(1.0f);
  V const half = fma(n, V(0.5f), magic) - magic;
  return (e * pow2i(half)) * pow2i(n - half);
}

/// e^-a for a >= 0, in fewer operations than exp: one power of two suffices where the result is not
/// below 2^-126.5, and from a = 87.6 (8.9e-39) on it is 0. NaN for NaN. Accuracy 1.1 ulp where the
/// result is normal (tested on a sample).
template <class V>
JETCAL_HOST_DEVICE inline V exp_of_minus(V a) {
  V const magic = V(0x1.8p+23f);
  V const n = fma(a, V(-0x1.715476p+0f), magic) - magic;
  V const r = fma(n, V(0x1.05c610p-29f), fma(n, V(-0x1.62e430p-1f), -a));
  V p = V(0x1.6c6a1ep-10f);
  p = fma(p, r, V(0x1.120bbap-7f));
  p = fma(p, r, V(0x1.5555bap-5f));
  p = fma(p, r, V(0x1.5554dcp-3f));
  p = fma(p, r, V(0.5f));
  V const e = fma(p, r * r, r) + V(1.0f);
  return select(a > V(87.6f), V(0.0f), e * pow2i(n));
}

/// ln x for a positive normal x. x = m 2^e with m in [sqrt(1/2), sqrt(2)); ln(1 + f) = f - f^2/2 +
/// f^3 Q(f) with Q of degree 7 (own least-maximum fit). -infinity for 0, NaN for a negative x or
/// NaN, infinity for infinity. Accuracy 1.1 ulp (all floats; tested on a sample).
template <class V>
JETCAL_HOST_DEVICE inline V log(V x) {
  V e;
  V const m = split_exponent(x, e);
  V const f = m - V(1.0f);
  V const f2 = f * f;
  V q = V(-0x1.46a858p-4f);
  q = fma(q, f, V(0x1.0337a2p-3f));
  q = fma(q, f, V(-0x1.0a06dep-3f));
  q = fma(q, f, V(0x1.230450p-3f));
  q = fma(q, f, V(-0x1.54d1a2p-3f));
  q = fma(q, f, V(0x1.999feap-3f));
  q = fma(q, f, V(-0x1.0000ccp-2f));
  q = fma(q, f, V(0x1.555554p-2f));
  V const tail = fma(e, V(-0x1.05c610p-29f), fma(f2 * f, q, V(-0.5f) * f2));
  V const value = fma(e, V(0x1.62e430p-1f), f + tail);
  V const infinity = V(__builtin_huge_valf());
  V const at_edge = select(x >= infinity, x, select(x < V(0.0f), infinity - infinity, -infinity));
  return select(x > V(0.0f) && x < infinity, value, select(x <= x, at_edge, x));
}

/// 1 / (1 + e^-x) without overflow, from u = e^-|x|. Accuracy 2.5 ulp (all floats; tested on a
/// sample).
template <class V>
JETCAL_HOST_DEVICE inline V logistic(V x) {
  V const u = exp(-abs(x));
  return select(x >= V(0.0f), V(1.0f), u) / (V(1.0f) + u);
}

JETCAL_END_MATH

#endif
