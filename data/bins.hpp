#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/config.hpp"

namespace jetcal::data {

/// Phase-space bins in true pT, |eta| and mass. An axis with fewer than two edges is not binned:
/// one bin holds all its values. Without a binned axis there are no bins.
class BinGrid {
 public:
  /// The borders of one bin, lo <= value < hi; of an axis that is not binned, -inf and inf.
  struct Range {
    double lo = 0;
    double hi = 0;
  };
  struct Bin {
    Range pt_true_gev;
    Range abs_eta_true;
    Range mass_true_gev;
  };

  BinGrid() = default;

  /// Errors    ConfigError for edges that do not rise or are not finite
  explicit BinGrid(BinsConfig const& config);

  std::int64_t count() const { return count_; }
  bool bins_pt() const { return edges_[0].size() > 1; }
  bool bins_eta() const { return edges_[1].size() > 1; }
  bool bins_mass() const { return edges_[2].size() > 1; }

  /// Bin b counts mass fastest, pT slowest.
  Bin bin(std::int64_t b) const;

  /// The bin of a jet, -1 outside all. nan is outside; a value of an axis that is not binned does
  /// not matter.
  std::int32_t index(double pt_true_gev, double abs_eta_true, double mass_true_gev) const;

 private:
  std::array<std::vector<double>, 3> edges_;
  std::int64_t count_ = 0;
};

}  // namespace jetcal::data
