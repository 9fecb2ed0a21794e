#include "data/bins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

std::int64_t bins_of(std::vector<double> const& edges) {
  return edges.size() > 1 ? static_cast<std::int64_t>(edges.size()) - 1 : 1;
}

void require_rising(std::vector<double> const& edges, char const* axis) {
  for (std::size_t i = 0; i < edges.size(); ++i) {
    JETCAL_REQUIRE(std::isfinite(edges[i]) && (i == 0 || edges[i - 1] < edges[i]), ConfigError,
                   "bins." << axis << ": edge " << i << " is " << edges[i]
                           << " (edges must be finite and rise)");
  }
}

}  // namespace

BinGrid::BinGrid(BinsConfig const& config)
    : edges_{config.pt_true, config.abs_eta_true, config.mass_true} {
  require_rising(edges_[0], "pt_true");
  require_rising(edges_[1], "abs_eta_true");
  require_rising(edges_[2], "mass_true");
  if (bins_pt() || bins_eta() || bins_mass()) {
    count_ = bins_of(edges_[0]) * bins_of(edges_[1]) * bins_of(edges_[2]);
  }
  JETCAL_REQUIRE(count_ <= std::numeric_limits<std::int32_t>::max(), ConfigError,
                 "bins: there are " << count_ << " (must be fewer than 2^31)");
}

BinGrid::Bin BinGrid::bin(std::int64_t b) const {
  JETCAL_REQUIRE(b >= 0 && b < count_, ShapeError,
                 "BinGrid::bin: index " << b << " (must be below " << count_ << ")");
  std::array<Range, 3> ranges;
  for (std::size_t axis = 3; axis-- > 0;) {
    std::vector<double> const& edges = edges_[axis];
    auto const i = static_cast<std::size_t>(b % bins_of(edges));
    b /= bins_of(edges);
    if (edges.size() > 1) {
      ranges[axis] = {edges[i], edges[i + 1]};
    } else {
      ranges[axis] = {-HUGE_VAL, HUGE_VAL};
    }
  }
  return {ranges[0], ranges[1], ranges[2]};
}

std::int32_t BinGrid::index(double pt_true_gev, double abs_eta_true, double mass_true_gev) const {
  if (count_ == 0) { return -1; }
  std::array<double, 3> const values{pt_true_gev, abs_eta_true, mass_true_gev};
  std::int64_t b = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<double> const& edges = edges_[axis];
    b *= bins_of(edges);
    if (edges.size() < 2) { continue; }
    if (!(values[axis] >= edges.front() && values[axis] < edges.back())) { return -1; }
    auto const above = std::upper_bound(edges.begin(), edges.end(), values[axis]);
    b += (above - edges.begin()) - 1;
  }
  return static_cast<std::int32_t>(b);
}

}  // namespace jetcal::data
