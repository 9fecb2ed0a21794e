#pragma once

#include <vector>

namespace jetcal::validate {

/// Savitzky-Golay filter: each value is replaced by that of the least-squares polynomial of degree
/// `order` through the `window` values around it. Nearer than half a window to an end the
/// polynomial through the outermost `window` values is evaluated, so that a polynomial of that
/// degree passes unchanged everywhere.
///
/// Source    A. Savitzky and M. Golay, Anal. Chem. 36 (1964) 1627
/// Accuracy  1e-12 of the largest value (coefficients from a QR decomposition in double)
class SavitzkyGolay {
 public:
  /// Errors: ConfigError unless window is odd and 0 <= order < window.
  SavitzkyGolay(int window, int order);

  /// Coefficient of the value at `from` in the smoothed value at `to`, both counted in the window.
  double coefficient(int to, int from) const {
    return projection_[static_cast<std::size_t>(to * window_ + from)];
  }

  /// The smoothed values. Fewer values than a window are returned unchanged.
  std::vector<double> operator()(std::vector<double> const& values) const;

  /// The transposed filter: if s = S v and t = dy/ds, this is dy/dv.
  std::vector<double> transposed(std::vector<double> const& values) const;

 private:
  // First value of the window, and the place in it, that serve element i of n.
  struct Place {
    int first;
    int to;
  };
  Place place(int i, int n) const;

  int window_;
  std::vector<double> projection_;
};

}  // namespace jetcal::validate
