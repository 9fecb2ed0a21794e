#include "validate/normal.hpp"

#include <cmath>
#include <limits>

#include "engine/errors.hpp"
#include "tests/catch.hpp"

using namespace jetcal;
using namespace jetcal::validate;

// Quantiles: Abramowitz and Stegun, Table 26.5 and 26.6, and Wichura, Appl. Stat. 37 (1988) 477
// (algorithm AS 241 gives its check values to 16 digits).
TEST_CASE("the Gaussian's quantiles are those of the tables") {
  CHECK(std::abs(normal_quantile(0.25) + 0.6744897501960817) < 1e-15);
  CHECK(std::abs(normal_quantile(0.001) + 3.090232306167814) < 1e-14);
  CHECK(std::abs(normal_quantile(1e-20) + 9.262340089798408) < 1e-13);
  CHECK(std::abs(normal_quantile(0.975) - 1.959963984540054) < 1e-14);
  CHECK(normal_quantile(0.5) == 0);
  // Full width of the central 68 % of a Gaussian: 1.98892 sigma, not 2.
  CHECK(std::abs(normal_quantile(0.84) - normal_quantile(0.16) - 1.98892) < 1e-5);
}

TEST_CASE("the Gaussian's quantile inverts its distribution function") {
  for (double const p : {1e-300, 1e-12, 0.01, 0.16, 0.4999, 0.5001, 0.84, 0.999}) {
    CAPTURE(p);
    CHECK(std::abs(normal_cdf(normal_quantile(p)) / p - 1) < 1e-12);
  }
}

TEST_CASE("the Gaussian's density is the derivative of its distribution function") {
  for (double const z : {-3.0, -0.5, 0.0, 0.1, 2.0}) {
    constexpr double h = 1e-5;
    CAPTURE(z);
    CHECK(std::abs((normal_cdf(z + h) - normal_cdf(z - h)) / (2 * h) - normal_density(z)) < 1e-10);
  }
}

TEST_CASE("a probability outside (0, 1) has no quantile") {
  for (double const p : {0.0, 1.0, -0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(normal_quantile(p), Error);
  }
}
