#include "data/quantiles.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::seed_of;
using jetcal::test::uniform;

struct Found {
  float lower, upper;
};

// Columns are fed in pieces, as blocks come.
Found find(std::vector<float> const& values, std::vector<float> const& weights, int lower,
           int upper) {
  QuantileFinder finder(2, lower, upper);
  std::vector<float> const other(values.size(), 3.0f);  // a second column must not disturb
  constexpr std::size_t kPiece = 1000;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < values.size(); i += kPiece) {
      auto const n = static_cast<std::int64_t>(std::min(kPiece, values.size() - i));
      for (std::size_t column = 0; column < 2; ++column) {
        float const* const v = (column ? values : other).data() + i;
        if (pass == 0) {
          finder.add_first(column, v, weights.data() + i, n);
        } else {
          finder.add_second(column, v, weights.data() + i, n);
        }
      }
    }
    if (pass == 0) { finder.finish_first(); }
  }
  CHECK(finder.lower(0) == 3.0f);
  CHECK(finder.upper(0) == 3.0f);
  return {finder.lower(1), finder.upper(1)};
}

// The definition, by sorting: the smallest v with weight(<= v) >= share of the total.
float by_sorting(std::vector<float> values, std::vector<float> const& weights, int permille) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  double const total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  for (std::size_t const i : order) {
    sum += weights[i];
    if (weights[i] > 0 && sum * 1000 >= total * permille) { return values[i]; }
  }
  return std::nanf("");
}

TEST_CASE("quantiles are those of a sort, at awkward sizes", "[quantiles]") {
  for (std::int64_t const n : {1, 2, 3, 999, 1000, 1001, 1999, 2000, 2001, 54321}) {
    auto const values = uniform(n, -5, 300, seed_of("quantiles", n));
    std::vector<float> const ones(values.size(), 1.0f);
    auto const found = find(values, ones, 1, 999);
    CAPTURE(n);
    CHECK(found.lower == by_sorting(values, ones, 1));
    CHECK(found.upper == by_sorting(values, ones, 999));
  }
}

TEST_CASE("quantiles by counting: of 1 to 1000, 0.1 % is 1 and 99.9 % is 999", "[quantiles]") {
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 1.0f);
  std::reverse(values.begin(), values.end());
  std::vector<float> const ones(values.size(), 1.0f);
  CHECK(find(values, ones, 1, 999).lower == 1);
  CHECK(find(values, ones, 1, 999).upper == 999);
  CHECK(find(values, ones, 500, 1000).lower == 500);
  CHECK(find(values, ones, 500, 1000).upper == 1000);
  values.push_back(0);
  std::vector<float> const more(values.size(), 1.0f);
  CHECK(find(values, more, 1, 999).lower == 1);  // 0.1 % of 1001 is a little more than one jet
}

TEST_CASE("quantiles of values of all sizes and signs, with repetitions", "[quantiles]") {
  RandomStream const random(seed_of("quantiles wide"), Purpose::test);
  std::vector<float> values;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    double const size = std::exp2(200 * random.uniform(2 * i) - 100);
    double const sign = random.uniform(2 * i + 1) < 0.3 ? -1 : 1;
    values.push_back(i % 5 == 0 ? 0.5f : static_cast<float>(sign * size));
  }
  values.push_back(-0.0f);
  values.push_back(0.0f);
  std::vector<float> const ones(values.size(), 1.0f);
  for (int const permille : {1, 10, 240, 250, 300, 500, 700, 999}) {
    CAPTURE(permille);
    CHECK(find(values, ones, permille, 999).lower == by_sorting(values, ones, permille));
  }
}

TEST_CASE("weighted quantiles are those of a weighted sort; weight 0 does not count",
          "[quantiles]") {
  auto values = uniform(30000, -1, 1, seed_of("quantiles weighted"));
  auto weights = uniform(30000, 0, 1, seed_of("quantiles weights"));
  // exact sums in any order: weights of few bits, over twelve powers of two
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::ldexp(std::floor(weights[i] * 8), -static_cast<int>(i % 12));
    if (weights[i] == 0) { values[i] = i % 2 ? std::nanf("") : -1e30f; }
  }
  auto clean = values;
  for (float& v : clean) { v = std::isnan(v) ? 1e30f : v; }
  for (int const permille : {1, 100, 500, 999}) {
    CAPTURE(permille);
    CHECK(find(values, weights, permille, 999).lower == by_sorting(clean, weights, permille));
  }
}

TEST_CASE("weights that sum to nothing are refused", "[quantiles]") {
  auto const refusal = [](float weight) {
    return jetcal::test::error_text<DataError>([&] { find({1, 2}, {weight, weight}, 1, 999); });
  };
  CHECK(jetcal::test::has(refusal(0), "the training jets' weights sum to 0 (must be above 0"));
  CHECK(jetcal::test::has(refusal(HUGE_VALF), "sum to inf"));
}

}  // namespace
}  // namespace jetcal::data
