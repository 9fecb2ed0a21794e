#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/jet_reader.hpp"
#include "model/predictor.hpp"
#include "validate/response_table.hpp"
#include "validate/settings.hpp"

namespace jetcal::validate {

/// Some jets with what a network sees of them.
struct FeatureSample {
  std::vector<std::string> names;  ///< of the features
  std::int64_t jets = 0;
  std::vector<float> features;                           ///< [jets, padded(n)], normalised
  std::vector<float> pt_true, mass_true;                 ///< GeV
  std::vector<std::array<float, kVariables>> responses;  ///< uncalibrated r of energy and mass

  /// Appends row `i` of a network's rows.
  void append(data::NetworkRows const& rows, std::size_t i);
};

/// d(ln R)/dx of one bin, in units of the feature's standard deviation.
struct FeatureGradient {
  Range pt_true, mass_true;
  std::int64_t jets = 0;
  double mean = 0, mean_error = 0;
  double magnitude = 0;  ///< mean of the absolute value
};

/// How much one output of a network depends on one feature.
struct FeatureImportance {
  std::string calibration;
  Variable variable = Variable::energy;
  std::string feature;
  double standard_deviation = 0;  ///< of the normalised feature
  /// Mean over the jets and both signs of |R(x +- shift) - R(x)| / R(x).
  double shift_change = 0, shift_change_error = 0;
  std::vector<FeatureGradient> gradients;
  /// With the feature's values exchanged between the jets at random: rms of the relative change of
  /// R, and IQR68 / mode of r / R over that with the true values.
  double permuted_change = 0;
  std::optional<double> permuted_iqr68_ratio;
};

/// Source    arXiv:2311.08885, section 7.3: every feature shifted by 1 % of the standard deviation
///           of its distribution (in the variable that the network sees, ln E for instance), the
///           average of the relative variation; gradients in bins, as proposed there, by the
///           central difference over that shift
std::vector<FeatureImportance> feature_importance(std::string const& calibration,
                                                  model::Predictor& network,
                                                  FeatureSample const& sample,
                                                  ImportanceSettings const& settings,
                                                  TableContext const& context);

}  // namespace jetcal::validate
