#pragma once

#include <vector>

#include "validate/binned_sample.hpp"
#include "validate/sorted_sample.hpp"

namespace jetcal::validate {

/// Bins of equal width over [low, high): sum of weights and of squared weights in each, and what
/// lies below and above.
struct Histogram {
  double low = 0;
  double high = 0;
  std::vector<double> content;
  std::vector<double> square;  ///< sum of w^2: the variance of the content
  double underflow = 0;        ///< sum of weights of values < low
  double overflow = 0;         ///< of values >= high

  int bins() const { return static_cast<int>(content.size()); }
  double width() const { return (high - low) / bins(); }
  double edge(int i) const { return low + (high - low) * i / bins(); }
  double centre(int i) const { return low + (high - low) * (i + 0.5) / bins(); }
};

/// Errors: Error unless bins >= 1 and low < high, both finite.
Histogram fill(SortedSample const& sample, double low, double high, int bins);
Histogram fill(BinnedSample const& sample, double low, double high, int bins);

}  // namespace jetcal::validate
