#include "validate/normal.hpp"

#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate {

double normal_density(double z) {
  constexpr double kInverseRoot2Pi = 0.39894228040143267794;
  return kInverseRoot2Pi * std::exp(-0.5 * z * z);
}

double normal_cdf(double z) { return 0.5 * std::erfc(-z * 0.70710678118654752440); }

double normal_quantile(double p) {
  JETCAL_REQUIRE(p > 0 && p < 1, Error, "normal_quantile: p is " << p << " (must be in (0, 1))");
  if (p > 0.5) { return -normal_quantile(1 - p); }
  if (p == 0.5) { return 0; }
  // The logarithm of the distribution function is concave, and this start lies below the root
  // (cdf(-t) < exp(-t^2 / 2)): Newton never oversteps.
  double z = -std::sqrt(-2 * std::log(p));
  for (int i = 0; i < 100; ++i) {
    double const cdf = normal_cdf(z);
    double const step = std::log(cdf / p) * cdf / normal_density(z);
    z -= step;
    if (std::abs(step) <= 1e-15 * std::abs(z)) { break; }
  }
  return z;
}

}  // namespace jetcal::validate
