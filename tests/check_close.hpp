#pragma once

// How tests compare arrays of floats, and the arrays they feed in. A comparison can fail: NaN is
// the worst error, lengths count, and the message says where and how much.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/random.hpp"

namespace jetcal::test {

/// Distance from 1 to the next float.
constexpr double kEps = 0x1p-23;

/// `got` may differ from `want` by rel * |want| + abs. Both 0: it must be equal.
struct Tolerance {
  double rel = 0;
  double abs = 0;
};

/// What a comparison found.
struct Comparison {
  bool ok = true;
  std::string message;  ///< "4 of 31 values are off; worst at [9]: got nan, want 56.8, ..."
};

/// One error in units of what is allowed: 1 is the limit, infinity for NaN on either side.
inline double tolerance_used(double got, double want, double allowed) {
  if (got == want) { return 0; }
  double const use = std::abs(got - want) / allowed;
  return std::isnan(use) ? HUGE_VAL : use;
}

/// Compares element by element. `size(i)` is what the relative tolerance is taken of.
template <class Got, class Want, class Size>
Comparison compare(Got const& got, Want const& want, Tolerance tolerance, Size size) {
  std::ostringstream text;
  text.precision(9);
  std::size_t const n = got.size();
  if (n != want.size()) {
    text << "got " << n << " values, want " << want.size();
    return {false, text.str()};
  }
  std::size_t bad = 0;
  std::size_t worst = 0;
  double worst_use = -1;
  for (std::size_t i = 0; i < n; ++i) {
    double const allowed = tolerance.rel * size(i) + tolerance.abs;
    double const use =
        tolerance_used(static_cast<double>(got[i]), static_cast<double>(want[i]), allowed);
    if (!(use <= 1)) { ++bad; }
    if (use > worst_use) {
      worst_use = use;
      worst = i;
    }
  }
  if (n > 0) {
    text << bad << " of " << n << " values are off; worst at [" << worst << "]: got " << got[worst]
         << ", want " << want[worst] << ", " << worst_use << " x the tolerance";
  }
  return {bad == 0, text.str()};
}

/// The tolerance is relative to |want|: for one operation after the other.
template <class Got, class Want>
Comparison compare(Got const& got, Want const& want, Tolerance tolerance) {
  return compare(got, want, tolerance,
                 [&](std::size_t i) { return std::abs(static_cast<double>(want[i])); });
}

/// The tolerance is relative to `terms`: the sum of the magnitudes that were added up.
template <class Got, class Want>
Comparison compare(Got const& got, Want const& want, Tolerance tolerance,
                   std::vector<double> const& terms) {
  if (terms.size() != want.size()) { return {false, "as many term sums as values are needed"}; }
  return compare(got, want, tolerance, [&](std::size_t i) { return terms[i]; });
}

/// The same bits, where any NaN equals any NaN (its bits are free) and -0 differs from +0.
template <class A, class B>
Comparison compare_bits(A const& got, B const& want) {
  std::ostringstream text;
  text.precision(9);
  if (got.size() != want.size()) {
    text << "got " << got.size() << " values, want " << want.size();
    return {false, text.str()};
  }
  std::size_t bad = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    float const a = got[i];
    float const b = want[i];
    bool const both_nan = std::isnan(a) && std::isnan(b);
    if (both_nan || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b)) {
      continue;
    }
    if (bad++ == 0) { text << "first at [" << i << "]: got " << a << ", want " << b << "; "; }
  }
  text << bad << " of " << got.size() << " values differ in bits";
  return {bad == 0, text.str()};
}

/// What stands behind and between the values an op may write. A value that `+=`, `=` 0 and a copy
/// of a neighbour all change.
constexpr float kGuard = -77.125f;

/// Whether everything from index `begin` on is still kGuard.
template <class Buffer>
bool guard_untouched(Buffer const& buffer, std::size_t begin) {
  for (std::size_t i = begin; i < buffer.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(buffer[i]) != std::bit_cast<std::uint32_t>(kGuard)) {
      return false;
    }
  }
  return begin <= buffer.size();
}

/// The seed of a test's numbers: from its name and a size, never from the clock (FNV-1a).
inline std::uint64_t seed_of(std::string_view name, std::int64_t n = 0) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char const c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{0x100000001b3u};
  }
  for (int shift = 0; shift < 64; shift += 8) {
    hash =
        (hash ^ ((static_cast<std::uint64_t>(n) >> shift) & 0xff)) * std::uint64_t{0x100000001b3u};
  }
  return hash;
}

/// n floats, uniform in [low, high].
inline std::vector<float> uniform(std::int64_t n, double low, double high, std::uint64_t seed) {
  RandomStream const stream(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(low + (high - low) * stream.uniform(i));
  }
  return values;
}

/// f of every element, as double.
template <class Function>
std::vector<double> map(std::vector<float> const& x, Function f) {
  std::vector<double> y;
  y.reserve(x.size());
  for (float const v : x) { y.push_back(f(static_cast<double>(v))); }
  return y;
}

}  // namespace jetcal::test

/// CHECK_CLOSE(got, want, tolerance) or CHECK_CLOSE(got, want, tolerance, sums_of_magnitudes).
#define CHECK_CLOSE(...)                                                                  \
  do {                                                                                    \
    ::jetcal::test::Comparison const jetcal_found = ::jetcal::test::compare(__VA_ARGS__); \
    INFO(jetcal_found.message);                                                           \
    CHECK(jetcal_found.ok);                                                               \
  } while (false)

/// The same floats, bit for bit.
#define CHECK_SAME_BITS(got, want)                                                           \
  do {                                                                                       \
    ::jetcal::test::Comparison const jetcal_found = ::jetcal::test::compare_bits(got, want); \
    INFO(jetcal_found.message);                                                              \
    CHECK(jetcal_found.ok);                                                                  \
  } while (false)
