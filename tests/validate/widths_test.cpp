#include "validate/widths.hpp"

#include <cmath>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "tests/validate/jets.hpp"

using namespace jetcal;
using namespace jetcal::validate;
using jetcal::validate::test::Jets;

TEST_CASE("IQR68 of a split Gaussian is that of its quantiles") {
  CHECK(split_gaussian_iqr68(0.1, 0.1) == Approx(0.1988915766).epsilon(1e-9));
  // Scales with its widths, and does not know left from right.
  CHECK(split_gaussian_iqr68(0.3, 0.1) == Approx(split_gaussian_iqr68(0.1, 0.3)).epsilon(1e-12));
  CHECK(split_gaussian_iqr68(0.6, 0.2) ==
        Approx(2 * split_gaussian_iqr68(0.3, 0.1)).epsilon(1e-12));
  // The sample's own quantiles.
  auto values = jetcal::test::densities()[1].stratified(20000);
  SortedSample const sample(values);
  CHECK(split_gaussian_iqr68(.15, .08) ==
        Approx(sample.quantile(0.84) - sample.quantile(0.16)).epsilon(1e-3));
}

// Jets of different widths that know them: pulls are Gaussian and the prediction is honest; then
// the same with the widths told 20 % too small.
TEST_CASE("honest widths have pulls of width 1, and too small ones show") {
  for (double const told : {1.0, 0.8}) {
    Settings settings = jetcal::validate::test::two_bins();
    settings.tests = {Test::widths};
    Jets jets(2);
    jets.widths.resize(4);
    RandomStream const random(21, Purpose::test);
    auto const normal = jetcal::test::densities()[0].sample(40000, 23);  // 1 +- .1
    for (std::size_t i = 0; i < normal.size(); ++i) {
      double const z = (static_cast<double>(normal[i]) - 1) / 0.1;
      double const low = 0.05 + 0.1 * random.uniform(i), high = 0.7 * low;
      // A split Gaussian draws its side by the widths.
      bool const below = random.uniform(i + 100000) < low / (low + high);
      double const r = 1 + std::abs(z) * (below ? -low : high);
      jets.add(300, 0.5, 80, {0.9, r}, {0.9, r});
      for (std::size_t v = 0; v < 2; ++v) {
        jets.widths[2 * v].push_back(static_cast<float>(told * low));
        jets.widths[2 * v + 1].push_back(static_cast<float>(told * high));
      }
    }
    // One jet that the calibration left alone.
    jets.add(300, 0.5, 80, {0.9, 0.9}, {0.9, 0.9});
    for (auto& column : jets.widths) { column.push_back(std::nanf("")); }
    Results const r = jetcal::validate::test::measure_all(settings, jets, {"none", "model"});
    REQUIRE(r.widths.rows.size() == 2 * 2);
    WidthRow const& row = r.widths.rows[0];
    CHECK(row.calibration == "model");
    CHECK(row.jets == 40000);
    // sqrt(2 p (1 - p) - 2 p^2) / (f sqrt(n)) / 1.98892 of a Gaussian at p = .16: .00482.
    REQUIRE(row.pull_width);
    CAPTURE(told, *row.pull_width, *row.pull_width_error, *row.pull_mode);
    CHECK(std::abs(*row.pull_width - 1 / told) < 4 * *row.pull_width_error);
    CHECK(*row.pull_width_error == Approx(1 / told * 0.00482).epsilon(0.1));
    if (told == 1.0) { CHECK(std::abs(*row.pull_mode) < 0.05); }
    // A mixture's IQR68 is not quite the mean of its components'.
    CHECK(*row.predicted_iqr68 / *row.found_iqr68 == Approx(told).epsilon(0.03));
    CHECK_FALSE(r.widths.rows[1].pull_width.has_value());
    REQUIRE(r.widths.pulls.size() == 2);
    CHECK(r.widths.pulls[0].without_prediction == 1);
    double sum = r.widths.pulls[0].histogram.underflow + r.widths.pulls[0].histogram.overflow;
    for (double const c : r.widths.pulls[0].histogram.content) { sum += c; }
    CHECK(sum == Approx(40000));
  }
}

// The biases of the fit on these densities, as populations: -.036, -.0015, +.0039 (see mode.hpp).
TEST_CASE("the estimators' own bias is measured on densities of known mode") {
  auto const bias = estimator_bias({});
  REQUIRE(bias.size() == 3);
  double const fitted[] = {-.036, -.0015, .0039};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(bias[i].density);
    CHECK(bias[i].method == ModeMethod::gaussian_fit);
    CHECK(std::abs(bias[i].fitted - bias[i].mode - fitted[i]) < 1e-3);
    CHECK(std::abs(bias[i].half_sample - bias[i].mode) < 0.015);
  }
  CHECK(bias[0].mode == 1);
}
