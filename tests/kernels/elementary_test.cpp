// The vocabulary and the functions made of it, on every instruction set: against long double, and
// bit for bit against each other.

#include <cstdint>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/elementary_test.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/elementary.math.hpp"
#include "kernels/row-inl.hpp"

#ifndef JETCAL_ELEMENTARY_TEST_FUNCTION
#define JETCAL_ELEMENTARY_TEST_FUNCTION
namespace jetcal::test {
enum class Function {
  exp,
  exp_of_minus,
  log,
  logistic,
  sqrt,
  abs,
  min,
  max,
  multiply_add,
  power_of_two,
  mantissa
};
}
#endif

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

Vec value_of(test::Function f, Vec a, Vec b, Vec c) {
  switch (f) {
    case test::Function::exp:
      return exp(a);
    case test::Function::exp_of_minus:
      return exp_of_minus(a);
    case test::Function::log:
      return log(a);
    case test::Function::logistic:
      return logistic(a);
    case test::Function::sqrt:
      return sqrt(a);
    case test::Function::abs:
      return abs(a);
    case test::Function::min:
      return min(a, b);
    case test::Function::max:
      return max(a, b);
    case test::Function::multiply_add:
      return fma(a, b, c);
    case test::Function::power_of_two:
      return pow2i(a);
    case test::Function::mantissa: {
      Vec e;
      Vec const m = split_exponent(a, e);
      return m * pow2i(e);
    }
  }
  return a;
}

void evaluate(test::Function f, float const* a, float const* b, float const* c, float* y,
              std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    store_first(
        value_of(f, load_first(a + i, n - i), load_first(b + i, n - i), load_first(c + i, n - i)),
        y + i, n - i);
  }
}

void sums(float const* x, std::int64_t cols, float* sum_and_max) {
  Strands sum(0.0f);
  Strands top(x[0]);
  for (std::int64_t c = 0; c < cols; c += kStrands) {
    for (std::int64_t j = 0; j < kStrandVectors; ++j) {
      std::int64_t const at = c + j * kLanes;
      if (at >= cols) { break; }
      sum.strand[j] = sum.strand[j] + load_first(x + at, cols - at);
      top.strand[j] =
          max(keep_first(load_first(x + at, cols - at), cols - at, Vec(x[0])), top.strand[j]);
    }
  }
  sum_and_max[0] = sum.sum();
  sum_and_max[1] = top.max();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

void evaluate(Function f, float const* a, float const* b, float const* c, float* y,
              std::int64_t n) {
  JETCAL_DISPATCH(evaluate, f, a, b, c, y, n);
}

void sums(float const* x, std::int64_t cols, float* sum_and_max) {
  JETCAL_DISPATCH(sums, x, cols, sum_and_max);
}

Floats evaluate(Function f, Floats const& a, Floats const& b, Floats const& c) {
  Floats y(a.size());
  evaluate(f, a.data(), b.data(), c.data(), y.data(), static_cast<std::int64_t>(a.size()));
  return y;
}

Floats evaluate(Function f, Floats const& a) { return evaluate(f, a, a, a); }

Floats with_isa(Isa isa, Function f, Floats const& a, Floats const& b, Floats const& c) {
  WithIsa const with(isa);
  return evaluate(f, a, b, c);
}

/// Largest error in ulp of the exact result, for results in the normal range.
template <class Exact>
double worst_ulp(Floats const& x, Floats const& y, Exact exact) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    long double const want = exact(static_cast<long double>(x[i]));
    float const size = std::fabs(static_cast<float>(want));
    if (size < std::numeric_limits<float>::min() || std::isinf(size)) { continue; }
    long double const ulp = std::nextafter(size, kInf) - size;
    auto const error = static_cast<double>(std::fabs(static_cast<long double>(y[i]) - want) / ulp);
    worst = error <= worst ? worst : error;  // NaN is the worst
    if (std::isnan(error)) { return HUGE_VAL; }
  }
  return worst;
}

/// Every float from `low` on, taking each `step`-th, up to `high` (both of one sign).
Floats floats_between(float low, float high, std::uint32_t step) {
  auto const from = std::bit_cast<std::uint32_t>(low);
  auto const to = std::bit_cast<std::uint32_t>(high);
  Floats list;
  for (std::uint64_t i = std::min(from, to); i <= std::max(from, to); i += step) {
    list.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(i)));
  }
  return list;
}

Floats both_signs(Floats list) {
  std::size_t const n = list.size();
  for (std::size_t i = 0; i < n; ++i) { list.push_back(-list[i]); }
  return list;
}

TEST_CASE("exp is within its stated accuracy", "[elementary]") {
  Floats x = both_signs(floats_between(1e-9f, 88.7228f, 601));
  for (float const v : uniform(200'000, -87.3, 88.7, seed_of("exp"))) { x.push_back(v); }
  double const worst =
      worst_ulp(x, evaluate(Function::exp, x), [](long double v) { return expl(v); });
  CAPTURE(worst);
  CHECK(worst < 1.1);
}

TEST_CASE("exp below the normal range is rounded once, and its ends are exact", "[elementary]") {
  for (float const v : uniform(20'000, -103.9, -87.4, seed_of("subnormal exp"))) {
    float const got = evaluate(Function::exp, {v})[0];
    long double const want = expl(static_cast<long double>(v));
    CHECK(std::fabs(static_cast<long double>(got) - want) <= 0x1p-149L);
  }
  CHECK(evaluate(Function::exp, {0.0f, -0.0f, -104.0f, -kInf, 88.73f, kInf, 1e30f, -1e30f}) ==
        Floats{1, 1, 0, 0, kInf, kInf, kInf, 0});
  CHECK(std::isnan(evaluate(Function::exp, {kNan})[0]));
}

TEST_CASE("exp of a negative number is within its stated accuracy, and 0 from 87.6 on",
          "[elementary]") {
  Floats const a = floats_between(1e-9f, 87.33f, 401);
  double const worst =
      worst_ulp(a, evaluate(Function::exp_of_minus, a), [](long double v) { return expl(-v); });
  CAPTURE(worst);
  CHECK(worst < 1.1);
  for (float const v : floats_between(87.33f, 89.0f, 17)) {
    float const got = evaluate(Function::exp_of_minus, {v})[0];
    long double const want = v > 87.6f ? 0.0L : expl(-static_cast<long double>(v));
    CHECK(std::fabs(static_cast<long double>(got) - want) <= 0x1p-149L);
  }
  CHECK(evaluate(Function::exp_of_minus, {0.0f, 87.61f, 88.1f, 1e30f, kInf}) ==
        Floats{1, 0, 0, 0, 0});
  CHECK(std::isnan(evaluate(Function::exp_of_minus, {kNan})[0]));
}

TEST_CASE("log is within its stated accuracy for every normal range", "[elementary]") {
  Floats x =
      floats_between(std::numeric_limits<float>::min(), std::numeric_limits<float>::max(), 4001);
  for (float const v : floats_between(0.5f, 2.0f, 13)) { x.push_back(v); }
  double const worst =
      worst_ulp(x, evaluate(Function::log, x), [](long double v) { return logl(v); });
  CAPTURE(worst);
  CHECK(worst < 1.1);
  Floats const ends = evaluate(Function::log, {1.0f, 0.0f, -0.0f, kInf, -1.0f, -kInf, kNan});
  CHECK(ends[0] == 0);
  CHECK(ends[1] == -kInf);
  CHECK(ends[2] == -kInf);
  CHECK(ends[3] == kInf);
  CHECK((std::isnan(ends[4]) && std::isnan(ends[5]) && std::isnan(ends[6])));
}

TEST_CASE("logistic keeps its relative accuracy in both tails", "[elementary]") {
  Floats x = both_signs(floats_between(1e-9f, 87.0f, 601));
  double const worst = worst_ulp(x, evaluate(Function::logistic, x),
                                 [](long double v) { return 1 / (1 + expl(-v)); });
  CAPTURE(worst);
  CHECK(worst < 2.5);
  CHECK(evaluate(Function::logistic, {0.0f, kInf, -kInf, 200.0f, -200.0f}) ==
        Floats{0.5f, 1, 0, 1, 0});
  CHECK(std::isnan(evaluate(Function::logistic, {kNan})[0]));
}

struct TwoDoubles {
  double a, b;
};

[[gnu::noinline]] TwoDoubles rounded_to_float(TwoDoubles x) {
  return {static_cast<double>(static_cast<float>(x.a)),
          static_cast<double>(static_cast<float>(x.b))};
}

TEST_CASE("the compiler keeps roundings from double to float", "[elementary]") {
  double volatile a = 0.9, b = 0.999;  // not known when this is compiled
  TwoDoubles const x = rounded_to_float({a, b});
  CHECK(x.a == 0.89999997615814208984375);
  CHECK(x.b == 0.999000012874603271484375);
}

TEST_CASE("fma rounds once on every instruction set", "[elementary]") {
  // a b is 1 - 2^-46 exactly and rounds to 1: two roundings would give 0.
  Floats const a{1 + 0x1p-23f, 0x1.fffffep+63f, -3.5f};
  Floats const b{1 - 0x1p-23f, 0x1.000002p-63f, 2.0f};
  Floats const c{-1.0f, -2.0f, 7.0f};
  with_each_isa([&] {
    CHECK(evaluate(Function::multiply_add, a, b, c) ==
          Floats{-0x1p-46f, 0x1p-23f - 0x1p-46f, 0.0f});
    Floats const x = uniform(5'000, -2, 2, seed_of("fma a"));
    Floats const y = uniform(5'000, -2, 2, seed_of("fma b"));
    Floats z = uniform(5'000, -1e-6, 1e-6, seed_of("fma c"));
    for (std::size_t i = 0; i < z.size(); ++i) { z[i] -= x[i] * y[i]; }  // cancels
    Floats want;
    for (std::size_t i = 0; i < z.size(); ++i) { want.push_back(std::fma(x[i], y[i], z[i])); }
    CHECK_SAME_BITS(evaluate(Function::multiply_add, x, y, z), want);
  });
}

TEST_CASE("min and max are compare and select: the second operand for NaN and for zeros",
          "[elementary]") {
  Floats const a{1, kNan, 2, 0.0f, -0.0f, -kInf};
  Floats const b{2, 3, kNan, -0.0f, 0.0f, kInf};
  with_each_isa([&] {
    CHECK_SAME_BITS(evaluate(Function::min, a, b, b), (Floats{1, 3, kNan, -0.0f, 0.0f, -kInf}));
    CHECK_SAME_BITS(evaluate(Function::max, a, b, b), (Floats{2, 3, kNan, -0.0f, 0.0f, kInf}));
    CHECK_SAME_BITS(evaluate(Function::abs, a), (Floats{1, kNan, 2, 0.0f, 0.0f, kInf}));
  });
}

TEST_CASE("powers of two and exponents are exact", "[elementary]") {
  Floats n, want;
  for (int e = -126; e <= 127; ++e) {
    n.push_back(static_cast<float>(e));
    want.push_back(std::ldexp(1.0f, e));
  }
  Floats const x = floats_between(std::numeric_limits<float>::min() * 2, 0x1p+126f, 100'003);
  with_each_isa([&] {
    CHECK_SAME_BITS(evaluate(Function::power_of_two, n), want);
    CHECK_SAME_BITS(evaluate(Function::mantissa, x), x);
  });
}

TEST_CASE("every function gives the same bits on every instruction set", "[elementary]") {
  Floats x = both_signs(floats_between(1e-38f, 3e38f, 8009));
  for (float const v : both_signs(floats_between(0.0f, 1e-38f, 80'021))) { x.push_back(v); }
  for (float const v : {kNan, kInf, -kInf, 0.0f, -0.0f}) { x.push_back(v); }
  Floats y = x, z = x;
  std::rotate(y.begin(), y.begin() + 1001, y.end());
  std::rotate(z.begin(), z.begin() + 77'777, z.end());
  for (Function const f :
       {Function::exp, Function::log, Function::logistic, Function::sqrt, Function::abs,
        Function::min, Function::max, Function::multiply_add, Function::exp_of_minus}) {
    Floats const scalar = with_isa(Isa::scalar, f, x, y, z);
    for (Isa const isa : available_isas()) {
      CAPTURE(static_cast<int>(f), name(isa));
      CHECK_SAME_BITS(with_isa(isa, f, x, y, z), scalar);
    }
  }
}

TEST_CASE("loads and stores touch no more than the floats they are given", "[elementary]") {
  for (std::int64_t n = 0; n <= 40; ++n) {
    Floats const x = uniform(n, -1, 1, seed_of("loads", n));  // exactly n: for the sanitizer
    with_each_isa([&] {
      Floats y(x.size() + 32, kGuard);
      evaluate(Function::abs, x.data(), x.data(), x.data(), y.data(), n);
      CAPTURE(n);
      CHECK(guard_untouched(y, x.size()));
      y.resize(x.size());
      Floats want = x;
      for (float& v : want) { v = std::fabs(v); }
      CHECK_SAME_BITS(y, want);
    });
  }
}

// The definition of a sum over a row, in plain words.
float sum_of_row(Floats const& x) {
  float s[16] = {};
  for (std::size_t c = 0; c < x.size(); ++c) { s[c % 16] += x[c]; }
  for (std::size_t half : {8u, 4u, 2u, 1u}) {
    for (std::size_t i = 0; i < half; ++i) { s[i] += s[i + half]; }
  }
  return s[0];
}

TEST_CASE("a sum over a row is 16 strided sums and a tree, whatever the vector", "[elementary]") {
  for (std::int64_t n : {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 40, 210, 250, 256}) {
    Floats x = uniform(n, -1, 1, seed_of("row", n));
    with_each_isa([&] {
      Floats got(2);
      sums(x.data(), n, got.data());
      CAPTURE(n);
      CHECK_SAME_BITS(got, (Floats{sum_of_row(x), *std::max_element(x.begin(), x.end())}));
    });
  }
}

}  // namespace
}  // namespace jetcal::test
#endif
