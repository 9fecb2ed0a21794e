#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/response_histogram.hpp"
#include "tests/check_close.hpp"

namespace jetcal::test {

/// Rows in bins -1 .. n_bins, the last of which is none of theirs, with responses in and outside of
/// all cells and every kind of number that is no response, and weights of many sizes.
struct ResponseSample {
  ResponseSample(std::int64_t n_rows, std::int64_t n_bins)
      : rows(n_rows),
        targets(uniform(rows * kTargetLd, 0.05, 3, seed_of("response targets", rows))),
        energy(uniform(rows * kPredictionLd, 0.05, 2, seed_of("response energies", rows))),
        mass(uniform(rows, 0.3, 1.9, seed_of("response masses", rows))),
        weights(uniform(rows, 0.01, 3, seed_of("response weights", rows))) {
    float const inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
    RandomStream const random(seed_of("response bins", rows), Purpose::test);
    auto const spread = static_cast<std::uint64_t>(n_bins + 2);
    for (std::int64_t r = 0; r < rows; ++r) {
      auto const i = static_cast<std::size_t>(r);
      bins.push_back(static_cast<std::int32_t>(random.bits(i) % spread) - 1);
      // Half of the jets lie in a few cells, as responses do.
      if (r % 2 == 0) { mass[i] = targets[i * kTargetLd + 1] / (1 + 1e-4f * mass[i]); }
      constexpr std::size_t kOdd = 37;
      float const odd[] = {0, -0.0f, inf, -inf, nan, 1e-30f, -0.5f, 1e-44f, 1e30f};
      if (r % 8 == 3) { energy[i * kPredictionLd] = odd[i % std::size(odd)]; }
      float const odd_weights[] = {0, nan, -1, inf, 3e38f, 70'000, 1e-6f, 0.001f};
      if (r % 16 == 5) { weights[i] = odd_weights[i % kOdd % std::size(odd_weights)]; }
      if (r % kOdd == 7) { targets[i * kTargetLd] = odd[i % std::size(odd)]; }
    }
  }

  static constexpr std::int64_t kTargetLd = 3, kPredictionLd = 16;

  ResponseRows view(bool with_energy, bool with_mass) const {
    ResponseRows view{
        rows, bins.data(), weights.data(), {targets.data(), rows, kResponses, kTargetLd}, {}};
    if (with_energy) { view.predictions[0] = {energy.data(), rows, 2, kPredictionLd}; }
    if (with_mass) { view.predictions[1] = {mass.data(), rows, 1, 1}; }
    return view;
  }

  std::int64_t rows;
  std::vector<float> targets, energy, mass, weights;
  std::vector<std::int32_t> bins;
};

/// Units of the weights of `n_bins` bins; none if jets are counted without weights.
inline std::vector<float> response_units(std::int64_t n_bins, bool weighted) {
  std::vector<float> units;
  for (std::int64_t b = 0; weighted && b < n_bins; ++b) {
    units.push_back(std::ldexp(1.0f, -static_cast<int>(b)));
  }
  return units;
}

inline bool same_histograms(ResponseHistograms const& a, ResponseHistograms const& b) {
  return a.bins.count == b.bins.count && a.bins.units == b.bins.units && a.jets == b.jets &&
         a.weights == b.weights && a.squares == b.squares;
}

inline std::int64_t jets_in(ResponseHistograms const& h) {
  std::int64_t sum = 0;
  for (std::uint32_t const n : h.jets) { sum += n; }
  return sum;
}

}  // namespace jetcal::test
