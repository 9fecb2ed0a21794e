#include "validate/response_point.hpp"

#include <algorithm>
#include <cmath>

namespace jetcal::validate {
namespace {

// Covariance of the fitted mode with the quantile p, whose response to one more entry at x is
// (p - 1{x <= q}) / (density * sum of weights).
double mode_quantile_covariance(SortedSample const& sample, ModeEstimate const& mode, double p) {
  if (mode.slope.empty()) { return 0; }
  Histogram const& h = mode.histogram;
  double const q = sample.quantile(p);
  double const square_below_q = sample.square_below(sample.count_below(q));
  double sum = 0;
  double before = sample.square_below(sample.count_below(h.low));
  for (int i = 0; i < h.bins(); ++i) {
    double const square = h.square[static_cast<std::size_t>(i)];
    double const below = std::clamp(square_below_q - before, 0.0, square);
    sum += mode.slope[static_cast<std::size_t>(i)] * (p * square - below);
    before += square;
  }
  return sum / (sample.density_at_quantile(p) * sample.total_weight());
}

}  // namespace

ResponsePoint measure(SortedSample const& sample, ModeSettings const& settings) {
  return measure_at(sample, estimate_mode(sample, settings));
}

ResponsePoint measure_at(SortedSample const& sample, ModeEstimate const& mode) {
  ResponsePoint point;
  point.jets = sample.size();
  point.effective_entries = sample.effective_entries();
  point.method = mode.method;
  if (mode.method == ModeMethod::none) { return point; }
  point.mode = mode.mode;
  point.mode_error = mode.error;
  point.half_sample_mode = half_sample_mode(sample);
  point.median = sample.quantile(0.5);
  point.underflow = mode.histogram.underflow;
  point.overflow = mode.histogram.overflow;
  if (mode.method == ModeMethod::gaussian_fit) { point.chi2_per_ndf = mode.chi2_per_ndf; }

  double const iqr = iqr68(sample);
  point.iqr68 = iqr;
  if (!(mode.mode > 0)) { return point; }
  double const ratio = iqr / mode.mode;
  point.iqr68_over_mode = ratio;
  double const covariance = mode_quantile_covariance(sample, mode, kHighQuantile) -
                            mode_quantile_covariance(sample, mode, kLowQuantile);
  double const variance =
      iqr68_variance(sample) + ratio * ratio * mode.error * mode.error - 2 * ratio * covariance;
  point.iqr68_over_mode_error = std::sqrt(std::max(0.0, variance)) / mode.mode;
  return point;
}

}  // namespace jetcal::validate
