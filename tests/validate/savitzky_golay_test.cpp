#include "validate/savitzky_golay.hpp"

#include <cmath>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "tests/catch.hpp"

using namespace jetcal;
using namespace jetcal::validate;

// Savitzky and Golay, Anal. Chem. 36 (1964) 1627, Table I.
TEST_CASE("the central coefficients are those of the original table") {
  SavitzkyGolay const five(5, 2);
  double const table5[] = {-3, 12, 17, 12, -3};
  for (int k = 0; k < 5; ++k) { CHECK(std::abs(five.coefficient(2, k) - table5[k] / 35) < 1e-14); }
  SavitzkyGolay const seven(7, 2);
  double const table7[] = {-2, 3, 6, 7, 6, 3, -2};
  for (int k = 0; k < 7; ++k) { CHECK(std::abs(seven.coefficient(3, k) - table7[k] / 21) < 1e-14); }
}

TEST_CASE("a polynomial of the filter's degree passes unchanged, ends included") {
  for (int n : {7, 8, 9, 13, 80}) {
    std::vector<double> values;
    for (int i = 0; i < n; ++i) { values.push_back(3 - 0.5 * i + 0.25 * i * i); }
    auto const smoothed = SavitzkyGolay(7, 2)(values);
    CAPTURE(n);
    REQUIRE(smoothed.size() == values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      CHECK(std::abs(smoothed[i] - values[i]) < 1e-12 * (1 + values[i]));
    }
  }
}

TEST_CASE("white noise shrinks to the share 1/3 of its variance that the table's 7/21 says") {
  RandomStream const random(1, Purpose::test);
  std::vector<double> noise;
  for (std::uint64_t i = 0; i < 20000; ++i) { noise.push_back(random.uniform(i) - 0.5); }
  auto const smoothed = SavitzkyGolay(7, 2)(noise);
  double before = 0;
  double after = 0;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    before += noise[i] * noise[i];
    after += smoothed[i] * smoothed[i];
  }
  CHECK(std::abs(after / before - 1.0 / 3) < 0.02);
}

TEST_CASE("the transposed filter is the adjoint: <a, S b> = <S' a, b>") {
  RandomStream const random(2, Purpose::test);
  SavitzkyGolay const filter(7, 2);
  std::vector<double> a;
  std::vector<double> b;
  for (std::uint64_t i = 0; i < 23; ++i) {
    a.push_back(random.uniform(2 * i) - 0.5);
    b.push_back(random.uniform(2 * i + 1) - 0.5);
  }
  auto const sb = filter(b);
  auto const sa = filter.transposed(a);
  double left = 0;
  double right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    left += a[i] * sb[i];
    right += sa[i] * b[i];
  }
  CHECK(std::abs(left - right) < 1e-13);
}

TEST_CASE("too few values for the window stay as they are") {
  std::vector<double> const values = {1, 5, 2};
  CHECK(SavitzkyGolay(7, 2)(values) == values);
  CHECK(SavitzkyGolay(1, 0)(values) == values);
  CHECK(SavitzkyGolay(7, 2)({}).empty());
}

TEST_CASE("a window must be odd and longer than the polynomial's degree") {
  CHECK_THROWS_AS(SavitzkyGolay(6, 2), ConfigError);
  CHECK_THROWS_AS(SavitzkyGolay(0, 0), ConfigError);
  CHECK_THROWS_AS(SavitzkyGolay(5, 5), ConfigError);
  CHECK_THROWS_AS(SavitzkyGolay(5, -1), ConfigError);
}
