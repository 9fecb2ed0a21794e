#pragma once

#include <cstdint>

namespace jetcal {

/// b^n for n >= 0 by squaring and multiplying: the same bits on every machine, which std::pow does
/// not promise.
inline double power(double b, std::int64_t n) {
  double result = 1;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) { result *= b; }
    b *= b;
  }
  return result;
}

}  // namespace jetcal
