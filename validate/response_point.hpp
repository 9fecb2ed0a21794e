#pragma once

#include <cstdint>
#include <optional>

#include "validate/mode.hpp"
#include "validate/sorted_sample.hpp"

namespace jetcal::validate {

/// Response and resolution of one bin of jets (arXiv:2311.08885, section 3): the mode R of r and
/// IQR68 / R with IQR68 = q84 - q16 of r, the full width (1.98892 sigma for a Gaussian). No value
/// where there are too few jets for one.
struct ResponsePoint {
  std::int64_t jets = 0;
  double effective_entries = 0;  ///< sum(w)^2 / sum(w^2)
  ModeMethod method = ModeMethod::none;
  std::optional<double> mode;
  std::optional<double> mode_error;
  std::optional<double> half_sample_mode;  ///< a second opinion without bins or model
  std::optional<double> median;
  std::optional<double> iqr68;
  std::optional<double> iqr68_over_mode;
  std::optional<double> iqr68_over_mode_error;
  std::optional<double> chi2_per_ndf;
  double underflow = 0;  ///< sum of weights outside the fitted histogram
  double overflow = 0;
};

/// Measures one bin. The error of IQR68 / mode includes the correlation of the quantiles with each
/// other and with the fitted mode.
///
/// Accuracy  errors within 20 % of the scatter between repeated samples of 500 or more entries
///           (a test)
/// Errors    ConfigError for settings that make no sense
ResponsePoint measure(SortedSample const& sample, ModeSettings const& settings);

/// The same with the mode found already.
ResponsePoint measure_at(SortedSample const& sample, ModeEstimate const& mode);

}  // namespace jetcal::validate
