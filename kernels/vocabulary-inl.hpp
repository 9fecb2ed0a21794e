// The vocabulary every formula is written in, for the CPU: one namespace per instruction set, read
// again for each of them by Highway's foreach_target. `Vec` holds kLanes floats; in the scalar
// namespace it is float itself.
//
// Every function is the same IEEE operations on every instruction set: fma rounds once, division
// and square root are correctly rounded, min and max are compare and select (the second operand for
// a NaN), and nothing is approximate.

#if defined(JETCAL_KERNELS_VOCABULARY_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_VOCABULARY_INL
#undef JETCAL_KERNELS_VOCABULARY_INL
#else
#define JETCAL_KERNELS_VOCABULARY_INL
#endif

#include <hwy/highway.h>

#include <bit>
#include <cmath>
#include <cstdint>

#undef JETCAL_IS_SCALAR
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
#define JETCAL_IS_SCALAR 1
#else
#define JETCAL_IS_SCALAR 0
#endif

#ifndef JETCAL_SCALAR_NAMESPACE
#if HWY_BASELINE_SCALAR == HWY_EMU128
#define JETCAL_SCALAR_NAMESPACE N_EMU128
#else
#define JETCAL_SCALAR_NAMESPACE N_SCALAR
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {

#if JETCAL_IS_SCALAR

using Vec = float;
using Mask = bool;
constexpr std::int64_t kLanes = 1;

inline float load(float const* p) { return *p; }
inline float load_n(float const* p, std::int64_t) { return *p; }
inline void store(float v, float* p) { *p = v; }
inline void store_n(float v, float* p, std::int64_t) { *p = v; }
inline float iota() { return 0; }

inline float fma(float a, float b, float c) { return std::fma(a, b, c); }
inline float sqrt(float a) { return std::sqrt(a); }
inline float abs(float a) { return std::fabs(a); }
inline float select(bool m, float yes, float no) { return m ? yes : no; }
inline float min(float a, float b) { return a < b ? a : b; }
inline float max(float a, float b) { return a > b ? a : b; }

/// 2^n for an n that is a whole number in [-126, 127].
inline float pow2i(float n) {
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(n + 0x1.8000fep+23f) << 23);
}

/// x = m * 2^e with m in [sqrt(1/2), sqrt(2)), for a positive normal x.
inline float split_exponent(float x, float& e) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(x);
  std::int32_t const n = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;
  e = static_cast<float>(n);
  return std::bit_cast<float>(bits - (static_cast<std::uint32_t>(n) << 23));
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using VecTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<VecTag>;

struct Mask {
  hn::Mask<VecTag> m;
};

struct Vec {
  hn::Vec<VecTag> v;
  Vec() = default;
  HWY_INLINE explicit Vec(float x) : v(hn::Set(VecTag(), x)) {}
  HWY_INLINE explicit Vec(hn::Vec<VecTag> x) : v(x) {}
};
constexpr std::int64_t kLanes = HWY_LANES(float);

HWY_INLINE Vec load(float const* p) { return Vec(hn::LoadU(VecTag(), p)); }
HWY_INLINE void store(Vec a, float* p) { hn::StoreU(a.v, VecTag(), p); }
#if HWY_TARGET == HWY_NEON
// Highway's masked accesses touch the whole vector on ARM, so memory past the end of the array.
HWY_INLINE Vec load_n(float const* p, std::int64_t n) {
  float lane[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) { lane[i] = p[i]; }
  return load(lane);
}
HWY_INLINE void store_n(Vec a, float* p, std::int64_t n) {
  float lane[kLanes];
  store(a, lane);
  for (std::int64_t i = 0; i < n; ++i) { p[i] = lane[i]; }
}
#else
HWY_INLINE Vec load_n(float const* p, std::int64_t n) {
  return Vec(hn::MaskedLoad(hn::FirstN(VecTag(), static_cast<std::size_t>(n)), VecTag(), p));
}
HWY_INLINE void store_n(Vec a, float* p, std::int64_t n) {
  hn::BlendedStore(a.v, hn::FirstN(VecTag(), static_cast<std::size_t>(n)), VecTag(), p);
}
#endif
HWY_INLINE Vec iota() { return Vec(hn::Iota(VecTag(), 0.0f)); }

HWY_INLINE Vec operator+(Vec a, Vec b) { return Vec(hn::Add(a.v, b.v)); }
HWY_INLINE Vec operator-(Vec a, Vec b) { return Vec(hn::Sub(a.v, b.v)); }
HWY_INLINE Vec operator*(Vec a, Vec b) { return Vec(hn::Mul(a.v, b.v)); }
HWY_INLINE Vec operator/(Vec a, Vec b) { return Vec(hn::Div(a.v, b.v)); }
HWY_INLINE Vec operator-(Vec a) { return Vec(hn::Neg(a.v)); }
HWY_INLINE Mask operator<(Vec a, Vec b) { return {hn::Lt(a.v, b.v)}; }
HWY_INLINE Mask operator<=(Vec a, Vec b) { return {hn::Le(a.v, b.v)}; }
HWY_INLINE Mask operator>(Vec a, Vec b) { return {hn::Gt(a.v, b.v)}; }
HWY_INLINE Mask operator>=(Vec a, Vec b) { return {hn::Ge(a.v, b.v)}; }
HWY_INLINE Mask operator&&(Mask a, Mask b) { return {hn::And(a.m, b.m)}; }
HWY_INLINE Mask operator||(Mask a, Mask b) { return {hn::Or(a.m, b.m)}; }

HWY_INLINE Vec fma(Vec a, Vec b, Vec c) { return Vec(hn::MulAdd(a.v, b.v, c.v)); }
HWY_INLINE Vec sqrt(Vec a) { return Vec(hn::Sqrt(a.v)); }
HWY_INLINE Vec abs(Vec a) { return Vec(hn::Abs(a.v)); }
HWY_INLINE Vec select(Mask m, Vec yes, Vec no) { return Vec(hn::IfThenElse(m.m, yes.v, no.v)); }
#if HWY_TARGET == HWY_NEON
HWY_INLINE Vec min(Vec a, Vec b) { return select(a < b, a, b); }
HWY_INLINE Vec max(Vec a, Vec b) { return select(a > b, a, b); }
#else
// One instruction on x86: the second operand unless the first is less (greater).
HWY_INLINE Vec min(Vec a, Vec b) { return Vec(hn::Min(a.v, b.v)); }
HWY_INLINE Vec max(Vec a, Vec b) { return Vec(hn::Max(a.v, b.v)); }
#endif

HWY_INLINE Vec pow2i(Vec n) {
  Vec const shifted = n + Vec(0x1.8000fep+23f);
  return Vec(hn::BitCast(VecTag(), hn::ShiftLeft<23>(hn::BitCast(IntTag(), shifted.v))));
}

HWY_INLINE Vec split_exponent(Vec x, Vec& e) {
  auto const bits = hn::BitCast(IntTag(), x.v);
  auto const n = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(IntTag(), 0x3f3504f3)));
  e = Vec(hn::ConvertTo(VecTag(), n));
  return Vec(hn::BitCast(VecTag(), hn::Sub(bits, hn::ShiftLeft<23>(n))));
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#endif
