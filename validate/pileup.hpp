#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "validate/response_table.hpp"

namespace jetcal::validate {

/// A straight line through points with errors, by weighted least squares.
struct LineFit {
  double intercept = 0, slope = 0;
  double slope_error = 0;  ///< from the points' errors alone
  double chi2 = 0;
  int points = 0;
};

/// Nothing for fewer than three points or no spread in x.
/// Shapes: x, y, error: [n]; errors above 0
std::optional<LineFit> fit_line(std::span<double const> x, std::span<double const> y,
                                std::span<double const> error);

/// d(mode)/dv for v = NPV or mu, in one cell of the true energy and |eta|, or averaged over the
/// energies with the inverse squares of the errors.
struct PileupSlope {
  Quantity against = Quantity::npv;
  Variable variable = Variable::energy;
  std::string sample;
  std::string calibration;
  std::optional<Range> energy_true;  ///< nothing: the average
  Range abs_eta_true;
  std::int64_t jets = 0;
  int points = 0;  ///< modes in the fit, or slopes in the average
  std::optional<double> slope, slope_error, chi2_per_ndf;
};

/// Slopes of a table with the axes v, energy_true, abs_eta_true: of every cell, then the averages.
///
/// Source    arXiv:2311.08885, section 6.3.2: R in bins of (v, E_true, |eta_true|), a linear fit of
///           R against v. The abscissa is the mean of v in the bin
std::vector<PileupSlope> pileup_slopes(ResponseTable const& table);

}  // namespace jetcal::validate
