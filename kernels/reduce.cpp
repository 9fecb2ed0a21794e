#include "kernels/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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

// Plain loops over 16 sums: IEEE double on every instruction set, in vectors where there are.
NormResult norm_chunk(float const* x, std::int64_t n) {
  double sum[kStrands] = {};
  std::int32_t bad[kStrands] = {};
  std::int64_t const whole = n / kStrands * kStrands;
  for (std::int64_t i = 0; i < whole; i += kStrands) {
    for (std::int64_t p = 0; p < kStrands; ++p) {
      double const value = static_cast<double>(x[i + p]);
      sum[p] += value * value;
      bad[p] += std::fabs(x[i + p]) <= std::numeric_limits<float>::max() ? 0 : 1;
    }
  }
  for (std::int64_t p = 0; p < n - whole; ++p) {
    double const value = static_cast<double>(x[whole + p]);
    sum[p] += value * value;
    bad[p] += std::fabs(x[whole + p]) <= std::numeric_limits<float>::max() ? 0 : 1;
  }
  for (std::int64_t half = kStrands / 2; half > 0; half /= 2) {
    for (std::int64_t p = 0; p < half; ++p) {
      sum[p] += sum[p + half];
      bad[p] += bad[p + half];
    }
  }
  return {sum[0], bad[0]};
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {

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
  JETCAL_DISPATCH(norm_chunk, x, n);
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
