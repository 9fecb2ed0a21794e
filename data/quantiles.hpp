#pragma once

#include <cstdint>
#include <vector>

namespace jetcal::data {

/// Two quantiles of each of several columns of float32 values, exactly, from two passes over the
/// data and a fixed amount of memory: a histogram of the upper 16 bits of the values (in their
/// order), then one of the lower 16 bits of those that fall into the two bins found.
///
/// The quantile q is the smallest value v such that the values <= v have at least the share q of
/// the total weight. The result depends on nothing but the values (with weights: and, by rounding
/// of their sums, on the order of the rows, which the caller keeps fixed).
class QuantileFinder {
 public:
  /// The quantiles lower_permille / 1000 and upper_permille / 1000.
  QuantileFinder(std::size_t columns, int lower_permille, int upper_permille);

  /// First pass: `n` values of a column. Values of weight 0 do not count, whatever they are; the
  /// others must be finite and the weights not negative.
  void add_first(std::size_t column, float const* values, float const* weights, std::int64_t n);

  /// Between the passes. Errors: DataError if the weights sum to 0 or to infinity
  void finish_first();

  /// Second pass: the same values and weights in the same order.
  void add_second(std::size_t column, float const* values, float const* weights, std::int64_t n);

  float lower(std::size_t column) const { return quantile(column, 0); }
  float upper(std::size_t column) const { return quantile(column, 1); }

  /// Memory at its largest.
  static std::int64_t bytes(std::size_t columns);

 private:
  struct Target {
    std::uint32_t upper_half = 0;  ///< of the keys among which the quantile lies
    double weight_before = 0;      ///< of all smaller upper halves
    std::vector<double> histogram;
  };
  struct Column {
    std::vector<double> histogram;
    double total = 0;
    Target targets[2];
  };

  float quantile(std::size_t column, std::size_t which) const;
  bool reaches(double weight, double total, std::size_t which) const {
    return weight * 1000 >= total * permille_[which];
  }

  int permille_[2];
  std::vector<Column> columns_;
};

}  // namespace jetcal::data
