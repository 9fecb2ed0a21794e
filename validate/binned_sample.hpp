#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/response_histogram.hpp"
#include "validate/sorted_sample.hpp"

namespace jetcal::validate {

/// One response of one bin of ResponseHistograms, which must outlive it: what the
/// estimators read of a SortedSample, in memory that does not grow with the jets.
class BinnedSample {
 public:
  BinnedSample(ResponseHistograms const& histograms, std::int64_t bin, int response);

  std::int64_t jets() const { return jets_; }
  double total_weight() const { return sums_.back().weight; }
  double effective_entries() const;

  /// Of the values below x; a cell counts with its part below.
  WeightSums below(double x) const;

  /// As SortedSample::quantile, of cells whose weight is in their middle.
  double quantile(double p) const { return middles_.quantile(p); }

  /// A sample with the same cells: the jets of each at equal distances, and of equal weights.
  SortedSample spread() const;

 private:
  std::span<std::uint32_t const> cells_;  // jets
  std::int64_t jets_ = 0;
  std::vector<WeightSums> sums_;  // below each edge
  SortedSample middles_;
};

}  // namespace jetcal::validate
