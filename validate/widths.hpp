#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/threads.hpp"
#include "validate/histogram.hpp"
#include "validate/response_table.hpp"

namespace jetcal::validate {

/// Is the width that a network predicts that of the responses? In one cell: the IQR68 that its
/// split Gaussians have, averaged over the jets, against the one found; and the pulls. A pull is
/// where a standard Gaussian has the same share of jets below: (r - R) / sigma where both sides are
/// equally wide. If the prediction is right, pulls have the mode 0 and the width 1.
struct WidthRow {
  Variable variable = Variable::energy;
  std::string sample;
  std::string calibration;
  std::vector<Range> range;               ///< one an axis
  std::int64_t jets = 0;                  ///< with a prediction
  std::optional<double> predicted_iqr68;  ///< of r / R, mean over the jets
  std::optional<double> found_iqr68, found_iqr68_error;
  std::optional<double> pull_mode, pull_mode_error;
  std::optional<double> pull_width, pull_width_error;  ///< IQR68 / 1.98892
};

/// All pulls of one variable.
struct PullDistribution {
  Variable variable = Variable::energy;
  std::string sample;
  std::string calibration;
  Histogram histogram;
  std::int64_t without_prediction = 0;  ///< jets
};

struct Widths {
  std::vector<Axis> axes;
  std::vector<WidthRow> rows;
  std::vector<PullDistribution> pulls;
};

/// Distance of the quantiles 84 % and 16 % of a split Gaussian of mode 0.
double split_gaussian_iqr68(double sigma_low, double sigma_high);

/// Adds a sample's rows for the calibrations that predict widths, in the cells of `spec`. Jets that
/// a calibration left as they were have no prediction.
void measure_widths(Sample const& sample, TableSpec const& spec, TableContext const& context,
                    ThreadPool& threads, Widths& out);

}  // namespace jetcal::validate
