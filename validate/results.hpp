#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/json.hpp"
#include "validate/distributions.hpp"
#include "validate/estimator_bias.hpp"
#include "validate/importance.hpp"
#include "validate/pileup.hpp"
#include "validate/response_table.hpp"
#include "validate/settings.hpp"
#include "validate/widths.hpp"

namespace jetcal::validate {

struct SampleInfo {
  std::string sample;
  std::vector<std::string> files;
  std::string side;  ///< "all", "training", "held-out"
  std::int64_t jets = 0;
  double effective_entries = 0;     ///< of the weights
  std::int64_t not_calibrated = 0;  ///< summed over the calibrations: jets left as they were
};

/// A test that was not made, for one sample or all.
struct Skipped {
  std::string test;
  std::string sample;  ///< empty: all
  std::string why;
};

/// One cell of the same table in two samples, which are independent.
struct SampleDifference {
  Variable variable = Variable::energy;
  std::string calibration;
  std::string first, second;  ///< samples; differences are second - first
  std::vector<Range> range;
  std::optional<double> mode, mode_error;
};

/// A run's metrics beside a model: one JSON object an epoch.
struct TrainingCurve {
  std::string calibration;
  std::vector<Json> epochs;
};

struct Results {
  Settings settings;
  std::vector<std::string> calibrations;
  std::vector<SampleInfo> samples;
  std::vector<ResponseTable> tables;  ///< the closure first
  std::vector<PileupSlope> pileup;
  std::vector<SampleDifference> sample_differences;
  std::vector<ResponseDistribution> distributions;
  std::vector<EnergySpectrum> spectra;
  Widths widths;
  std::vector<FeatureImportance> importance;
  std::vector<EstimatorBias> estimator_bias;
  std::vector<TrainingCurve> training;
  std::vector<Skipped> skipped;
  std::vector<std::string> warnings;
  std::int64_t bytes_in_memory = 0, bytes_in_file = 0;  ///< of the jets' columns
  std::int64_t peak_memory = 0;                         ///< of the program, bytes
  double seconds_reading = 0, seconds_measuring = 0;

  ResponseTable const& closure() const { return tables.front(); }
};

}  // namespace jetcal::validate
