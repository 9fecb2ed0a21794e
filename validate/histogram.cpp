#include "validate/histogram.hpp"

#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

template <class Sample>
Histogram filled(Sample const& sample, double low, double high, int bins) {
  JETCAL_REQUIRE(bins >= 1 && std::isfinite(low) && std::isfinite(high) && low < high, Error,
                 "histogram: " << bins << " bins over [" << low << ", " << high
                               << ") (needs at least one bin, and finite low < high)");
  Histogram h;
  h.low = low;
  h.high = high;
  WeightSums begin = sample.below(low);
  h.underflow = begin.weight;
  for (int i = 0; i < bins; ++i) {
    WeightSums const end = sample.below(low + (high - low) * (i + 1) / bins);
    h.content.push_back(end.weight - begin.weight);
    h.square.push_back(end.square - begin.square);
    begin = end;
  }
  h.overflow = sample.total_weight() - begin.weight;
  return h;
}

}  // namespace

Histogram fill(SortedSample const& sample, double low, double high, int bins) {
  return filled(sample, low, high, bins);
}

Histogram fill(BinnedSample const& sample, double low, double high, int bins) {
  return filled(sample, low, high, bins);
}

}  // namespace jetcal::validate
