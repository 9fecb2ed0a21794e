#include "validate/standard/jets.hpp"

#include <algorithm>
#include <cmath>

namespace jetcal::validate::standard {

std::int64_t bin_in(std::vector<double> const& edges, double x) {
  if (!(x >= edges.front() && x < edges.back())) { return -1; }
  return std::upper_bound(edges.begin(), edges.end(), x) - edges.begin() - 1;
}

std::vector<Bin> rising_bins(std::span<double const> x, std::vector<double> const& edges,
                             double step, std::int64_t min_jets) {
  if (x.empty()) { return {}; }
  std::vector<double> borders = edges;
  if (borders.empty()) {
    auto const first = static_cast<std::int64_t>(std::floor(x.front() / step));
    auto const last = static_cast<std::int64_t>(std::floor(x.back() / step)) + 1;
    for (std::int64_t i = first; i <= last; ++i) {
      borders.push_back(static_cast<double>(i) * step);
    }
  }
  auto const index_of = [&](double border) {
    return std::lower_bound(x.begin(), x.end(), border) - x.begin();
  };
  std::vector<Bin> bins;
  bool open = false;
  for (std::size_t b = 0; b + 1 < borders.size(); ++b) {
    auto const begin = index_of(borders[b]);
    auto const end = index_of(borders[b + 1]);
    if (!open) { bins.push_back({borders[b], borders[b], begin, begin}); }
    bins.back().high = borders[b + 1];
    bins.back().end = end;
    open = bins.back().jets() < min_jets;
  }
  if (open && bins.size() > 1) {
    Bin const last = bins.back();
    bins.pop_back();
    bins.back().high = last.high;
    bins.back().end = last.end;
  }
  if (bins.back().jets() < min_jets) { bins.clear(); }
  return bins;
}

}  // namespace jetcal::validate::standard
