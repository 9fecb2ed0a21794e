#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "validate/response_table.hpp"
#include "validate/settings.hpp"

namespace jetcal::validate {

/// The limits of |mode - 1| that summaries count bins by.
inline constexpr std::array<double, 3> kClosureLimits = {0.01, 0.015, 0.05};

/// How many bins close within a limit. A bin without a mode does not.
struct ClosureShare {
  double limit = 0;
  double bins = 0;              ///< share of the bins with |mode - 1| < limit
  double bins_with_errors = 0;  ///< ... < limit + Settings::errors_allowed * mode_error
  double jets = 0;              ///< share of the jets that are in bins with |mode - 1| < limit
};

/// One line on a calibration of a variable in a sample and group of a table, from the bins with at
/// least Settings::min_jets jets.
struct Summary {
  std::string sample;
  std::string group;
  Variable variable = Variable::energy;
  std::string calibration;
  std::int64_t bins = 0;
  std::int64_t jets = 0;               ///< in these bins
  std::int64_t bins_without_mode = 0;  ///< of them
  std::int64_t bins_left_out = 0;      ///< with fewer jets
  std::vector<ClosureShare> shares;    ///< one for each limit; empty without bins
  std::optional<double> iqr68_ratio;   ///< mean of after / before, weighted with the jets
  std::vector<std::size_t> worst;      ///< of the table's rows, up to three, worst first
};

std::vector<Summary> summarise(ResponseTable const& table, Settings const& settings);

/// One line on two calibrations of a variable in a sample and group, from the same jets of the bins
/// with at least Settings::min_jets jets.
struct ComparisonSummary {
  std::string sample;
  std::string group;
  Variable variable = Variable::energy;
  std::string first, second;
  std::int64_t bins = 0;             ///< where both have a mode
  std::int64_t closer = 0;           ///< of them: the second's mode is nearer to 1
  std::int64_t narrower = 0;         ///< the second's IQR68 / mode is smaller
  std::int64_t surely_narrower = 0;  ///< by more than two errors of the difference
  std::optional<double> iqr68_ratio, iqr68_ratio_error;  ///< second / first, weighted with the jets
};

std::vector<ComparisonSummary> compare(ResponseTable const& table, Settings const& settings);

}  // namespace jetcal::validate
