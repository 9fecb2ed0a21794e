#pragma once

// Which counters of a histogram a row adds to, and how much: whole numbers from exact or correctly
// rounded float operations, so the same ones on host and device.

#include "engine/host_device.hpp"
#include "kernels/response_histogram.hpp"

namespace jetcal::math {

/// The cell of a finite response.
JETCAL_HOST_DEVICE inline std::int32_t response_cell(float response) {
  constexpr int kBelow = 13;  // bits of the fraction that tell nothing apart
  if (!(response >= kLowestResponse)) { return 0; }
  if (response >= kHighestResponse) { return kResponseCells - 1; }
  return 1 + ((__builtin_bit_cast(std::int32_t, response) -
               __builtin_bit_cast(std::int32_t, kLowestResponse)) >>
              kBelow);
}

/// A weight above 0 in 2^-16 of its unit.
JETCAL_HOST_DEVICE inline std::uint32_t whole_weight(float weight, float unit) {
  constexpr float kMost = 0x1.fffffep+31f;
  float const exact = weight / unit * 0x1p+16f;
  if (!(exact < kMost)) { return static_cast<std::uint32_t>(kMost); }
  auto const whole = static_cast<std::uint32_t>(exact);
  return whole + (exact - static_cast<float>(whole) >= 0.5f ? 1 : 0);
}

/// Its square in 2^-16 of the unit's.
JETCAL_HOST_DEVICE inline std::uint64_t whole_square(std::uint32_t weight) {
  return (std::uint64_t{weight} * weight + (1u << 15)) >> 16;
}

/// The counter of a row's response, -1 for none.
JETCAL_HOST_DEVICE inline std::int64_t response_counter(ResponseRows const& rows, std::int64_t row,
                                                        int response, std::int64_t bins) {
  std::int64_t const bin = rows.bins[row];
  ConstMat const& predicted = rows.predictions[response];
  if (bin < 0 || bin >= bins || predicted.data == nullptr || !(rows.weights[row] > 0)) {
    return -1;
  }
  float const target = rows.targets.data[row * rows.targets.ld + response];
  float const r = target / predicted.data[row * predicted.ld];
  bool const finite = r - r == 0;  // NaN for infinities and NaN
  return finite ? (bin * kResponses + response) * kResponseCells + response_cell(r) : -1;
}

}  // namespace jetcal::math
