#include "validate/gaussian_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "validate/normal.hpp"

namespace jetcal::validate {
namespace {

// ln(amplitude), mean / length of the range, ln(sigma / length).
using Parameters = Eigen::Vector3d;

struct Range {
  Histogram const& histogram;
  std::vector<double> const& content;
  double low;
  double high;
  int first = 0;  // bins that overlap the range: first .. last-1
  int last = 0;

  Range(Histogram const& h, std::vector<double> const& c, double from, double to)
      : histogram(h), content(c), low(std::max(from, h.low)), high(std::min(to, h.high)) {
    first = std::clamp(static_cast<int>((low - h.low) / h.width()), 0, h.bins());
    last = std::clamp(static_cast<int>(std::ceil((high - h.low) / h.width())), first, h.bins());
  }

  double length() const { return high - low; }
  double observed(int i) const { return std::max(0.0, content[static_cast<std::size_t>(i)]); }
  // The part of a bin that lies in the range.
  double share(int i) const {
    double const inside = std::min(high, histogram.edge(i + 1)) - std::max(low, histogram.edge(i));
    return std::clamp(inside / histogram.width(), 0.0, 1.0);
  }
};

// The expected content of a bin and its derivatives.
struct Expected {
  double value;
  Parameters slope;
};

Expected expected(Range const& range, Parameters const& p, int i) {
  double const amplitude = std::exp(p[0]);
  double const sigma = std::exp(p[2]);
  double const a = ((range.histogram.edge(i) - range.low) / range.length() - p[1]) / sigma;
  double const b = ((range.histogram.edge(i + 1) - range.low) / range.length() - p[1]) / sigma;
  double const density_a = normal_density(a);
  double const density_b = normal_density(b);
  // The tail that is small, to lose no digits.
  double const area = a > 0 ? normal_cdf(-a) - normal_cdf(-b) : normal_cdf(b) - normal_cdf(a);
  double const value = amplitude * area;
  return {value,
          {value, -amplitude * (density_b - density_a) / sigma,
           -amplitude * (b * density_b - a * density_a)}};
}

// Half of Poisson's deviance, up to a constant.
double cost(Range const& range, Parameters const& p) {
  double sum = 0;
  for (int i = range.first; i < range.last; ++i) {
    double const f = expected(range, p, i).value;
    double const n = range.observed(i);
    sum += range.share(i) * (f - (n > 0 ? n * std::log(f) : 0.0));
  }
  return sum;
}

struct System {
  Eigen::Matrix3d curvature = Eigen::Matrix3d::Zero();
  Parameters gradient = Parameters::Zero();
};

System linearise(Range const& range, Parameters const& p) {
  System s;
  for (int i = range.first; i < range.last; ++i) {
    auto const [f, slope] = expected(range, p, i);
    if (f <= 0) { continue; }
    s.curvature += range.share(i) / f * slope * slope.transpose();
    s.gradient += range.share(i) * (range.observed(i) - f) / f * slope;
  }
  return s;
}

// Fisher scoring with step halving. The starting point is improved in place.
bool minimise(Range const& range, Parameters& p) {
  double current = cost(range, p);
  for (int iteration = 0; iteration < 100; ++iteration) {
    System const s = linearise(range, p);
    Parameters step = s.curvature.ldlt().solve(s.gradient);
    if (!step.allFinite() || !std::isfinite(current)) { return false; }
    // A scale may change by a factor of e at most.
    double const largest = step.cwiseAbs().maxCoeff();
    if (largest > 1) { step /= largest; }
    bool improved = false;
    for (int half = 0; half < 30 && !improved; ++half) {
      Parameters const next = p + step;
      double const value = cost(range, next);
      if (value <= current) {
        p = next;
        current = value;
        improved = true;
      } else {
        step *= 0.5;
      }
    }
    // No better point, or a step below what matters: 1e-9 of the range's length.
    if (!improved || step.cwiseAbs().maxCoeff() < 1e-9) { return largest < 1e-3; }
  }
  return false;
}

}  // namespace

std::optional<GaussianFit> fit_gaussian(Histogram const& histogram,
                                        std::vector<double> const& content, double low, double high,
                                        double mean, double sigma) {
  Range const range(histogram, content, low, high);
  if (!(range.length() > 0) || range.last - range.first < 4) { return std::nullopt; }
  double sum = 0;
  double weights = 0;
  double squares = 0;
  for (int i = range.first; i < range.last; ++i) {
    auto const at = static_cast<std::size_t>(i);
    sum += range.share(i) * range.observed(i);
    weights += range.share(i) * histogram.content[at];
    squares += range.share(i) * histogram.square[at];
  }
  if (!(sum > 0 && weights > 0)) { return std::nullopt; }

  Parameters p{0, (mean - range.low) / range.length(), std::log(sigma / range.length())};
  double area = 0;
  for (int i = range.first; i < range.last; ++i) {
    area += range.share(i) * expected(range, p, i).value;
  }
  if (!(area > 0)) { return std::nullopt; }
  p[0] = std::log(sum / area);
  if (!minimise(range, p)) { return std::nullopt; }
  if (!(p[1] > 0 && p[1] < 1 && p[2] < std::log(3.0))) { return std::nullopt; }
  Eigen::Matrix3d const covariance = linearise(range, p).curvature.inverse();
  if (!covariance.allFinite()) { return std::nullopt; }

  GaussianFit fit;
  fit.amplitude = std::exp(p[0]);
  fit.mean = range.low + p[1] * range.length();
  fit.sigma = std::exp(p[2]) * range.length();
  fit.low = range.low;
  fit.high = range.high;
  fit.bins = range.length() / histogram.width();
  fit.mean_slope.assign(content.size(), 0);
  fit.sigma_slope.assign(content.size(), 0);
  for (int i = range.first; i < range.last; ++i) {
    auto const [f, slope] = expected(range, p, i);
    if (f <= 0) { continue; }
    double const residual = range.observed(i) - f;
    fit.chi2 += range.share(i) * residual * residual / f * weights / squares;
    Parameters const influence = range.share(i) / f * covariance * slope;
    fit.mean_slope[static_cast<std::size_t>(i)] = influence[1] * range.length();
    fit.sigma_slope[static_cast<std::size_t>(i)] = influence[2] * fit.sigma;
  }
  return fit;
}

}  // namespace jetcal::validate
