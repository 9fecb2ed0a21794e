#include "validate/binned_sample.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace jetcal::validate {
namespace {

constexpr auto kCells = static_cast<std::size_t>(kResponseCells);

/// The lower edge of each cell, and the last one's end.
std::vector<double> const& edges() {
  static std::vector<double> const all = [] {
    std::vector<double> list;
    for (std::int32_t i = 0; i <= kResponseCells; ++i) { list.push_back(response_edge(i)); }
    return list;
  }();
  return all;
}

double middle(std::size_t cell) { return 0.5 * (edges()[cell] + edges()[cell + 1]); }
double width(std::size_t cell) { return edges()[cell + 1] - edges()[cell]; }

/// Sums below each edge, from the cell `first` of the histograms on.
std::vector<WeightSums> sums_below_edges(ResponseHistograms const& of, std::size_t first) {
  bool const weighted = !of.weights.empty();
  std::vector<WeightSums> sums{{}};
  for (std::size_t i = first; i < first + kCells; ++i) {
    double const weight = weighted ? static_cast<double>(of.weights[i]) * 0x1p-16 : of.jets[i];
    double const square = weighted ? static_cast<double>(of.squares[i]) * 0x1p-16 : of.jets[i];
    sums.push_back({sums.back().weight + weight, sums.back().square + square});
  }
  return sums;
}

SortedSample at_middles(std::vector<WeightSums> const& sums) {
  std::vector<float> values, weights;
  for (std::size_t i = 0; i < kCells; ++i) {
    values.push_back(static_cast<float>(middle(i)));
    weights.push_back(static_cast<float>(sums[i + 1].weight - sums[i].weight));
  }
  return SortedSample(std::move(values), std::move(weights));
}

std::size_t first_cell(std::int64_t bin, int response) {
  return static_cast<std::size_t>((bin * kResponses + response) * kResponseCells);
}

}  // namespace

BinnedSample::BinnedSample(ResponseHistograms const& histograms, std::int64_t bin, int response)
    : cells_(histograms.jets.data() + first_cell(bin, response), kCells),
      jets_(std::accumulate(cells_.begin(), cells_.end(), std::int64_t{0})),
      sums_(sums_below_edges(histograms, first_cell(bin, response))),
      middles_(at_middles(sums_)) {}

double BinnedSample::effective_entries() const {
  WeightSums const& all = sums_.back();
  return all.square > 0 ? all.weight * all.weight / all.square : 0;
}

WeightSums BinnedSample::below(double x) const {
  auto const above = std::upper_bound(edges().begin(), edges().end(), x);
  if (above == edges().begin()) { return {}; }
  if (above == edges().end()) { return sums_.back(); }
  auto const cell = static_cast<std::size_t>(above - edges().begin()) - 1;
  WeightSums const &low = sums_[cell], &high = sums_[cell + 1];
  double const part = (x - edges()[cell]) / width(cell);
  return {low.weight + part * (high.weight - low.weight),
          low.square + part * (high.square - low.square)};
}

SortedSample BinnedSample::spread() const {
  std::vector<float> values, weights;
  for (std::size_t i = 0; i < kCells; ++i) {
    double const weight = (sums_[i + 1].weight - sums_[i].weight) / cells_[i];
    for (std::uint32_t k = 0; k < cells_[i]; ++k) {
      values.push_back(static_cast<float>(edges()[i] + (k + 0.5) / cells_[i] * width(i)));
      weights.push_back(static_cast<float>(weight));
    }
  }
  return SortedSample(std::move(values), std::move(weights));
}

}  // namespace jetcal::validate
