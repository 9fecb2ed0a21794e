#include "validate/standard/p_spline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/errors.hpp"

namespace jetcal::validate::standard {
namespace {

constexpr int kDegree = 3;

// The four cubic B-splines that are not 0 at t in [0, 1] of an interval.
Eigen::Vector4d cubic(double t) {
  double const u = 1 - t;
  return Eigen::Vector4d(u * u * u, 4 + 3 * t * t * (t - 2), 4 + 3 * u * u * (u - 2), t * t * t) /
         6;
}

// The interval that x lies in and its place there.
std::pair<int, double> locate(double x, double low, double high, int intervals) {
  double const at = (std::clamp(x, low, high) - low) / (high - low) * intervals;
  int const i = std::clamp(static_cast<int>(at), 0, intervals - 1);
  return {i, at - i};
}

void require_valid(std::vector<Point> const& points, int intervals, double penalty) {
  JETCAL_REQUIRE(!points.empty(), Error, "PSpline: there are no points (must be at least 1)");
  JETCAL_REQUIRE(intervals >= 1, Error,
                 "PSpline: " << intervals << " intervals (must be at least 1)");
  JETCAL_REQUIRE(std::isfinite(penalty) && penalty >= 0, Error,
                 "PSpline: penalty is " << penalty << " (must be finite and not negative)");
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point const& p = points[i];
    JETCAL_REQUIRE(
        std::isfinite(p.x) && std::isfinite(p.y) && std::isfinite(p.error) && p.error > 0, Error,
        "PSpline: point " << i << " is (" << p.x << ", " << p.y << " +- " << p.error
                          << ") (must be finite, the error above 0)");
    JETCAL_REQUIRE(i == 0 || points[i - 1].x < p.x, Error,
                   "PSpline: x of point " << i << " is " << p.x << " after " << points[i - 1].x
                                          << " (must rise)");
  }
}

}  // namespace

PSpline::PSpline(std::vector<Point> const& points, int intervals, double penalty)
    : intervals_(intervals) {
  require_valid(points, intervals, penalty);
  low_ = points.front().x;
  high_ = points.back().x;
  int const n = intervals + kDegree;
  if (points.size() == 1) {
    coefficients_ = Eigen::VectorXd::Constant(n, points.front().y);
    high_ = low_ + 1;  // f is constant wherever it ends
    effective_parameters_ = 1;
    cross_validation_ = std::numeric_limits<double>::infinity();
    return;
  }

  auto const rows = static_cast<Eigen::Index>(points.size());
  Eigen::MatrixXd basis = Eigen::MatrixXd::Zero(rows, n);
  Eigen::VectorXd weight(rows);
  Eigen::VectorXd y(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    Point const& p = points[static_cast<std::size_t>(i)];
    auto const [interval, t] = locate(p.x, low_, high_, intervals);
    basis.row(i).segment<kDegree + 1>(interval) = cubic(t).transpose();
    weight[i] = 1 / (p.error * p.error);
    y[i] = p.y;
  }
  Eigen::MatrixXd differences = Eigen::MatrixXd::Zero(n - 2, n);
  for (int i = 0; i < n - 2; ++i) { differences.row(i).segment<3>(i) << 1, -2, 1; }
  Eigen::MatrixXd const normal = basis.transpose() * weight.asDiagonal() * basis;
  Eigen::MatrixXd const roughness = differences.transpose() * differences;
  double const scale = normal.trace() / roughness.trace();
  Eigen::LDLT<Eigen::MatrixXd> const solver(normal + penalty * scale * roughness);
  coefficients_ = solver.solve(basis.transpose() * weight.cwiseProduct(y));
  JETCAL_REQUIRE(coefficients_.allFinite(), Error,
                 "PSpline: " << rows << " points do not determine " << n
                             << " coefficients (a penalty above 0 is needed)");
  effective_parameters_ = solver.solve(normal).trace();
  Eigen::VectorXd const left = y - basis * coefficients_;
  double const chi2 = left.cwiseAbs2().dot(weight);
  double const freedom = static_cast<double>(rows) - effective_parameters_;
  cross_validation_ = freedom > 1e-9 ? static_cast<double>(rows) * chi2 / (freedom * freedom)
                                     : std::numeric_limits<double>::infinity();
}

double PSpline::operator()(double x) const {
  auto const [interval, t] = locate(x, low_, high_, intervals_);
  return cubic(t).dot(coefficients_.segment<kDegree + 1>(interval));
}

double cross_validated_penalty(std::vector<Point> const& points, int intervals) {
  constexpr int kSteps = 40;
  double const allowed = 0.75 * static_cast<double>(points.size());
  double best = 1e6;
  double least = std::numeric_limits<double>::infinity();
  for (int i = kSteps; i >= 0; --i) {
    double const penalty = std::pow(10.0, -4 + 0.25 * i);
    PSpline const spline(points, intervals, penalty);
    if (i < kSteps && spline.effective_parameters() > allowed) { break; }
    if (spline.cross_validation() < least) {
      least = spline.cross_validation();
      best = penalty;
    }
  }
  return best;
}

}  // namespace jetcal::validate::standard
