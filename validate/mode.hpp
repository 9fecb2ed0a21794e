#pragma once

#include <string_view>
#include <vector>

#include "validate/binned_sample.hpp"
#include "validate/histogram.hpp"
#include "validate/sorted_sample.hpp"

namespace jetcal::validate {

/// How the mode of a response distribution is found. Footnote 8 of arXiv:2311.08885 names the
/// ingredients (Savitzky-Golay smoothing, a Gaussian fit in mean +- N standard deviations) but not
/// their numbers: those below are ours.
struct ModeSettings {
  double histogram_half_range = 4;    ///< around the median, in units of IQR68 / 2
  int histogram_bins = 80;            ///< doubled until the fit has min_bins_in_window
  int min_bins_in_window = 10;        ///< (at most six times)
  int smoothing_window = 7;           ///< Savitzky-Golay: bins (odd; 1 is no smoothing)
  int smoothing_order = 2;            ///< and degree
  bool fit_smoothed = false;          ///< fit the smoothed histogram (else it only seeds the fit)
  double window_sd = 1.5;             ///< first range: mean +- this many standard deviations
  double window_sigma = 1.5;          ///< later ranges: fitted mean +- this many fitted sigmas
  int iterations = 5;                 ///< fits after the first, at most,
  double tolerance = 1e-4;            ///< or until the mean moves by less than this
  bool scale_error_by_chi2 = false;   ///< errors times sqrt(chi2 / ndf) where that is above 1
  double min_effective_entries = 50;  ///< fewer: no mode

  /// Errors: ConfigError for a value that makes no sense, with its name.
  void require_valid() const;
};

enum class ModeMethod { none, gaussian_fit, half_sample };

/// "none", "gaussian_fit", "half_sample": how results name it.
std::string_view name(ModeMethod method);

struct ModeEstimate {
  ModeMethod method = ModeMethod::none;
  double mode = 0;
  double error = 0;           ///< statistical, one standard deviation
  double sigma = 0;           ///< of the Gaussian; 0 unless fitted
  double chi2_per_ndf = 0;    ///< of the last fit; 0 unless fitted
  int fits = 0;               ///< made with the final binning
  bool converged = false;     ///< the last one moved the mean by less than the tolerance
  Histogram histogram;        ///< has no bins if the sample has no spread
  std::vector<double> slope;  ///< d(mode)/d(content) of its bins; empty unless fitted
};

/// The most probable value: a histogram of 80 bins over the median +- 4 half widths (2 IQR68 to
/// either side); a Gaussian fitted to it in mean +- 1.5 standard deviations and then up to five
/// times in the fitted mean +- 1.5 fitted sigmas. If a fit fails, the half-sample mode; below
/// `min_effective_entries`, nothing.
///
/// Error     d(mode)/d(content) of the last fit, folded with the contents' sums of squared weights,
///           and carried through the ranges' dependence on the earlier fits. It describes the
///           scatter of this estimator also where the distribution is no Gaussian; the usual factor
///           sqrt(chi2/ndf) does not (3.6 times too large for 10^5 entries of a split Gaussian with
///           widths .15 and .08), so it is an option. Of a half-sample mode: from the scatter
///           between random quarters of the sample, times 4^(-1/3).
/// Accuracy  error within 20 % of the scatter between repeated samples of 200 or more entries of
///           Gaussian, skewed and contaminated distributions (a test). The mode of such a fit is
///           biased where the distribution is not symmetric: by -.036 for a split Gaussian of
///           widths .15 and .08, by -.0015 for .8 N(1, .08) + .2 N(.85, .2), by +.0039 for
///           .7 N(1, .1) + .3 N(1.25, .25), by 0 for a Gaussian (a test)
/// Errors    ConfigError for settings that make no sense
ModeEstimate estimate_mode(SortedSample const& sample, ModeSettings const& settings);

/// The same of responses of which the cells are known. Where no fit succeeds, the half-sample mode
/// is that of BinnedSample::spread().
ModeEstimate estimate_mode(BinnedSample const& sample, ModeSettings const& settings);

}  // namespace jetcal::validate
