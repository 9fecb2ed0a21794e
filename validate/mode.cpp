#include "validate/mode.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "validate/gaussian_fit.hpp"
#include "validate/normal.hpp"
#include "validate/savitzky_golay.hpp"

namespace jetcal::validate {
namespace {

struct Moments {
  double mean;
  double sd;
};

Moments moments(Histogram const& h) {
  double weight = 0;
  double mean = 0;
  for (int i = 0; i < h.bins(); ++i) {
    weight += h.content[static_cast<std::size_t>(i)];
    mean += h.content[static_cast<std::size_t>(i)] * h.centre(i);
  }
  mean /= weight;
  double variance = 0;
  for (int i = 0; i < h.bins(); ++i) {
    double const d = h.centre(i) - mean;
    variance += h.content[static_cast<std::size_t>(i)] * d * d;
  }
  return {mean, std::sqrt(variance / weight)};
}

// What the data have beyond the fit around one edge of its range, per unit of x. A difference that
// is within its own noise is taken as none: x^2 / (x^2 + var).
double excess_density(Histogram const& h, GaussianFit const& fit, double edge) {
  constexpr int kReach = 4;
  int const middle = static_cast<int>(std::lround((edge - h.low) / h.width()));
  double sum = 0;
  double variance = 0;
  int bins = 0;
  for (int i = std::max(0, middle - kReach); i < std::min(h.bins(), middle + kReach); ++i, ++bins) {
    double const a = (h.edge(i) - fit.mean) / fit.sigma;
    double const b = (h.edge(i + 1) - fit.mean) / fit.sigma;
    sum += h.content[static_cast<std::size_t>(i)] - fit.amplitude * (normal_cdf(b) - normal_cdf(a));
    variance += h.square[static_cast<std::size_t>(i)];
  }
  if (bins == 0 || sum == 0) { return 0; }
  return sum / (bins * h.width()) * (sum * sum / (sum * sum + variance));
}

// The slope at x, from the two whole bins that lie next to the edge inside the range.
double at_edge(std::vector<double> const& slope, Histogram const& h, int inner, int outer,
               double x) {
  double const step = (x - h.centre(outer)) / (h.centre(outer) - h.centre(inner));
  double const s = slope[static_cast<std::size_t>(outer)];
  return s + step * (s - slope[static_cast<std::size_t>(inner)]);
}

// d(mean, sigma of a fit)/d(mean, sigma that its range came from).
Eigen::Matrix2d range_feedback(Histogram const& h, GaussianFit const& fit, double window) {
  int const first = static_cast<int>(std::ceil((fit.low - h.low) / h.width() - 1e-9));
  int const last = static_cast<int>(std::floor((fit.high - h.low) / h.width() + 1e-9));
  double const low = excess_density(h, fit, fit.low);
  double const high = excess_density(h, fit, fit.high);
  auto const moved = [&](std::vector<double> const& slope) {
    double const by_low = -low * at_edge(slope, h, first + 1, first, fit.low);
    double const by_high = high * at_edge(slope, h, last - 2, last - 1, fit.high);
    return Eigen::RowVector2d(by_high + by_low, window * (by_high - by_low));
  };
  Eigen::Matrix2d feedback;
  feedback << moved(fit.mean_slope), moved(fit.sigma_slope);
  // Beyond this the linear picture is noise.
  double const norm = feedback.norm();
  return norm > 0.5 ? Eigen::Matrix2d(feedback * (0.5 / norm)) : feedback;
}

// d(mode)/d(content) after `fits` fits: the last one, plus what reached it through its range.
std::vector<double> mode_slope(Histogram const& h, GaussianFit const& fit, int fits,
                               double window) {
  Eigen::Matrix2d const feedback = range_feedback(h, fit, window);
  Eigen::Matrix2d chain = Eigen::Matrix2d::Identity();
  for (int i = 1; i < fits; ++i) { chain = Eigen::Matrix2d::Identity() + feedback * chain; }
  std::vector<double> slope(fit.mean_slope.size());
  for (std::size_t i = 0; i < slope.size(); ++i) {
    slope[i] = chain(0, 0) * fit.mean_slope[i] + chain(0, 1) * fit.sigma_slope[i];
  }
  return slope;
}

// Fits with one binning. `few_bins` tells that a finer one is needed.
std::optional<ModeEstimate> fit_histogram(Histogram const& h, ModeSettings const& settings,
                                          bool& few_bins) {
  SavitzkyGolay const smooth(settings.smoothing_window, settings.smoothing_order);
  auto const smoothed = smooth(h.content);
  auto const peak = std::max_element(smoothed.begin(), smoothed.end()) - smoothed.begin();
  auto const& fitted = settings.fit_smoothed ? smoothed : h.content;

  auto const [mean, sd] = moments(h);
  double low = mean - settings.window_sd * sd;
  double high = mean + settings.window_sd * sd;
  ModeEstimate estimate;
  estimate.mode = h.centre(static_cast<int>(peak));
  estimate.sigma = (h.high - h.low) / (2 * settings.histogram_half_range);
  std::optional<GaussianFit> fit;
  for (int i = 0; i <= settings.iterations && !estimate.converged; ++i) {
    fit = fit_gaussian(h, fitted, low, high, estimate.mode, estimate.sigma);
    few_bins = fit && fit->bins < settings.min_bins_in_window;
    if (!fit || few_bins) { return std::nullopt; }
    estimate.converged = i > 0 && std::abs(fit->mean - estimate.mode) < settings.tolerance;
    estimate.mode = fit->mean;
    estimate.sigma = fit->sigma;
    estimate.fits = i + 1;
    low = estimate.mode - settings.window_sigma * estimate.sigma;
    high = estimate.mode + settings.window_sigma * estimate.sigma;
  }
  estimate.method = ModeMethod::gaussian_fit;
  estimate.chi2_per_ndf = fit->chi2_per_ndf();
  estimate.slope = mode_slope(h, *fit, estimate.fits, settings.window_sigma);
  if (settings.fit_smoothed) { estimate.slope = smooth.transposed(estimate.slope); }
  double variance = 0;
  for (std::size_t i = 0; i < estimate.slope.size(); ++i) {
    variance += estimate.slope[i] * estimate.slope[i] * h.square[i];
  }
  estimate.error = std::sqrt(variance);
  if (settings.scale_error_by_chi2) {
    estimate.error *= std::sqrt(std::max(1.0, estimate.chi2_per_ndf));
  }
  return estimate;
}

// The half-sample mode converges like n^(-1/3), where a bootstrap is not valid; disjoint random
// parts are (Politis, Romano and Wolf, Subsampling, 1999).
double half_sample_error(SortedSample const& sample) {
  constexpr int kParts = 4;
  constexpr std::uint32_t kSplits = 8;
  double variance = 0;
  int splits = 0;
  for (std::uint32_t split = 0; split < kSplits; ++split) {
    RandomStream const random(0, Purpose::split, 1, split);
    std::vector<float> values[kParts];
    std::vector<float> weights[kParts];
    for (std::int64_t i = 0; i < sample.size(); ++i) {
      auto const part = random.bits(static_cast<std::uint64_t>(i)) % kParts;
      values[part].push_back(static_cast<float>(sample.value(i)));
      if (sample.weighted()) { weights[part].push_back(static_cast<float>(sample.weight(i))); }
    }
    double modes[kParts];
    double mean = 0;
    bool complete = true;
    for (int part = 0; part < kParts; ++part) {
      SortedSample const quarter(std::move(values[part]), std::move(weights[part]));
      complete = complete && quarter.size() > 0;
      if (!complete) { break; }
      modes[part] = half_sample_mode(quarter);
      mean += modes[part] / kParts;
    }
    if (!complete) { continue; }
    for (double const mode : modes) { variance += (mode - mean) * (mode - mean) / (kParts - 1); }
    ++splits;
  }
  return splits > 0 ? std::sqrt(variance / splits) / std::cbrt(kParts) : 0;
}

/// The entries themselves, as far as they are known.
SortedSample const& entries(SortedSample const& sample) { return sample; }
SortedSample entries(BinnedSample const& sample) { return sample.spread(); }

template <class Sample>
ModeEstimate estimate(Sample const& sample, ModeSettings const& settings) {
  settings.require_valid();
  ModeEstimate none;
  if (sample.effective_entries() < settings.min_effective_entries) { return none; }
  double const median = sample.quantile(0.5);
  double const half_width = 0.5 * (sample.quantile(0.84) - sample.quantile(0.16));
  if (half_width > 0) {
    double const reach = settings.histogram_half_range * half_width;
    int bins = settings.histogram_bins;
    bool few_bins = true;
    for (int refinement = 0; few_bins && refinement <= 6; ++refinement, bins *= 2) {
      few_bins = false;
      none.histogram = fill(sample, median - reach, median + reach, bins);
      if (auto found = fit_histogram(none.histogram, settings, few_bins)) {
        found->histogram = std::move(none.histogram);
        return *std::move(found);
      }
    }
  }
  SortedSample const& all = entries(sample);
  none.method = ModeMethod::half_sample;
  none.mode = half_sample_mode(all);
  none.error = half_sample_error(all);
  return none;
}

}  // namespace

std::string_view name(ModeMethod method) {
  switch (method) {
    case ModeMethod::none:
      return "none";
    case ModeMethod::gaussian_fit:
      return "gaussian_fit";
    case ModeMethod::half_sample:
      return "half_sample";
  }
  return "";
}

void ModeSettings::require_valid() const {
  auto const positive = [](char const* what, double value) {
    JETCAL_REQUIRE(std::isfinite(value) && value > 0, ConfigError,
                   "mode estimator: " << what << " is " << value << " (must be above 0)");
  };
  positive("histogram_half_range", histogram_half_range);
  positive("window_sd", window_sd);
  positive("window_sigma", window_sigma);
  positive("tolerance", tolerance);
  positive("min_effective_entries", min_effective_entries);
  JETCAL_REQUIRE(
      histogram_bins >= 10 && histogram_bins <= 100000, ConfigError,
      "mode estimator: histogram_bins is " << histogram_bins << " (must be 10 .. 100000)");
  JETCAL_REQUIRE(
      min_bins_in_window >= 6, ConfigError,
      "mode estimator: min_bins_in_window is " << min_bins_in_window << " (must be at least 6)");
  JETCAL_REQUIRE(iterations >= 0, ConfigError,
                 "mode estimator: iterations is " << iterations << " (must not be negative)");
  SavitzkyGolay(smoothing_window, smoothing_order);
}

ModeEstimate estimate_mode(SortedSample const& sample, ModeSettings const& settings) {
  return estimate(sample, settings);
}

ModeEstimate estimate_mode(BinnedSample const& sample, ModeSettings const& settings) {
  return estimate(sample, settings);
}

}  // namespace jetcal::validate
