#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/threads.hpp"
#include "validate/cells.hpp"
#include "validate/influence.hpp"
#include "validate/response_point.hpp"
#include "validate/sample.hpp"
#include "validate/table_spec.hpp"

namespace jetcal::validate {

/// One cell of a table, measured for one variable, sample, group and calibration.
struct TableRow {
  Variable variable = Variable::energy;
  std::string sample;
  std::string group;
  std::string calibration;
  std::vector<Range> range;  ///< one an axis
  std::vector<double> mean;  ///< of the axis' quantity over the cell's jets, one an axis
  ResponsePoint point;
  std::int64_t not_finite = 0;        ///< jets of the cell whose response is nan or infinite
  std::optional<double> mode_before;  ///< of the same jets, uncalibrated
  std::optional<double> iqr68_over_mode_before;
};

/// The difference of two calibrations in one cell, from the same jets.
struct ComparisonRow {
  Variable variable = Variable::energy;
  std::string sample;
  std::string group;
  std::string first, second;  ///< calibrations; differences are second - first
  std::vector<Range> range;
  std::int64_t jets = 0;
  Difference difference;
};

struct TableCounts {
  std::string sample;
  std::string group;
  GroupCounts counts;
};

struct ResponseTable {
  TableSpec spec;
  std::vector<TableCounts> counts;  ///< by sample, group
  /// By sample, group, variable, calibration, cell; none for a named group without jets in a
  /// sample.
  std::vector<TableRow> rows;
  std::vector<ComparisonRow> comparisons;  ///< by sample, group, variable, pair, cell
};

/// What a table needs besides the jets.
struct TableContext {
  std::vector<std::string> calibrations;  ///< the first is kUncalibrated
  double mass_true_min_gev = 40;
  ModeSettings mode;

  /// Only jets of a true mass above this count for the variable.
  std::optional<double> mass_cut(Variable variable) const {
    return variable == Variable::mass ? std::optional(mass_true_min_gev) : std::nullopt;
  }
};

/// Adds a sample's rows to a table. The numbers do not depend on the number of threads.
///
/// Memory    for a while 4 bytes a jet and calibration, 8 more with weights, and that of Cells
/// Errors    those of Cells and jet_weights
void measure_sample(Sample const& sample, TableContext const& context, ThreadPool& threads,
                    ResponseTable& table);

}  // namespace jetcal::validate
