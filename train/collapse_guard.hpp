#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "train/config.hpp"

namespace jetcal::train {

/// Watches the share of jets a head keeps inside its truncation. A fresh optimizer's first updates
/// can throw most jets out of the window at once, and a jet outside has no gradient to come back.
class CollapseGuard {
 public:
  CollapseGuard(CollapseConfig const& config, StepConfig const& step);

  /// One batch's kept share of head 0 (energy) or 1 (mass); true once it was below
  /// config.fraction * erf(N / sqrt 2) on config.batches batches in a row.
  bool collapsed(int head, double kept_share);

  /// What is expected of a head: erf(N / sqrt 2), 1 without truncation.
  double expected(int head) const { return expected_[static_cast<std::size_t>(head)]; }

  /// Batches in a row below the limit, a head each: part of a checkpoint.
  std::array<std::int64_t, 2> counts() const { return counts_; }
  void set_counts(std::array<std::int64_t, 2> counts) { counts_ = counts; }

 private:
  CollapseConfig config_;
  std::array<double, 2> expected_{1, 1};
  std::array<std::int64_t, 2> counts_{};
};

}  // namespace jetcal::train
