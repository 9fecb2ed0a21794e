#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/bins.hpp"
#include "engine/json.hpp"
#include "kernels/bin_sums.hpp"
#include "kernels/execution.hpp"

namespace jetcal::train {

/// Sums over the batches of one epoch (or one validation pass), in total and per phase-space bin:
/// all in double and in the order of the rows, so they are part of what repeats bit for bit.
class EpochSums {
 public:
  /// `energy`, `mass`: which heads have a loss.
  EpochSums(std::int64_t bins, bool energy, bool mass);

  /// Adds a batch of the heads that have a loss, energy first, to the totals.
  void add(PassResult const& result, std::int64_t rows);

  /// The sums of the bins as Execution::begin_bins and bins have them.
  std::vector<BinSums> bin_sums() const;
  void set_bin_sums(std::vector<BinSums> sums);

  /// One update's gradient norm.
  void add_norm(double norm);

  /// {"loss_energy", "loss_mass", "kept_energy", "kept_mass"}: means over the weight, null for a
  /// head that was not evaluated.
  Json totals() const;

  /// The same for a bin, and its "jets".
  Json bin(std::int64_t i) const;

  std::int64_t bins() const { return static_cast<std::int64_t>(bins_.size()); }
  std::int64_t bin_jets(std::int64_t i) const;

  /// Kept share of a bin for head 0 or 1; none without jets or without the head.
  std::optional<double> bin_kept(std::int64_t i, int head) const;

  std::int64_t rows() const { return static_cast<std::int64_t>(total_.jets); }
  double mean_norm() const { return updates_ > 0 ? norm_sum_ / updates_ : 0; }
  double largest_norm() const { return largest_norm_; }

  /// Everything above as numbers, for a checkpoint.
  std::vector<double> numbers() const;
  void set_numbers(std::vector<double> const& numbers);

 private:
  BinSums const& of_bin(std::int64_t i) const { return bins_[static_cast<std::size_t>(i)]; }
  Json means(BinSums const& sums) const;
  void turn_heads(std::vector<BinSums>& sums) const;

  double updates_ = 0, norm_sum_ = 0, largest_norm_ = 0;
  BinSums total_;  // heads: energy, mass
  std::vector<BinSums> bins_;
  bool energy_, mass_;
};

/// The bins in which head 0 (energy) or 1 (mass) keeps less than half of the `expected` share of
/// its jets, in words; empty if there are none. Bins of fewer than 50 jets say nothing.
std::string starved_bins(EpochSums const& sums, int head, double expected,
                         data::BinGrid const& grid);

/// One line of metrics.jsonl.
struct EpochLine {
  std::int64_t step = 0;     ///< 1, 2, ...
  std::string name;          ///< of the step
  std::int64_t epoch = 0;    ///< 1, 2, ... within the step
  std::int64_t updates = 0;  ///< since the beginning of the run
  double learning_rate = 0;
  double jets_per_s = 0;
};
Json epoch_line(EpochLine const& line, EpochSums const& training, EpochSums const* validation,
                data::BinGrid const& grid);

}  // namespace jetcal::train
