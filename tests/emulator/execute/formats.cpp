// The narrow floating-point formats.
#include "tests/emulator/execute/formats.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace emulator {

double round_to(double x, int precision, int least, int most, Rounding rounding) {
  if (!std::isfinite(x) || x == 0.0) { return x; }
  int const exponent = std::max(std::ilogb(x), least);
  // |x| in units of the last place there: exact, since only the exponent changes.
  double const units = std::ldexp(std::fabs(x), precision - 1 - exponent);
  double const below = std::floor(units), rest = units - below;
  bool const negative = std::signbit(x);
  bool up = false;
  switch (rounding) {
    case Rounding::nearest_even:
      up = rest > 0.5 || (rest == 0.5 && std::fmod(below, 2.0) == 1.0);
      break;
    case Rounding::nearest_away:
      up = rest >= 0.5;
      break;
    case Rounding::zero:
      break;
    case Rounding::down:
      up = negative && rest > 0;
      break;
    case Rounding::up:
      up = !negative && rest > 0;
      break;
  }
  double const magnitude = std::ldexp(below + (up ? 1.0 : 0.0), exponent - precision + 1);
  double const largest = std::ldexp(2.0 - std::ldexp(1.0, 1 - precision), most);
  if (magnitude > largest) {
    bool const towards_infinity =
        rounding == Rounding::nearest_even || rounding == Rounding::nearest_away ||
        (rounding == Rounding::up && !negative) || (rounding == Rounding::down && negative);
    return std::copysign(towards_infinity ? std::numeric_limits<double>::infinity() : largest, x);
  }
  return std::copysign(magnitude, x);
}

double add_to_odd(double a, double b) {
  double const sum = a + b;
  if (!std::isfinite(sum)) { return sum; }
  double const of_b = sum - a, error = (a - (sum - of_b)) + (b - of_b);  // D. Knuth's TwoSum
  if (error == 0.0 || (bits<u64>(sum) & 1) != 0) { return sum; }
  bool const away = (error > 0) == (sum > 0);
  return bits<double>(bits<u64>(sum) + (away ? u64(1) : ~u64(0)));
}

float from_f16(u16 x) {
  int const exponent = x >> 10 & 31, fraction = x & 1023;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                              : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return (x & 0x8000) != 0 ? -magnitude : magnitude;
}

u16 to_bf16(double x, Rounding rounding) {
  if (std::isnan(x)) { return 0x7fff; }
  return static_cast<u16>(bits<u32>(static_cast<float>(round_to(x, 8, -126, 127, rounding))) >> 16);
}

u16 to_f16(double x, Rounding rounding) {
  if (std::isnan(x)) { return 0x7fff; }
  double const rounded = round_to(x, 11, -14, 15, rounding), magnitude = std::fabs(rounded);
  u16 const sign = std::signbit(rounded) ? 0x8000 : 0;
  if (std::isinf(rounded)) { return sign | 0x7c00; }
  if (magnitude < std::ldexp(1.0, -14)) {
    return sign | static_cast<u16>(std::ldexp(magnitude, 24));
  }
  int const exponent = std::ilogb(magnitude);
  u16 const fraction = static_cast<u16>(std::ldexp(magnitude, 10 - exponent) - 1024);
  return static_cast<u16>(sign | static_cast<u16>((exponent + 15) << 10) | fraction);
}

u32 to_tf32(float x, Rounding rounding) {
  if (std::isnan(x)) { return 0x7fffffff; }
  return bits<u32>(static_cast<float>(round_to(x, 11, -126, 127, rounding)));
}

}  // namespace emulator
