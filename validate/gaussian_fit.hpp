#pragma once

#include <optional>
#include <vector>

#include "validate/histogram.hpp"

namespace jetcal::validate {

/// Result of a fit of A * Gaussian(mean, sigma), integrated over each bin, to a range of a
/// histogram.
struct GaussianFit {
  double amplitude = 0;  ///< area of the whole Gaussian, in units of the content
  double mean = 0;
  double sigma = 0;
  double low = 0;  ///< the range, cut to the histogram's
  double high = 0;
  double bins = 0;  ///< number of bins in it, parts included
  double chi2 = 0;  ///< Pearson's, with the scale of the weights taken out
  /// d(mean)/d(content) and d(sigma)/d(content) of each bin of the histogram at this range.
  std::vector<double> mean_slope;
  std::vector<double> sigma_slope;

  double chi2_per_ndf() const { return chi2 / (bins - 3); }
};

/// Fits the bins in [low, high] by iterated least squares with the *expected* contents as
/// variances, which is what maximises Poisson's likelihood: unbiased down to a few entries a bin,
/// where observed contents as variances would pull the fit down. A bin that the range cuts counts
/// with the part inside, so that the result moves continuously with the range.
///
/// `content` are the values fitted (the histogram's, or smoothed ones); negative ones count as 0.
/// `mean` and `sigma` are where the search starts.
/// Returns nothing if fewer than four bins overlap the range or all are empty, if the fit does not
/// converge, or if it is no peak: mean outside the range, or sigma above three times its length.
std::optional<GaussianFit> fit_gaussian(Histogram const& histogram,
                                        std::vector<double> const& content, double low, double high,
                                        double mean, double sigma);

}  // namespace jetcal::validate
