#include <cmath>
#include <string>

#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "validate/response_point.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

// Mean and scatter of a number over repeated samples.
class Spread {
 public:
  void add(double value, double error) {
    ++count_;
    double const delta = value - mean_;
    mean_ += delta / count_;
    squares_ += delta * (value - mean_);
    errors_ += error;
  }
  double ratio() const { return errors_ / count_ / std::sqrt(squares_ / (count_ - 1)); }
  double scatter() const { return std::sqrt(squares_ / (count_ - 1)); }
  double error() const { return errors_ / count_; }

 private:
  double count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
  double errors_ = 0;
};

}  // namespace

// 400 samples know their scatter to 3.5 %.
TEST_CASE("errors are the scatter of repeated samples within 20 %", "[slow]") {
  for (bool const smoothed : {false, true}) {
    for (test::Density const& density : test::densities()) {
      for (std::int64_t const n : {200, 1000, 10000}) {
        Spread mode;
        Spread width;
        ModeSettings settings;
        settings.fit_smoothed = smoothed;
        for (unsigned i = 0; i < 400; ++i) {
          auto const point = measure(SortedSample(density.sample(n, 7919 * i)), settings);
          REQUIRE(point.iqr68_over_mode_error.has_value());
          if (point.method != ModeMethod::gaussian_fit) { continue; }
          mode.add(*point.mode, *point.mode_error);
          width.add(*point.iqr68_over_mode, *point.iqr68_over_mode_error);
        }
        CAPTURE(density.name, n, smoothed, mode.scatter(), mode.error(), width.scatter(),
                width.error());
        CHECK(std::abs(mode.ratio() - 1) < 0.2);
        CHECK(std::abs(width.ratio() - 1) < 0.2);
      }
    }
  }
}

TEST_CASE("errors of weighted entries are the scatter of repeated samples within 20 %", "[slow]") {
  // Weights that depend on the value, as a spectrum's do through the energy.
  for (test::Density const& density : test::densities()) {
    Spread mode;
    Spread width;
    for (unsigned i = 0; i < 400; ++i) {
      auto const values = density.sample(4000, 104729 + i);
      RandomStream const random(i, Purpose::test, 1);
      std::vector<float> weights;
      for (std::size_t k = 0; k < values.size(); ++k) {
        weights.push_back(static_cast<float>(random.uniform(k) * std::exp(-2 * values[k])));
      }
      auto const point = measure(SortedSample(values, weights), {});
      REQUIRE(point.method == ModeMethod::gaussian_fit);
      mode.add(*point.mode, *point.mode_error);
      width.add(*point.iqr68_over_mode, *point.iqr68_over_mode_error);
    }
    CAPTURE(density.name, mode.scatter(), mode.error(), width.scatter(), width.error());
    CHECK(std::abs(mode.ratio() - 1) < 0.2);
    CHECK(std::abs(width.ratio() - 1) < 0.2);
  }
}

TEST_CASE("errors agree with the bootstrap of the same sample within 20 %", "[slow]") {
  for (test::Density const& density : test::densities()) {
    // Eight samples, each resampled 200 times with replacement; the mean of the ratios.
    double mode_ratio = 0;
    double width_ratio = 0;
    constexpr unsigned kSamples = 8;
    for (unsigned s = 0; s < kSamples; ++s) {
      auto const values = density.sample(2000, 31 + s);
      auto const point = measure(SortedSample(values), {});
      Spread mode;
      Spread width;
      for (std::uint32_t replica = 0; replica < 200; ++replica) {
        RandomStream const random(s, Purpose::test, 2, replica);
        std::vector<float> drawn;
        for (std::size_t k = 0; k < values.size(); ++k) {
          drawn.push_back(values[random.bits(k) % values.size()]);
        }
        auto const again = measure(SortedSample(drawn), {});
        mode.add(*again.mode, *point.mode_error);
        width.add(*again.iqr68_over_mode, *point.iqr68_over_mode_error);
      }
      mode_ratio += mode.ratio() / kSamples;
      width_ratio += width.ratio() / kSamples;
    }
    CAPTURE(density.name, mode_ratio, width_ratio);
    CHECK(std::abs(mode_ratio - 1) < 0.2);
    CHECK(std::abs(width_ratio - 1) < 0.2);
  }
}

// Far from r = 1 the mode's error dominates that of the ratio, and its correlation with the
// quantiles counts: 10 % for the contaminated core shifted to a mode of .15.
TEST_CASE("the error of IQR68 / mode knows how quantiles and mode move together", "[slow]") {
  Spread width;
  for (unsigned i = 0; i < 1600; ++i) {
    auto values = test::densities()[2].sample(3000, 7919 * i + 3000);
    for (float& v : values) { v -= 0.85f; }
    auto const point = measure(SortedSample(values), {});
    width.add(*point.iqr68_over_mode, *point.iqr68_over_mode_error);
  }
  CHECK(std::abs(width.ratio() - 1) < 0.055);  // 1600 samples know their scatter to 1.8 %
}

TEST_CASE("IQR68 is the full width between the quantiles .16 and .84") {
  auto const point = measure(SortedSample(test::densities()[0].sample(400000, 12)), {});
  // 1.98892 sigma; error of the quantile difference: 1.2 sigma / sqrt(n) each.
  CHECK(std::abs(*point.iqr68_over_mode - 0.198892) < 1.5e-3);
  CHECK(*point.iqr68_over_mode == Approx(*point.iqr68 / *point.mode).epsilon(1e-15));
  CHECK(std::abs(*point.median - 1) < 1e-3);
  CHECK(point.jets == 400000);
  CHECK(point.effective_entries == Approx(400000));
  // 4 IQR68 / 2 are 3.98 sigma: 7e-5 of the jets are beyond.
  CHECK(point.underflow + point.overflow > 5);
  CHECK(point.underflow + point.overflow < 60);
}

TEST_CASE("the option multiplies errors by sqrt(chi2/ndf), upwards only") {
  SortedSample const skewed(test::densities()[1].sample(50000, 3));
  ModeSettings settings;
  auto const plain = estimate_mode(skewed, settings);
  settings.scale_error_by_chi2 = true;
  auto const scaled = estimate_mode(skewed, settings);
  REQUIRE(plain.chi2_per_ndf > 2);
  CHECK(scaled.error == Approx(plain.error * std::sqrt(plain.chi2_per_ndf)).epsilon(1e-12));
  for (unsigned seed = 0; seed < 20; ++seed) {
    SortedSample const gaussian(test::densities()[0].sample(2000, seed));
    settings.scale_error_by_chi2 = false;
    double const before = estimate_mode(gaussian, settings).error;
    settings.scale_error_by_chi2 = true;
    CHECK(estimate_mode(gaussian, settings).error >= before);
  }
}

TEST_CASE("a bin without enough jets has a count and no values") {
  auto const point = measure(SortedSample({1, 2, 3}), {});
  CHECK(point.jets == 3);
  CHECK(point.method == ModeMethod::none);
  CHECK_FALSE(point.mode.has_value());
  CHECK_FALSE(point.mode_error.has_value());
  CHECK_FALSE(point.iqr68_over_mode.has_value());
  CHECK_FALSE(point.half_sample_mode.has_value());
  CHECK(measure(SortedSample({}), {}).jets == 0);
}

TEST_CASE("a bin of equal values has a mode and no width") {
  auto const point = measure(SortedSample(std::vector<float>(300, 1.5f)), {});
  CHECK(point.method == ModeMethod::half_sample);
  CHECK(*point.mode == 1.5);
  CHECK(*point.iqr68_over_mode == 0);
  CHECK(*point.iqr68_over_mode_error == 0);
}
