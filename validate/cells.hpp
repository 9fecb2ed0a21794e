#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "validate/sample.hpp"
#include "validate/table_spec.hpp"

namespace jetcal::validate {

/// What became of the jets of a sample in one group of a table: nothing is dropped without being
/// counted.
struct GroupCounts {
  std::int64_t jets = 0;                             ///< in the group
  std::int64_t in_cells = 0;                         ///< of them
  std::int64_t not_finite = 0;                       ///< a true value or axis is nan or infinite
  std::int64_t below_mass_cut = 0;                   ///< in a cell, but counted for the energy only
  std::vector<std::array<std::int64_t, 2>> outside;  ///< below and above each axis, by the first
};

/// The jets of a sample and group sorted into the cells of a table, in their order within a cell.
///
/// Memory    4 bytes a jet, and while it is made 4 more an axis
class Cells {
 public:
  /// `mass_true_min_gev`: only jets of a true mass above it, for the mass.
  /// Errors: DataError for an axis or label that the sample lacks.
  Cells(Sample const& sample, TableSpec const& spec, JetGroup const& group,
        std::optional<double> mass_true_min_gev);

  GroupCounts const& counts() const { return counts_; }
  std::int64_t cells() const { return static_cast<std::int64_t>(begin_.size()) - 1; }
  std::int64_t jets(std::int64_t cell) const { return begin_[at(cell) + 1] - begin_[at(cell)]; }

  /// The mean of an axis in a cell; its middle without jets.
  double mean(std::int64_t cell, std::size_t axis) const { return means_[axis][at(cell)]; }

  /// A column of the sample's jets, those of cell 0 first. No column (all weights 1) stays none.
  std::vector<float> sorted(std::vector<float> const& column) const;

  /// A cell's part of a sorted column.
  std::span<float const> of(std::vector<float> const& sorted_column, std::int64_t cell) const {
    if (sorted_column.empty()) { return {}; }
    return std::span(sorted_column)
        .subspan(at(begin_[at(cell)]), static_cast<std::size_t>(jets(cell)));
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  GroupCounts counts_;
  std::vector<std::int32_t> cell_;   // of each jet of the sample, -1: in none
  std::vector<std::int64_t> begin_;  // of each cell's jets, and the end
  std::vector<std::vector<double>> means_;
};

/// One weight a jet of the sample: its own, times what makes the spectrum of the true energy flat
/// if the group says so. Empty if all are 1.
///
/// Source    arXiv:2311.08885, section 6.3.1. The density is that of a histogram of 60 bins in the
///           energy's logarithm between its 0.1 % and 99.9 % quantiles; outside, the weight is that
///           of the next bin. Weights in the *true* energy: in the measured one they would favour
///           high responses
/// Errors    DataError for a weight that is negative or not finite
std::vector<float> jet_weights(Sample const& sample, JetGroup const& group);

}  // namespace jetcal::validate
