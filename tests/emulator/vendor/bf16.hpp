#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

// bfloat16, as the stand-ins read and write it.

inline double from_bf16(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

/// The nearest number with seven bits of fraction, ties to even; NaN stays NaN.
inline std::uint16_t to_bf16(float v) {
  if (std::isnan(v)) { return 0x7fc0; }
  auto const bits = std::bit_cast<std::uint32_t>(v);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
