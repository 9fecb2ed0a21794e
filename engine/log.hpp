#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace jetcal {

/// ln(x 2^shift) for a positive normal x and a whole `shift`, the core of natural_log. Without a
/// branch or a conversion between integers and doubles, so that AVX2 takes a loop over it.
///
/// Source    ln x = e ln 2 + 2 artanh(s), s = (m - 1)/(m + 1), x = m 2^e, m in [1/sqrt 2, sqrt 2)
///           (Abramowitz and Stegun 4.1.27), the series of artanh cut where its rest is 2e-19 of it
[[gnu::always_inline]] inline double log_of_normal(double x, double shift = 0) {
  constexpr int kFractionBits = 52;
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;  // its bits
  constexpr std::uint64_t kExponent = std::uint64_t{1024} << kFractionBits;
  std::uint64_t const bits = std::bit_cast<std::uint64_t>(x);
  std::uint64_t const n = (bits - kSqrtHalf + kExponent) >> kFractionBits;  // e + 1024
  double const m = std::bit_cast<double>(bits - (n << kFractionBits) + kExponent);
  constexpr std::uint64_t kTwoTo52 = 0x4330000000000000;  // its fraction counts whole numbers
  double const e = std::bit_cast<double>(n | kTwoTo52) - (0x1p52 + 1024);
  double const exponent = e + shift;

  double const f = m - 1;  // exact
  double const s = f / (m + 1);
  double const s2 = s * s;
  double tail = 1.0 / 23;
  tail = tail * s2 + 1.0 / 21;
  tail = tail * s2 + 1.0 / 19;
  tail = tail * s2 + 1.0 / 17;
  tail = tail * s2 + 1.0 / 15;
  tail = tail * s2 + 1.0 / 13;
  tail = tail * s2 + 1.0 / 11;
  tail = tail * s2 + 1.0 / 9;
  tail = tail * s2 + 1.0 / 7;
  tail = tail * s2 + 1.0 / 5;
  tail = tail * s2 + 1.0 / 3;
  // artanh(s) = s + s^3 tail(s^2), and 2 s = f - s f exactly: the leading term is f itself,
  // unrounded.
  double const log_m = f - s * (f - 2 * s2 * tail);

  // ln 2 in two parts: the upper has 32 bits, so its product with e is exact.
  constexpr double kLn2Upper = 0x1.62e42feep-1;
  constexpr double kLn2Lower = 0x1.a39ef35793c76p-33;
  return exponent * kLn2Upper + (exponent * kLn2Lower + log_m);
}

/// Natural logarithm with the same bits on every machine, which libm's does not promise: only IEEE
/// additions, multiplications and one division, which nothing may contract or reorder.
///
/// Accuracy  2.1e-16 of the result for every positive x, subnormal numbers included (measured
///           against long double)
/// Errors    none: -inf at 0, nan below and for nan, inf at inf
inline double natural_log(double x) {
  if (!(x > 0)) {
    return x == 0 ? -std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::quiet_NaN();
  }
  if (x == std::numeric_limits<double>::infinity()) { return x; }
  return x < 0x1p-1022 ? log_of_normal(x * 0x1p54, -54) : log_of_normal(x);
}

}  // namespace jetcal
