#include "data/toy_response.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/catch.hpp"

using namespace jetcal;
using namespace jetcal::data;

namespace {

std::vector<ToyCase> all_cases() {
  std::vector<ToyCase> cases;
  for (std::int32_t c = 0; c < kToyCases; ++c) { cases.push_back(static_cast<ToyCase>(c)); }
  return cases;
}

ToyInputs some_inputs(ToyCase toy_case) { return {1000, 100, 0.5, 0.06, 0.3, 40, 22, toy_case}; }

}  // namespace

// The two mixtures' modes were computed with 30-digit arithmetic: .99820 = 1 + .08 z and
// 1.00416 = 1 + .1 z.
TEST_CASE("the laws' modes are the known ones") {
  CHECK(toy_law_mode(ToyCase::skewed) == 0);
  CHECK(toy_law_mode(ToyCase::eta_step) == 0);
  CHECK(toy_law_mode(ToyCase::pile_up) == 0);
  CHECK(std::abs(1 + 0.08 * toy_law_mode(ToyCase::contaminated_low) - 0.99820) < 5e-6);
  CHECK(std::abs(1 + 0.1 * toy_law_mode(ToyCase::contaminated_high) - 1.00416) < 5e-6);
}

TEST_CASE("no other z is more probable than the mode") {
  for (ToyCase const c : all_cases()) {
    ToyLaw const& law = toy_law(c);
    double const at_mode = law.density(toy_law_mode(c));
    CAPTURE(name(c));
    for (double z = -10; z <= 10; z += 1e-3) { CHECK(law.density(z) <= at_mode); }
    // And closely: the density falls by half the curvature times the square of the distance.
    double const step = 1e-5;
    CHECK(law.density(toy_law_mode(c) + step) < at_mode);
    CHECK(law.density(toy_law_mode(c) - step) < at_mode);
  }
}

TEST_CASE("the densities are normalised and the draws follow them") {
  for (ToyCase const c : all_cases()) {
    ToyLaw const& law = toy_law(c);
    CAPTURE(name(c));
    constexpr std::int64_t kDraws = 200000;
    std::vector<double> drawn;
    for (std::int64_t i = 0; i < kDraws; ++i) {
      RandomStream const random(77, Purpose::test, static_cast<std::uint32_t>(c));
      ToyDraws draws(random, static_cast<std::uint64_t>(i));
      drawn.push_back(law.draw(draws));
    }
    std::sort(drawn.begin(), drawn.end());
    // Kolmogorov and Smirnov: the largest distance of the distribution functions is below
    // 1.95 / sqrt(n) in all but one of 1000 cases.
    double below = 0;
    double largest = 0;
    std::size_t i = 0;
    constexpr double kStep = 1e-3;
    for (double z = -25; z < 25; z += kStep) {
      below += kStep * law.density(z + 0.5 * kStep);
      while (i < drawn.size() && drawn[i] < z + kStep) { ++i; }
      largest = std::max(largest, std::abs(below - static_cast<double>(i) / kDraws));
    }
    CHECK(std::abs(below - 1) < 1e-6);
    CHECK(largest < 1.95 / std::sqrt(static_cast<double>(kDraws)));
  }
}

TEST_CASE("responses stay between their ends, and their mode is scale (1 + width mode)") {
  for (ToyCase const c : all_cases()) {
    ToyInputs const in = some_inputs(c);
    ToyResponse const response = toy_mass_response(in);
    CAPTURE(name(c));
    CHECK(response.mode(toy_law_mode(c)) ==
          Approx(response.scale * (1 + response.width * toy_law_mode(c))).epsilon(1e-15));
    CHECK(response.mode(toy_law_mode(c)) > response.scale * (response.low + 3 * response.width));
    RandomStream const random(5, Purpose::test);
    for (std::uint64_t i = 0; i < 20000; ++i) {
      ToyDraws draws(random, i);
      double const r = response.draw(toy_law(c), draws);
      CHECK(r >= response.scale * response.low);
      CHECK(r <= response.scale * response.high);
    }
  }
}

TEST_CASE("only the named case depends on eta or pile-up") {
  for (ToyCase const c : all_cases()) {
    ToyInputs in = some_inputs(c);
    double const e = toy_energy_response(in).scale;
    double const m = toy_mass_response(in).scale;
    CAPTURE(name(c));
    in.eta = -1.6;
    CHECK((toy_energy_response(in).scale != e) == (c == ToyCase::eta_step));
    CHECK((toy_mass_response(in).scale != m) == (c == ToyCase::eta_step));
    in = some_inputs(c);
    in.average_mu = 60;
    CHECK((toy_energy_response(in).scale != e) == (c == ToyCase::pile_up));
    CHECK((toy_mass_response(in).scale != m) == (c == ToyCase::pile_up));
    in = some_inputs(c);
    in.npv = 30;
    CHECK((toy_energy_response(in).scale != e) == (c == ToyCase::pile_up));
    in = some_inputs(c);
    in.em3_frac = 0.2;
    CHECK(toy_energy_response(in).scale < e);
  }
  // The step: 6 % within .1 of |eta| = 1.4, on both sides of the detector.
  ToyInputs in = some_inputs(ToyCase::eta_step);
  in.eta = 1.3;
  double const before = toy_energy_response(in).scale;
  in.eta = -1.5;
  CHECK(std::abs(toy_energy_response(in).scale / before - 0.94) < 1e-3);
}
