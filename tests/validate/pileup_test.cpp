#include "validate/pileup.hpp"

#include <cmath>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "tests/validate/jets.hpp"

using namespace jetcal;
using namespace jetcal::validate;
using jetcal::validate::test::Jets;

// Four points with errors 1, 2, 1, 2: the sums of the normal equations done by hand.
TEST_CASE("a line through points with errors is the least squares'") {
  double const x[] = {0, 1, 2, 3}, y[] = {1, 3, 4, 9}, error[] = {1, 2, 1, 2};
  auto const fit = fit_line(x, y, error);
  REQUIRE(fit);
  // w = 1, .25, 1, .25: S = 2.5, Sx = 3, Sy = 8, Sxx = 6.5, Sxy = 15.5.
  CHECK(fit->slope == Approx((2.5 * 15.5 - 3 * 8) / (2.5 * 6.5 - 9)));
  CHECK(fit->intercept == Approx((6.5 * 8 - 3 * 15.5) / (2.5 * 6.5 - 9)));
  CHECK(fit->slope_error == Approx(std::sqrt(2.5 / (2.5 * 6.5 - 9))));
  CHECK(fit->points == 4);
  CHECK_FALSE(fit_line(std::span(x, 2), std::span(y, 2), std::span(error, 2)));
  double const same[] = {1, 1, 1, 1};
  CHECK_FALSE(fit_line(same, y, error));
}

// The scale rises by 0.1 % a vertex at low |eta| and falls by 0.05 % at high; the errors are those
// of the slopes' scatter.
TEST_CASE("slopes against pile-up are those of the jets") {
  Settings settings = jetcal::validate::test::two_bins();
  settings.tests = {Test::pileup};
  settings.pileup = {{0, 10, 20, 30, 40}, {0, 100}, {200, 500, 2000}, {0, 1, 2}};
  Jets jets;
  RandomStream const random(9, Purpose::test);
  auto const shape = jetcal::test::densities()[0].sample(80000, 17);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    double const npv = 40 * random.uniform(2 * i);
    bool const forward = i % 2 == 1;
    double const slope = forward ? -5e-4 : 1e-3;
    double const r = static_cast<double>(shape[i]) + slope * npv;
    jets.add(300 + 500 * random.uniform(2 * i + 1), forward ? 1.5 : 0.5, 80, {r}, {1.0});
    jets.npv.push_back(static_cast<float>(npv));
  }
  Results const results = jetcal::validate::test::measure_all(settings, jets);
  // NPV alone: the jets have no mu.
  REQUIRE(results.pileup.size() == 2 * (2 * 2 + 2));
  int averages = 0;
  for (PileupSlope const& s : results.pileup) {
    if (s.variable != Variable::energy || s.points == 0) { continue; }
    double const expected = s.abs_eta_true.lo < 1 ? 1e-3 : -5e-4;
    CAPTURE(s.abs_eta_true.lo, s.energy_true.has_value(), s.points);
    REQUIRE(s.slope.has_value());
    CHECK(s.against == Quantity::npv);
    CHECK(std::abs(*s.slope - expected) < 4 * *s.slope_error);
    if (!s.energy_true) {
      ++averages;
      // A mode to 0.14 % from 10,000 jets in each of four points 10 vertices apart.
      CHECK(*s.slope_error == Approx(0.1 * 1.15 / std::sqrt(40000) / 11.2).epsilon(0.3));
      CHECK(s.jets == 40000);
    }
  }
  CHECK(averages == 2);
  CHECK(std::count_if(results.skipped.begin(), results.skipped.end(), [](Skipped const& s) {
          return s.test == "pileup" && s.why == "there is none";
        }) == 1);
}
