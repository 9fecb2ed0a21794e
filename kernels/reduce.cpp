#include "kernels/reduce.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"
#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

constexpr int kMaxLevels = 9;  // of the tree over 256 lanes, leaves included

void add_lanes(float* const* lanes, int n_lanes, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; i += kLanes) {
    // level[l] waits for its right neighbour: a sum of 2^l lanes. Lane k closes one level for each
    // trailing 1 of its number.
    Vec level[kMaxLevels];
    int closed = 0;
    for (int k = 0; k < n_lanes; ++k) {
      Vec sum = load_first(lanes[k] + i, end - i);
      for (closed = 0; (k >> closed) % 2 == 1; ++closed) { sum = level[closed] + sum; }
      level[closed] = sum;
    }
    store_first(level[closed], lanes[0] + i, end - i);
  }
}

#if JETCAL_IS_SCALAR
using Doubles = double;
constexpr std::int64_t kDoubles = 1;
Doubles no_doubles() { return 0; }
Doubles add_squares(Doubles sum, float const* p) {
  double const x = static_cast<double>(*p);
  return sum + x * x;
}
void store_doubles(Doubles v, double* p) { *p = v; }
#else
using DoubleTag = hn::ScalableTag<double>;
using Doubles = hn::Vec<DoubleTag>;
constexpr std::int64_t kDoubles = kLanes / 2;
Doubles no_doubles() { return hn::Zero(DoubleTag()); }
Doubles add_squares(Doubles sum, float const* p) {
  auto const x = hn::PromoteTo(DoubleTag(), hn::LoadU(hn::Rebind<float, DoubleTag>(), p));
  return hn::MulAdd(x, x, sum);
}
void store_doubles(Doubles v, double* p) { hn::StoreU(v, DoubleTag(), p); }
#endif

double sum_of_squares(float const* x, std::int64_t n) {
  constexpr std::int64_t kVectors = kStrands / kDoubles;
  Doubles strand[kVectors];
  for (Doubles& s : strand) { s = no_doubles(); }
  std::int64_t const whole = n / kStrands * kStrands;
  for (std::int64_t i = 0; i < whole; i += kStrands) {
    for (std::int64_t j = 0; j < kVectors; ++j) {
      strand[j] = add_squares(strand[j], x + i + j * kDoubles);
    }
  }
  float rest[kStrands] = {};
  std::copy(x + whole, x + n, rest);
  double s[kStrands];
  for (std::int64_t j = 0; j < kVectors; ++j) {
    store_doubles(add_squares(strand[j], rest + j * kDoubles), s + j * kDoubles);
  }
  for (std::int64_t half = kStrands / 2; half > 0; half /= 2) {
    for (std::int64_t p = 0; p < half; ++p) { s[p] += s[p + half]; }
  }
  return s[0];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {
namespace {

double dispatched_sum_of_squares(float const* x, std::int64_t n) {
  JETCAL_DISPATCH(sum_of_squares, x, n);
}

}  // namespace

void sum_lanes(float* const* lanes, int n_lanes, std::int64_t begin, std::int64_t end) {
  bool const power_of_two = n_lanes > 0 && (n_lanes & (n_lanes - 1)) == 0;
  JETCAL_REQUIRE(power_of_two && n_lanes <= 256, ShapeError,
                 "sum_lanes: there are " << n_lanes << " lanes (must be a power of two, 1 to 256)");
  JETCAL_DISPATCH(add_lanes, lanes, n_lanes, begin, end);
}

double sum_rows(float const* x, std::int64_t n, std::int64_t stride) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) { sum += static_cast<double>(x[i * stride]); }
  return sum;
}

NormResult squared_norm_chunk(float const* x, std::int64_t n) {
  JETCAL_REQUIRE(
      n <= kNormChunk, ShapeError,
      "squared_norm_chunk: there are " << n << " elements (must be at most " << kNormChunk << ")");
  NormResult result{dispatched_sum_of_squares(x, n), 0};
  // Squares of finite floats cannot overflow a double: only a sum that did not come out finite has
  // something to count.
  if (!std::isfinite(result.sum_of_squares)) {
    result.non_finite = std::count_if(x, x + n, [](float v) { return !std::isfinite(v); });
  }
  return result;
}

NormResult squared_norm(float const* x, std::int64_t begin, std::int64_t end) {
  NormResult total;
  for (std::int64_t i = begin; i < end; i += kNormChunk) {
    NormResult const chunk = squared_norm_chunk(x + i, std::min(kNormChunk, end - i));
    total.sum_of_squares += chunk.sum_of_squares;
    total.non_finite += chunk.non_finite;
  }
  return total;
}

}  // namespace jetcal::cpu
#endif
