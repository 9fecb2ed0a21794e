#include "kernels/response_histogram.hpp"

#include <algorithm>
#include <bit>

#include "engine/errors.hpp"
#include "kernels/response_histogram.math.hpp"

namespace jetcal {

double response_edge(std::int32_t i) {
  if (i <= 0) { return 0; }
  if (i >= kResponseCells) { return 2 * static_cast<double>(kHighestResponse); }
  auto const first = std::bit_cast<std::int32_t>(kLowestResponse);
  auto const last = std::bit_cast<std::int32_t>(kHighestResponse);
  auto const bits = first + (last - first) / (kResponseCells - 2) * (i - 1);
  return static_cast<double>(std::bit_cast<float>(bits));
}

std::int64_t ResponseBins::bytes() const {
  auto const each = sizeof(std::uint32_t) + (units.empty() ? 0 : 2 * sizeof(std::uint64_t));
  return counters() * static_cast<std::int64_t>(each);
}

void ResponseBins::require_valid() const {
  JETCAL_REQUIRE(units.empty() || std::ssize(units) == count, Error,
                 "responses: " << units.size() << " units of weights (must be one a bin: " << count
                               << ", or none)");
  JETCAL_REQUIRE(std::all_of(units.begin(), units.end(), [](float u) { return u > 0; }), Error,
                 "responses: a unit of weights is not above 0");
}

ResponseHistograms::ResponseHistograms(ResponseBins const& of)
    : bins(of), jets(static_cast<std::size_t>(of.counters())) {
  of.require_valid();
  if (!of.units.empty()) {
    weights.resize(jets.size());
    squares.resize(jets.size());
  }
}

ResponseCounters ResponseHistograms::counters() {
  return {bins.count, bins.units.empty() ? nullptr : bins.units.data(), weights.data(),
          squares.data(), jets.data()};
}

void ResponseRows::require_shapes(char const* where) const {
  for (std::int64_t i = 0; i < kResponses; ++i) {
    ConstMat const& predicted = predictions[i];
    if (predicted.data == nullptr) { continue; }
    JETCAL_REQUIRE(
        predicted.rows == rows && predicted.cols > 0 && targets.rows == rows && targets.cols > i,
        ShapeError,
        where << ": response " << i << " of " << rows << " rows has predictions [" << predicted.rows
              << ", " << predicted.cols << "] and targets [" << targets.rows << ", " << targets.cols
              << "] (must have column " << i << ")");
  }
}

void cpu::count_responses(ResponseRows const& rows, ResponseCounters const& counters) {
  rows.require_shapes("count_responses");
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    for (int response = 0; response < kResponses; ++response) {
      std::int64_t const at = math::response_counter(rows, r, response, counters.bins);
      if (at < 0) { continue; }
      ++counters.jets[at];
      if (counters.units == nullptr) { continue; }
      std::uint32_t const weight =
          math::whole_weight(rows.weights[r], counters.units[rows.bins[r]]);
      counters.weights[at] += weight;
      counters.squares[at] += math::whole_square(weight);
    }
  }
}

}  // namespace jetcal
