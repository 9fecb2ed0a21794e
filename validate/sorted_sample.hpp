#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace jetcal::validate {

/// Of some entries.
struct WeightSums {
  double weight = 0;
  double square = 0;  ///< of the squared weights
};

/// Values in ascending order with their weights: what the estimators of this folder read.
/// Entries of weight 0 are left out. All sums are in double.
///
/// Memory    4 bytes an entry, 20 more if there are weights
class SortedSample {
 public:
  /// `weights` is empty (all 1) or as long as `values`.
  /// Errors: DataError for a value that is not finite, a weight that is negative or not finite, or
  /// another number of weights than of values.
  explicit SortedSample(std::vector<float> values, std::vector<float> weights = {});

  std::int64_t size() const { return static_cast<std::int64_t>(values_.size()); }
  bool weighted() const { return !weights_.empty(); }
  double value(std::int64_t i) const { return values_[static_cast<std::size_t>(i)]; }
  double weight(std::int64_t i) const {
    return weighted() ? weights_[static_cast<std::size_t>(i)] : 1.0;
  }

  /// Sum of weights, sum of squared weights, of entries 0 .. i-1.
  double weight_below(std::int64_t i) const {
    return weighted() ? weight_below_[static_cast<std::size_t>(i)] : static_cast<double>(i);
  }
  double square_below(std::int64_t i) const {
    return weighted() ? square_below_[static_cast<std::size_t>(i)] : static_cast<double>(i);
  }
  double total_weight() const { return weight_below(size()); }

  /// sum(w)^2 / sum(w^2): the number of equally weighted entries with the same relative error.
  /// 0 for an empty sample.
  double effective_entries() const;

  /// The smallest i with value(i) >= x: the number of entries below x.
  std::int64_t count_below(double x) const;

  WeightSums below(double x) const {
    std::int64_t const entries = count_below(x);
    return {weight_below(entries), square_below(entries)};
  }

  /// Weighted quantile, linear between the entries, where entry i stands at
  /// (sum of the weights before it + half its own) / sum of weights: for equal weights the
  /// definition 5 of Hyndman and Fan, Am. Stat. 50 (1996) 361. Constant beyond the outermost
  /// entries.
  /// Errors: Error for an empty sample or p outside [0, 1].
  double quantile(double p) const;

  /// Probability density at the quantile p, from the spacing of two quantiles around it at the
  /// distance of Hall and Sheather, J. R. Stat. Soc. B 50 (1988) 381, for one standard deviation
  /// of a Gaussian. Infinite if they are equal.
  double density_at_quantile(double p) const;

  /// Covariance of the quantiles p and q from sum w^2 (1{x <= x_p} - p)(1{x <= x_q} - q) /
  /// (f_p f_q (sum w)^2); for p = q and weights that do not depend on the value this is the
  /// familiar p (1 - p) / (n_eff f^2).
  double quantile_covariance(double p, double q) const;

 private:
  std::vector<float> values_;
  std::vector<float> weights_;
  std::vector<double> weight_below_;
  std::vector<double> square_below_;
};

/// The finite ones of some values. `weights` are empty (all 1) or as many as the values.
SortedSample finite_sample(std::span<float const> values, std::span<float const> weights = {});

/// q84 - q16, the width that holds 68 %, and the variance of its estimate.
inline constexpr double kLowQuantile = 0.16;
inline constexpr double kHighQuantile = 0.84;
double iqr68(SortedSample const& sample);
double iqr68_variance(SortedSample const& sample);

/// Half-sample mode: again and again the shortest interval that holds at least half of the weight,
/// down to three entries (of which the closer two are averaged). Needs no bins and no model, but
/// fluctuates like n^(-1/3).
///
/// Source    Robertson and Cryer, J. Am. Stat. Assoc. 69 (1974) 1012; Bickel and Fruehwirth,
///           Comput. Stat. Data Anal. 50 (2006) 3500
/// Errors    Error for an empty sample
double half_sample_mode(SortedSample const& sample);

}  // namespace jetcal::validate
