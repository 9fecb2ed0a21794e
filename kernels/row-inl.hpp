// Walking along a row of any length, and the sum over a row: one order on every instruction set.

#if defined(JETCAL_KERNELS_ROW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_ROW_INL
#undef JETCAL_KERNELS_ROW_INL
#else
#define JETCAL_KERNELS_ROW_INL
#endif

#include <algorithm>
#include <iterator>

#include "kernels/vocabulary-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {

/// The first min(n, kLanes) floats at p, 0 in the other lanes.
inline Vec load_first(float const* p, std::int64_t n) {
  return n >= kLanes ? load(p) : load_n(p, n);
}

/// Stores the first min(n, kLanes) lanes.
inline void store_first(Vec v, float* p, std::int64_t n) {
  if (n >= kLanes) {
    store(v, p);
  } else {
    store_n(v, p, n);
  }
}

/// v in the first n lanes, `rest` in the others.
inline Vec keep_first(Vec v, std::int64_t n, Vec rest) {
  return n >= kLanes ? v : select(iota() < Vec(static_cast<float>(n)), v, rest);
}

/// p = v, or p += v.
inline void put(Vec v, float* p, std::int64_t n, bool accumulate) {
  store_first(accumulate ? load_first(p, n) + v : v, p, n);
}

#if JETCAL_IS_SCALAR

template <class Join>
float joined_lanes(float v, Join) {
  return v;
}

#else

/// The lanes of a vector in a tree: i and i + kLanes / 2, ..., i and i + 2, i and i + 1.
template <class Join>
HWY_INLINE float joined_lanes(Vec v, Join join) {
#if HWY_TARGET != HWY_NEON
  v = join(v, Vec(hn::ConcatUpperUpper(VecTag(), v.v, v.v)));
  if constexpr (kLanes == 16) { v = join(v, Vec(hn::SwapAdjacentBlocks(v.v))); }
#endif
  v = join(v, Vec(hn::Shuffle1032(v.v)));
  v = join(v, Vec(hn::Shuffle2301(v.v)));
  return hn::GetLane(v.v);
}

#endif

/// A reduction over a row: strand p takes the columns p, p + 16, p + 32, ... in order, then the
/// strands i and i + 8 are joined, i and i + 4, i + 2, i + 1. To be filled like this:
///
///   for (c = 0; c < cols; c += kStrands)
///     for (j = 0; j < kStrandVectors; ++j)
///       strand[j] = join(strand[j], columns c + j * kLanes to c + (j + 1) * kLanes - 1)
///
/// Columns past the end join as 0 in a sum: it begins at +0 and so never is -0, which + 0 changes.
constexpr std::int64_t kStrands = 16;
constexpr std::int64_t kStrandVectors = kStrands / kLanes;

struct Strands {
  Vec strand[kStrandVectors];
  explicit Strands(float start) {
    for (Vec& s : strand) { s = Vec(start); }
  }

  float sum() const {
    return joined([](Vec a, Vec b) { return a + b; });
  }
  float max() const {
    return joined([](Vec a, Vec b) { return HWY_NAMESPACE::max(a, b); });
  }

 private:
  template <class Join>
  float joined(Join join) const {
    Vec s[kStrandVectors];
    std::copy(std::begin(strand), std::end(strand), s);
    for (std::int64_t half = kStrandVectors / 2; half > 0; half /= 2) {
      for (std::int64_t i = 0; i < half; ++i) { s[i] = join(s[i], s[i + half]); }
    }
    return joined_lanes(s[0], join);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#endif
