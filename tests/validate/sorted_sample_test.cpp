#include "validate/sorted_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "validate/histogram.hpp"
#include "validate/normal.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

std::vector<float> uniform(std::int64_t n, std::uint64_t seed, double low, double high) {
  RandomStream const random(seed, Purpose::test);
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i) {
    auto const u = random.uniform(static_cast<std::uint64_t>(i));
    values.push_back(static_cast<float>(low + (high - low) * u));
  }
  return values;
}

// Straight from the definition: every interval, the shortest that holds half of the weight.
double half_sample_mode_brute(std::vector<std::pair<double, double>> entries) {
  std::sort(entries.begin(), entries.end());
  while (entries.size() > 3) {
    double total = 0;
    for (auto const& [x, w] : entries) { total += w; }
    double shortest = HUGE_VAL;
    std::size_t from = 0;
    std::size_t to = entries.size();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      double sum = 0;
      for (std::size_t j = i; j < entries.size(); ++j) {
        sum += entries[j].second;
        if (sum >= total / 2) {
          if (entries[j].first - entries[i].first < shortest) {
            shortest = entries[j].first - entries[i].first;
            from = i;
            to = j + 1;
          }
          break;
        }
      }
    }
    entries = {entries.begin() + static_cast<std::ptrdiff_t>(from),
               entries.begin() + static_cast<std::ptrdiff_t>(to)};
  }
  if (entries.size() == 3) {
    double const left = entries[1].first - entries[0].first;
    double const right = entries[2].first - entries[1].first;
    if (left == right) { return entries[1].first; }
    entries.erase(left < right ? entries.end() - 1 : entries.begin());
  }
  return 0.5 * (entries.front().first + entries.back().first);
}

}  // namespace

TEST_CASE("quantiles of equal weights are Hyndman and Fan's definition 5") {
  // (i + 1/2) / 4 = p at the entries; linear between; constant outside.
  SortedSample const sample({30, 10, 40, 20});
  CHECK(sample.quantile(0.125) == 10);
  CHECK(sample.quantile(0.375) == 20);
  CHECK(sample.quantile(0.5) == 25);
  CHECK(sample.quantile(0.25) == 15);
  CHECK(sample.quantile(0.9) == 40);
  CHECK(sample.quantile(0) == 10);
  CHECK(sample.quantile(1) == 40);
}

TEST_CASE("quantiles of weighted entries") {
  // Positions 1/8, 4/8, 7/8 of the total weight 4: 0.5, 2, 3.5.
  SortedSample const sample({3, 1, 2}, {1, 1, 2});
  CHECK(sample.quantile(0.125) == 1);
  CHECK(sample.quantile(0.5) == 2);
  CHECK(sample.quantile(0.875) == 3);
  CHECK(sample.quantile(0.3125) == 1.5);
  CHECK(sample.effective_entries() == Approx(16.0 / 6).epsilon(1e-15));
  // A common factor does not matter, entries without weight are not there.
  SortedSample const scaled({3, 1, 7, 2}, {0.25f, 0.25f, 0, 0.5f});
  CHECK(scaled.size() == 3);
  CHECK(scaled.quantile(0.3125) == 1.5);
  CHECK(scaled.effective_entries() == Approx(16.0 / 6).epsilon(1e-15));
}

TEST_CASE("weights that span twelve orders of magnitude lose nothing") {
  std::vector<float> values;
  std::vector<float> weights;
  for (int i = 0; i < 100000; ++i) {
    values.push_back(static_cast<float>(i));
    weights.push_back(i % 2 == 0 ? 1.0f : 1e-12f);
  }
  SortedSample const sample(values, weights);
  CHECK(std::abs(sample.effective_entries() - 50000) < 1e-3);
  CHECK(std::abs(sample.quantile(0.5) - 49999) < 1.5);
}

TEST_CASE("values and weights must be usable") {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  float const inf = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(SortedSample({1, nan}), DataError);
  CHECK_THROWS_AS(SortedSample({1, -inf}), DataError);
  CHECK_THROWS_AS(SortedSample({1, 2}, {1, -1e-9f}), DataError);
  CHECK_THROWS_AS(SortedSample({1, 2}, {1, nan}), DataError);
  CHECK_THROWS_AS(SortedSample({1, 2}, {inf, 1}), DataError);
  CHECK_THROWS_AS(SortedSample({1, 2}, {1}), DataError);
  CHECK_THROWS_AS(SortedSample({}).quantile(0.5), Error);
  CHECK_THROWS_AS(SortedSample({1}).quantile(1.5), Error);
  CHECK_THROWS_AS(SortedSample({1}).quantile(nan), Error);
  CHECK_THROWS_AS(half_sample_mode(SortedSample({})), Error);
  CHECK(SortedSample({}).effective_entries() == 0);
  CHECK(SortedSample({1, 2}, {0, 0}).effective_entries() == 0);
}

TEST_CASE("the density at a quantile is that of the distribution") {
  // 200,000 entries: the bandwidth is then about .025, its bias f'' h^2 / (6 f^3) below 1 %,
  // its noise 1 / sqrt(2 h n) = 1 %.
  SortedSample const sample(test::densities()[0].sample(200000, 7));
  for (double const p : {0.16, 0.5, 0.84}) {
    double const expected = normal_density(normal_quantile(p)) / 0.1;
    CAPTURE(p);
    CHECK(std::abs(sample.density_at_quantile(p) / expected - 1) < 0.04);
  }
  CHECK(std::isinf(SortedSample(std::vector<float>(100, 1.0f)).density_at_quantile(0.5)));
}

TEST_CASE("the covariance of quantiles is p (1 - q) / (n f f)") {
  std::int64_t const n = 100000;
  SortedSample const sample(uniform(n, 3, 0, 2));  // f = 1/2
  for (double const p : {0.16, 0.5}) {
    for (double const q : {0.5, 0.84}) {
      CAPTURE(p, q);
      double const expected = p * (1 - q) * 4 / static_cast<double>(n);
      CHECK(std::abs(sample.quantile_covariance(p, q) / expected - 1) < 0.05);
      CHECK(sample.quantile_covariance(p, q) == sample.quantile_covariance(q, p));
    }
  }
  // Equal weights of any size change nothing; weights independent of the value count as n_eff.
  SortedSample const scaled(uniform(n, 3, 0, 2), std::vector<float>(100000, 0.3f));
  CHECK(std::abs(scaled.quantile_covariance(.16, .84) / sample.quantile_covariance(.16, .84) - 1) <
        1e-6);
  SortedSample const weighted(uniform(n, 3, 0, 2), uniform(n, 4, 0, 1));
  CHECK(std::abs(weighted.effective_entries() / static_cast<double>(n) - 0.75) < 0.01);
  CHECK(std::abs(weighted.quantile_covariance(.16, .16) * weighted.effective_entries() /
                     (.16 * .84 * 4) -
                 1) < 0.05);
}

TEST_CASE("the half-sample mode of a few entries") {
  CHECK(half_sample_mode(SortedSample({5})) == 5);
  CHECK(half_sample_mode(SortedSample({5, 7})) == 6);
  CHECK(half_sample_mode(SortedSample({5, 7, 8})) == 7.5);
  CHECK(half_sample_mode(SortedSample({5, 6, 8})) == 5.5);
  CHECK(half_sample_mode(SortedSample({5, 6, 7})) == 6);
  CHECK(half_sample_mode(SortedSample(std::vector<float>(1000, 2.5f))) == 2.5);
  // One jet with more than half of the weight is the mode.
  CHECK(half_sample_mode(SortedSample({1, 2, 3, 4, 100}, {1, 1, 1, 1, 5})) == 100);
}

TEST_CASE("the half-sample mode follows its definition") {
  for (std::int64_t n = 1; n <= 60; ++n) {
    auto const values = uniform(n, 100 + static_cast<std::uint64_t>(n), 0, 1);
    auto const weights = uniform(n, 300 + static_cast<std::uint64_t>(n), 0.1, 2);
    std::vector<std::pair<double, double>> plain;
    std::vector<std::pair<double, double>> weighted;
    for (std::size_t i = 0; i < values.size(); ++i) {
      plain.emplace_back(values[i], 1);
      weighted.emplace_back(values[i], weights[i]);
    }
    CAPTURE(n);
    CHECK(half_sample_mode(SortedSample(values)) == half_sample_mode_brute(plain));
    CHECK(half_sample_mode(SortedSample(values, weights)) == half_sample_mode_brute(weighted));
  }
}

TEST_CASE("a histogram counts every entry once, and what lies outside") {
  // Edges 0, 1, 2: an entry on an edge belongs to the bin above.
  Histogram const h =
      fill(SortedSample({-1, 0, 0.5, 1, 1.5, 2, 9}, {1, 2, 3, 4, 5, 6, 7}), 0, 2, 2);
  CHECK(h.underflow == 1);
  CHECK(h.content == std::vector<double>{5, 9});
  CHECK(h.square == std::vector<double>{13, 41});
  CHECK(h.overflow == 13);
  CHECK(h.centre(1) == 1.5);
  CHECK_THROWS_AS(fill(SortedSample({1}), 0, 0, 2), Error);
  CHECK_THROWS_AS(fill(SortedSample({1}), 0, 1, 0), Error);
  CHECK_THROWS_AS(fill(SortedSample({1}), 0, std::nan(""), 2), Error);
}
