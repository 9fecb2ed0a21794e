#include "validate/histogram.hpp"

#include <cmath>
#include <cstdint>

#include "engine/errors.hpp"

namespace jetcal::validate {

Histogram fill(SortedSample const& sample, double low, double high, int bins) {
  JETCAL_REQUIRE(bins >= 1 && std::isfinite(low) && std::isfinite(high) && low < high, Error,
                 "histogram: " << bins << " bins over [" << low << ", " << high
                               << ") (needs at least one bin, and finite low < high)");
  Histogram h;
  h.low = low;
  h.high = high;
  h.content.resize(static_cast<std::size_t>(bins));
  h.square.resize(static_cast<std::size_t>(bins));
  // The sample is sorted: a bin is what lies between two places in it.
  std::int64_t begin = sample.count_below(low);
  h.underflow = sample.weight_below(begin);
  for (int i = 0; i < bins; ++i) {
    std::int64_t const end = sample.count_below(h.edge(i + 1));
    auto const at = static_cast<std::size_t>(i);
    h.content[at] = sample.weight_below(end) - sample.weight_below(begin);
    h.square[at] = sample.square_below(end) - sample.square_below(begin);
    begin = end;
  }
  h.overflow = sample.total_weight() - sample.weight_below(begin);
  return h;
}

}  // namespace jetcal::validate
