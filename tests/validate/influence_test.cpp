#include "validate/influence.hpp"

#include <cmath>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

struct Pair {
  std::vector<float> a, b;
};

/// Two calibrations of the same jets: `b` is `a` moved and narrowed, and some noise of its own.
Pair pair(std::int64_t n, std::uint64_t seed, double noise) {
  Pair out;
  out.a = jetcal::test::densities()[2].sample(n, seed);
  RandomStream const random(seed + 1, Purpose::test);
  for (std::size_t i = 0; i < out.a.size(); ++i) {
    double const u = random.uniform(i) - 0.5;
    out.b.push_back(
        static_cast<float>(1 + 0.9 * (static_cast<double>(out.a[i]) - 0.99) + noise * u));
  }
  return out;
}

struct Measured {
  ResponsePoint point;
  std::optional<Influence> influence;
};

Measured measured(std::vector<float> const& values, std::vector<float> const& weights = {}) {
  SortedSample const sample(values, weights);
  ModeEstimate const mode = estimate_mode(sample, {});
  return {measure_at(sample, mode), Influence::of(sample, mode)};
}

Difference differ(Pair const& p, std::vector<float> const& weights = {}) {
  Measured const a = measured(p.a, weights), b = measured(p.b, weights);
  return difference(a.point, a.influence, p.a, b.point, b.influence, p.b, weights);
}

}  // namespace

TEST_CASE("the squares of all influences add up to the errors of the points") {
  auto const values = jetcal::test::densities()[1].sample(5000, 11);
  Measured const m = measured(values);
  REQUIRE(m.influence);
  double mode = 0, width = 0;
  for (float const v : values) {
    mode += std::pow(m.influence->on_mode(static_cast<double>(v)), 2);
    width += std::pow(m.influence->on_width(static_cast<double>(v)), 2);
  }
  CHECK(std::sqrt(mode) == Approx(*m.point.mode_error).epsilon(1e-6));
  CHECK(std::sqrt(width) == Approx(*m.point.iqr68_over_mode_error).epsilon(1e-3));
}

TEST_CASE("a calibration does not differ from itself, and a shifted one exactly by the shift") {
  Pair p = pair(3000, 5, 0);
  p.b = p.a;
  Difference const none = differ(p);
  CHECK(*none.mode == 0);
  CHECK(*none.mode_error == 0);
  CHECK(*none.iqr68_ratio == 1);
  CHECK(*none.iqr68_ratio_error == 0);
  std::vector<float> const few(p.a.begin(), p.a.begin() + 20);
  Difference const nothing = differ({few, few});
  CHECK_FALSE(nothing.mode.has_value());
  CHECK_FALSE(nothing.iqr68_ratio.has_value());
}

// 300 samples know their scatter to 4 %. Taken as independent, the errors would be far too large.
TEST_CASE("errors of differences are the scatter of repeated samples within 20 %", "[slow]") {
  for (double const noise : {0.05, 0.3}) {
    double n = 0, mode = 0, mode_squares = 0, mode_error = 0, independent = 0;
    double width = 0, width_squares = 0, width_error = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
      Pair const p = pair(3000, 7919 * i + 3, noise);
      Difference const d = differ(p);
      if (!d.mode_error) { continue; }
      ++n;
      double const m = *d.mode - mode, w = *d.iqr68_ratio - width;
      mode += m / n;
      width += w / n;
      mode_squares += m * (*d.mode - mode);
      width_squares += w * (*d.iqr68_ratio - width);
      mode_error += *d.mode_error;
      width_error += *d.iqr68_ratio_error;
      independent += std::hypot(*measured(p.a).point.mode_error, *measured(p.b).point.mode_error);
    }
    REQUIRE(n > 250);
    double const mode_scatter = std::sqrt(mode_squares / (n - 1));
    double const width_scatter = std::sqrt(width_squares / (n - 1));
    CAPTURE(noise, mode_scatter, mode_error / n, width_scatter, width_error / n, independent / n);
    CHECK(std::abs(mode_error / n / mode_scatter - 1) < 0.2);
    CHECK(std::abs(width_error / n / width_scatter - 1) < 0.2);
    if (noise < 0.1) { CHECK(independent / n > 2 * mode_scatter); }
  }
}
