// Two vectors with the vocabulary's operations. A formula over Pair computes both, one operation
// after the other: half as many steps wait for the one before them, and the bits are those of two
// formulas over Vec.

#if defined(JETCAL_KERNELS_PAIR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_PAIR_INL
#undef JETCAL_KERNELS_PAIR_INL
#else
#define JETCAL_KERNELS_PAIR_INL
#endif

#include "kernels/vocabulary-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {

struct Pair {
  Vec a, b;
  Pair() = default;
  HWY_INLINE explicit Pair(float x) : a(x), b(x) {}
  HWY_INLINE Pair(Vec first, Vec second) : a(first), b(second) {}
};

struct PairMask {
  Mask a, b;
};

HWY_INLINE Pair load_pair(float const* p) { return {load(p), load(p + kLanes)}; }
HWY_INLINE void store(Pair x, float* p) {
  store(x.a, p);
  store(x.b, p + kLanes);
}

HWY_INLINE Pair operator+(Pair x, Pair y) { return {x.a + y.a, x.b + y.b}; }
HWY_INLINE Pair operator-(Pair x, Pair y) { return {x.a - y.a, x.b - y.b}; }
HWY_INLINE Pair operator*(Pair x, Pair y) { return {x.a * y.a, x.b * y.b}; }
HWY_INLINE Pair operator/(Pair x, Pair y) { return {x.a / y.a, x.b / y.b}; }
HWY_INLINE Pair operator-(Pair x) { return {-x.a, -x.b}; }
HWY_INLINE PairMask operator>(Pair x, Pair y) { return {x.a > y.a, x.b > y.b}; }
HWY_INLINE PairMask operator>=(Pair x, Pair y) { return {x.a >= y.a, x.b >= y.b}; }

HWY_INLINE Pair fma(Pair x, Pair y, Pair z) { return {fma(x.a, y.a, z.a), fma(x.b, y.b, z.b)}; }
HWY_INLINE Pair abs(Pair x) { return {abs(x.a), abs(x.b)}; }
HWY_INLINE Pair pow2i(Pair n) { return {pow2i(n.a), pow2i(n.b)}; }
HWY_INLINE Pair select(PairMask m, Pair yes, Pair no) {
  return {select(m.a, yes.a, no.a), select(m.b, yes.b, no.b)};
}

}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#endif
