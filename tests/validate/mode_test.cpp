#include "validate/mode.hpp"

#include <cmath>
#include <limits>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "validate/gaussian_fit.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

struct Moments {
  double mean;
  double variance;
};

// Mean and variance of a density inside [low, high], by Simpson's rule.
template <class Function>
Moments moments_between(Function const& f, double low, double high) {
  constexpr int kSteps = 4000;
  double sums[3] = {};
  for (int i = 0; i <= kSteps; ++i) {
    double const x = low + (high - low) * i / kSteps;
    double const w = (i == 0 || i == kSteps ? 1 : i % 2 == 1 ? 4 : 2) * f(x);
    sums[0] += w;
    sums[1] += w * x;
    sums[2] += w * x * x;
  }
  double const mean = sums[1] / sums[0];
  return {mean, sums[2] / sums[0] - mean * mean};
}

double quantile(test::Density const& density, double p) {
  constexpr double kStep = 1e-5;
  double below = 0;
  double x = -1;
  while (below < p) {
    below += kStep * density(x + 0.5 * kStep);
    x += kStep;
  }
  return x;
}

// What the estimator finds in an endless sample. The Gaussian of greatest likelihood in a range has
// the range's own mean and variance (exponential family): Newton on these two equations, and the
// ranges as documented. Shares no code with the estimator.
double population_mode(test::Density const& density, ModeSettings const& s) {
  double const half = 0.5 * (quantile(density, 0.84) - quantile(density, 0.16));
  double const median = quantile(density, 0.5);
  double const reach = s.histogram_half_range * half;
  Moments m = moments_between(density, median - reach, median + reach);
  double low = m.mean - s.window_sd * std::sqrt(m.variance);
  double high = m.mean + s.window_sd * std::sqrt(m.variance);
  double mean = m.mean;
  double sigma = half;
  double last = HUGE_VAL;
  for (int fit = 0; fit <= s.iterations && !(std::abs(mean - last) < s.tolerance); ++fit) {
    last = fit == 0 ? HUGE_VAL : mean;
    m = moments_between(density, low, high);
    auto const excess = [&](double mu, double sd) {
      Moments const g = moments_between(
          [&](double x) { return std::exp(-0.5 * (x - mu) * (x - mu) / (sd * sd)); }, low, high);
      return Moments{g.mean - m.mean, g.variance - m.variance};
    };
    for (int newton = 0; newton < 60; ++newton) {
      constexpr double h = 1e-6;
      Moments const e = excess(mean, sigma);
      Moments const by_mean = excess(mean + h, sigma);
      Moments const by_sigma = excess(mean, sigma + h);
      double const a = (by_mean.mean - e.mean) / h;
      double const b = (by_sigma.mean - e.mean) / h;
      double const c = (by_mean.variance - e.variance) / h;
      double const d = (by_sigma.variance - e.variance) / h;
      double const step_mean = (d * e.mean - b * e.variance) / (a * d - b * c);
      double const step_sigma = (a * e.variance - c * e.mean) / (a * d - b * c);
      double const damping =
          std::min(1.0, 0.3 * sigma / std::max(std::abs(step_mean), std::abs(step_sigma)));
      mean -= damping * step_mean;
      sigma -= damping * step_sigma;
    }
    low = mean - s.window_sigma * sigma;
    high = mean + s.window_sigma * sigma;
  }
  return mean;
}

}  // namespace

TEST_CASE("the estimator finds in a density what its definition says") {
  ModeSettings settings;
  for (double const window : {1.0, 1.5}) {
    settings.window_sigma = window;
    for (test::Density const& density : test::densities()) {
      ModeEstimate const got = estimate_mode(SortedSample(density.stratified(200000)), settings);
      CAPTURE(density.name, window, density.mode);
      CHECK(got.method == ModeMethod::gaussian_fit);
      // Bins of a tenth of a sigma, and ranges that cut them: (.1 sigma)^2 / 12 is 1e-3 sigma.
      CHECK(std::abs(got.mode - population_mode(density, settings)) < 2e-4);
    }
  }
}

// The bias is a property of the method (a symmetric function is fitted to a skewed density), so it
// is written down here: what population_mode() gives, minus the mode of the density. Toy jets
// calibrated with their exact mode are known to be off by some permille for the same reason.
TEST_CASE("the bias of the estimator on skewed and contaminated densities") {
  double const stated[] = {0, -0.0364, -0.0015, 0.0039};
  ModeSettings const settings;
  for (std::size_t i = 0; i < 4; ++i) {
    test::Density const& density = test::densities()[i];
    CAPTURE(density.name);
    CHECK(std::abs(population_mode(density, settings) - density.mode - stated[i]) < 5e-4);
    // 10^6 entries: one standard deviation is 1e-4 to 2e-4.
    ModeEstimate const got = estimate_mode(SortedSample(density.sample(1000000, i)), settings);
    CHECK(std::abs(got.mode - density.mode - stated[i]) < 1.2e-3);
    CHECK(got.error > 5e-5);
    CHECK(got.error < 4e-4);
  }
}

TEST_CASE("a fit is made with its own range even if the first one meets the histogram's peak") {
  // The peak of 81 bins around the median is at 1, where the first fit ends, too.
  ModeSettings settings;
  settings.histogram_bins = 81;
  SortedSample const sample(test::densities()[0].stratified(50000));
  ModeEstimate const got = estimate_mode(sample, settings);
  CHECK(std::abs(got.mode - 1) < 1e-5);
  CHECK(got.fits >= 2);
  CHECK(got.fits < 6);
  CHECK(got.converged);
  settings.iterations = 0;
  CHECK(estimate_mode(sample, settings).fits == 1);
}

TEST_CASE("the half-sample mode has no such bias") {
  for (test::Density const& density : test::densities()) {
    double sum = 0;
    constexpr int kSamples = 40;
    for (int i = 0; i < kSamples; ++i) {
      sum += half_sample_mode(SortedSample(density.sample(20000, 50u + static_cast<unsigned>(i))));
    }
    CAPTURE(density.name);
    // Scatter of one: about .02; A's own asymmetry pulls it by less than .01.
    CHECK(std::abs(sum / kSamples - density.mode) < 0.012);
  }
}

TEST_CASE("a range with too few bins gets finer ones") {
  // +-1.5 sigma of a Gaussian are 3 / 8 of the +-4 half widths that the bins cover.
  SortedSample const sample(test::densities()[0].sample(20000, 1));
  ModeSettings settings;
  ModeEstimate const usual = estimate_mode(sample, settings);
  CHECK(usual.histogram.bins() == 80);
  settings.histogram_bins = 20;  // 7.5 of them
  ModeEstimate const refined = estimate_mode(sample, settings);
  CHECK(refined.histogram.bins() == 40);
  CHECK(std::abs(refined.mode - usual.mode) < 0.5 * usual.error);
  settings.min_bins_in_window = 100;  // 20, 40, 80, 160 and 320 have at most 120
  CHECK(estimate_mode(sample, settings).histogram.bins() == 320);
  settings.min_bins_in_window = 1000;  // more than six doublings give
  CHECK(estimate_mode(sample, settings).method == ModeMethod::half_sample);
}

TEST_CASE("a shift moves the mode, a scale scales it, whatever the units") {
  auto const values = test::densities()[2].sample(5000, 9);
  ModeEstimate const reference = estimate_mode(SortedSample(values), {});
  std::vector<float> moved;
  std::vector<float> doubled;
  for (float const v : values) {
    moved.push_back(v + 4);
    doubled.push_back(2 * v);
  }
  ModeEstimate const shifted = estimate_mode(SortedSample(moved), {});
  CHECK(std::abs(shifted.mode - reference.mode - 4) < 1e-5);
  CHECK(std::abs(shifted.error / reference.error - 1) < 1e-3);
  ModeSettings settings;
  settings.tolerance *= 2;
  ModeEstimate const scaled = estimate_mode(SortedSample(doubled), settings);
  CHECK(std::abs(scaled.mode - 2 * reference.mode) < 1e-9);
  CHECK(std::abs(scaled.error - 2 * reference.error) < 1e-9);
}

TEST_CASE("weights that thin a sample out give the sample's own answer") {
  // Every entry of A with weight 2 below 1 and weight 1 above, against the density that this makes.
  auto const values = test::densities()[1].sample(300000, 4);
  std::vector<float> weights;
  for (float const v : values) { weights.push_back(v < 1 ? 2.0f : 1.0f); }
  test::Density const reweighted{"2A", {{1, 1, .15, .08}}, 1};
  auto const weighted_density = [&](double x) { return reweighted(x) * (x < 1 ? 2 : 1); };
  ModeEstimate const got = estimate_mode(SortedSample(values, weights), {});
  // At the fit's own range the Gaussian's mean and variance are the weighted density's.
  double const low = got.mode - 1.5 * got.sigma;
  double const high = got.mode + 1.5 * got.sigma;
  Moments const data = moments_between(weighted_density, low, high);
  Moments const fit = moments_between(
      [&](double x) { return std::exp(-0.5 * std::pow((x - got.mode) / got.sigma, 2)); }, low,
      high);
  CHECK(std::abs(data.mean - fit.mean) < 5 * got.error);
  CHECK(std::abs(std::sqrt(data.variance / fit.variance) - 1) < 0.01);
}

// One more entry at x moves the mode by the slope of its bin: all that the error and its
// correlation with the quantiles are made of. Number of fits fixed, so that nothing jumps.
TEST_CASE("the slope tells how far an entry moves the mode") {
  ModeSettings settings;
  settings.tolerance = 1e-12;
  for (bool const smoothed : {false, true}) {
    settings.fit_smoothed = smoothed;
    for (test::Density const& density : test::densities()) {
      auto const values = density.stratified(40000);
      std::vector<float> weights(values.size(), 1.0f);
      ModeEstimate const before = estimate_mode(SortedSample(values, weights), settings);
      double largest = 0;
      for (double const s : before.slope) { largest = std::max(largest, std::abs(s)); }
      Histogram const& h = before.histogram;
      int compared = 0;
      for (int bin = 1; bin < h.bins(); bin += 3) {
        // 20 of 40,000: the median, and with it the bins, moves by a thousandth of a bin's width.
        constexpr float kWeight = 20;
        auto more = values;
        auto more_weights = weights;
        more.push_back(static_cast<float>(h.centre(bin)));
        more_weights.push_back(kWeight);
        ModeEstimate const after = estimate_mode(SortedSample(more, more_weights), settings);
        double const moved = (after.mode - before.mode) / kWeight;
        CAPTURE(density.name, smoothed, bin, h.centre(bin), moved, largest);
        CHECK(std::abs(moved - before.slope[static_cast<std::size_t>(bin)]) < 0.1 * largest);
        ++compared;
      }
      CHECK(compared > 20);
    }
  }
}

TEST_CASE("chi2 / ndf of a Gaussian is 1, whatever its weights") {
  for (bool const weighted : {false, true}) {
    double sum = 0;
    constexpr int kSamples = 200;
    for (unsigned i = 0; i < kSamples; ++i) {
      auto const values = test::densities()[0].sample(3000, 500 + i);
      std::vector<float> weights;
      RandomStream const random(i, Purpose::test, 3);
      for (std::size_t k = 0; weighted && k < values.size(); ++k) {
        weights.push_back(static_cast<float>(5 * random.uniform(k)));
      }
      sum += estimate_mode(SortedSample(values, weights), {}).chi2_per_ndf;
    }
    // One has a spread of sqrt(2 / 27).
    CAPTURE(weighted);
    CHECK(std::abs(sum / kSamples - 1) < 4 * std::sqrt(2.0 / 27 / kSamples));
  }
}

TEST_CASE("too few effective entries give no mode") {
  auto const values = test::densities()[0].sample(200, 5);
  CHECK(estimate_mode(SortedSample({values.begin(), values.begin() + 49}), {}).method ==
        ModeMethod::none);
  CHECK(estimate_mode(SortedSample({values.begin(), values.begin() + 50}), {}).method !=
        ModeMethod::none);
  CHECK(estimate_mode(SortedSample({}), {}).method == ModeMethod::none);
  CHECK(estimate_mode(SortedSample({1}), {}).method == ModeMethod::none);
  // 200 entries of which one carries nearly all the weight.
  std::vector<float> weights(200, 1e-3f);
  weights[17] = 1;
  CHECK(estimate_mode(SortedSample(values, weights), {}).method == ModeMethod::none);
}

TEST_CASE("where no Gaussian fits, the half-sample mode is given and flagged") {
  SECTION("all values equal") {
    ModeEstimate const got = estimate_mode(SortedSample(std::vector<float>(500, 1.25f)), {});
    CHECK(got.method == ModeMethod::half_sample);
    CHECK(got.mode == 1.25);
    CHECK(got.error == 0);
  }
  SECTION("a valley instead of a peak") {
    auto values = test::Density{"low", {{1, .5, .001, .1}}, .5}.sample(3000, 1);
    auto const high = test::Density{"high", {{1, 1.5, .1, .001}}, 1.5}.sample(3000, 2);
    values.insert(values.end(), high.begin(), high.end());
    ModeEstimate const got = estimate_mode(SortedSample(values), {});
    CHECK(got.method == ModeMethod::half_sample);
    CHECK(std::min(std::abs(got.mode - .5), std::abs(got.mode - 1.5)) < 0.05);
    CHECK(std::isfinite(got.error));
  }
}

// From the scatter between quarters of each sample, which is known to 15 % or so.
TEST_CASE("the half-sample mode's error is the scatter of repeated samples within 35 %", "[slow]") {
  ModeSettings settings;
  settings.min_bins_in_window = 100000;  // no fit has so many
  for (test::Density const& density : test::densities()) {
    double sum = 0;
    double squares = 0;
    double errors = 0;
    constexpr int kSamples = 200;
    for (unsigned i = 0; i < kSamples; ++i) {
      ModeEstimate const got = estimate_mode(SortedSample(density.sample(1000, i)), settings);
      REQUIRE(got.method == ModeMethod::half_sample);
      sum += got.mode;
      squares += got.mode * got.mode;
      errors += got.error;
    }
    double const scatter = std::sqrt(squares / kSamples - std::pow(sum / kSamples, 2));
    CAPTURE(density.name, scatter, errors / kSamples);
    CHECK(std::abs(errors / kSamples / scatter - 1) < 0.35);
    CHECK(errors / kSamples / scatter < 1.2);
  }
}

TEST_CASE("a fit of fewer than four bins or of nothing is no fit") {
  Histogram h{0, 10, std::vector<double>(10, 0.0), std::vector<double>(10, 0.0), 0, 0};
  CHECK_FALSE(fit_gaussian(h, h.content, 0, 10, 5, 1).has_value());
  h.content = h.square = {0, 1, 5, 20, 40, 40, 20, 5, 1, 0};
  CHECK_FALSE(fit_gaussian(h, h.content, 4, 6.9, 5, 1).has_value());
  CHECK_FALSE(fit_gaussian(h, h.content, 8, 2, 5, 1).has_value());
  auto const fit = fit_gaussian(h, h.content, 0, 10, 4, 2);
  REQUIRE(fit.has_value());
  CHECK(std::abs(fit->mean - 5) < 1e-7);
  CHECK(fit->bins == 10);
}

TEST_CASE("settings that make no sense are refused by name") {
  auto const with = [](auto change) {
    ModeSettings settings;
    change(settings);
    return settings;
  };
  SortedSample const sample({1});
  CHECK_THROWS_AS(estimate_mode(sample, with([](auto& s) { s.histogram_bins = 5; })), ConfigError);
  CHECK_THROWS_AS(estimate_mode(sample, with([](auto& s) { s.smoothing_window = 6; })),
                  ConfigError);
  CHECK_THROWS_AS(estimate_mode(sample, with([](auto& s) { s.window_sigma = 0; })), ConfigError);
  CHECK_THROWS_AS(estimate_mode(sample, with([](auto& s) { s.tolerance = std::nan(""); })),
                  ConfigError);
  CHECK_THROWS_AS(estimate_mode(sample, with([](auto& s) { s.iterations = -1; })), ConfigError);
}
