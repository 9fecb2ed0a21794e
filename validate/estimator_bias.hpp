#pragma once

#include <string>
#include <vector>

#include "validate/mode.hpp"

namespace jetcal::validate {

/// What the estimators of the mode say of a response distribution whose mode is known.
struct EstimatorBias {
  std::string density;  ///< in words
  double mode = 0;      ///< true
  double fitted = 0, half_sample = 0;
  ModeMethod method = ModeMethod::none;
};

/// Measured on 50,000 values at the quantiles of three densities, so without statistical scatter: a
/// split Gaussian, and cores contaminated from below and from above. A calibration that predicts
/// the true mode closes up to such a bias.
std::vector<EstimatorBias> estimator_bias(ModeSettings const& settings);

}  // namespace jetcal::validate
