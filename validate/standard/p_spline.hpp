#pragma once

#include <Eigen/Dense>
#include <vector>

namespace jetcal::validate::standard {

/// A measured point of a curve.
struct Point {
  double x = 0;
  double y = 0;
  double error = 0;  ///< one standard deviation of y, above 0
};

/// A smooth curve f through points: cubic B-splines on equal intervals that minimise
/// sum ((y - f(x)) / error)^2 + penalty * scale * sum (second differences of the coefficients)^2
/// with scale = trace(B' W B) / trace(D' D), so that `penalty` is a pure number. One point gives a
/// constant, two a straight line. Between the outermost points only; beyond them f is constant.
///
/// Source    Eilers and Marx, Stat. Sci. 11 (1996) 89
class PSpline {
 public:
  /// Errors: Error without points, for x that do not rise, an error not above 0, a value that is
  /// not finite, no interval or a negative penalty.
  PSpline(std::vector<Point> const& points, int intervals, double penalty);

  double low() const { return low_; }
  double high() const { return high_; }
  double operator()(double x) const;

  /// Trace of the matrix that maps the y to f(x): the number of parameters in effect.
  double effective_parameters() const { return effective_parameters_; }
  /// Generalised cross validation: n chi2 / (n - effective parameters)^2; infinite if that is 0.
  double cross_validation() const { return cross_validation_; }

 private:
  double low_, high_;
  int intervals_;
  Eigen::VectorXd coefficients_;
  double effective_parameters_ = 0;
  double cross_validation_ = 0;
};

/// The penalty of 10^-4, 10^-3.75, ... 10^6 with the least cross validation (the largest of equal
/// ones) among those with at most three quarters as many effective parameters as points.
///
/// Source    Craven and Wahba, Numer. Math. 31 (1979) 377
double cross_validated_penalty(std::vector<Point> const& points, int intervals);

}  // namespace jetcal::validate::standard
