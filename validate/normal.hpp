#pragma once

namespace jetcal::validate {

/// Density, distribution function and quantile of the Gaussian of mean 0 and width 1.
/// normal_quantile: relative accuracy 1e-14 for 1e-300 <= p < 1; Error outside (0, 1).
double normal_density(double z);
double normal_cdf(double z);
double normal_quantile(double p);

}  // namespace jetcal::validate
