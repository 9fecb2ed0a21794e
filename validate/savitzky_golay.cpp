#include "validate/savitzky_golay.hpp"

#include <Eigen/Dense>
#include <algorithm>

#include "engine/errors.hpp"

namespace jetcal::validate {

SavitzkyGolay::SavitzkyGolay(int window, int order) : window_(window) {
  JETCAL_REQUIRE(window >= 1 && window % 2 == 1, ConfigError,
                 "SavitzkyGolay: window is " << window << " (must be odd and positive)");
  JETCAL_REQUIRE(order >= 0 && order < window, ConfigError,
                 "SavitzkyGolay: order is " << order << " (must be 0 .. " << window - 1 << ")");
  // Monomials of t in [-1, 1]; the smoothed values are the projection of the values onto them.
  Eigen::MatrixXd monomials(window, order + 1);
  int const centre = window / 2;
  double const half = std::max(1, centre);
  for (int i = 0; i < window; ++i) {
    double power = 1;
    for (int k = 0; k <= order; ++k) {
      monomials(i, k) = power;
      power *= (i - centre) / half;
    }
  }
  Eigen::MatrixXd const basis =
      monomials.householderQr().householderQ() * Eigen::MatrixXd::Identity(window, order + 1);
  Eigen::MatrixXd const projection = basis * basis.transpose();
  projection_.resize(static_cast<std::size_t>(window) * static_cast<std::size_t>(window));
  for (int to = 0; to < window; ++to) {
    for (int from = 0; from < window; ++from) {
      projection_[static_cast<std::size_t>(to * window + from)] = projection(to, from);
    }
  }
}

SavitzkyGolay::Place SavitzkyGolay::place(int i, int n) const {
  int const first = std::clamp(i - window_ / 2, 0, n - window_);
  return {first, i - first};
}

std::vector<double> SavitzkyGolay::operator()(std::vector<double> const& values) const {
  int const n = static_cast<int>(values.size());
  if (n < window_) { return values; }
  std::vector<double> smoothed(values.size(), 0);
  for (int i = 0; i < n; ++i) {
    auto const [first, to] = place(i, n);
    for (int k = 0; k < window_; ++k) {
      smoothed[static_cast<std::size_t>(i)] +=
          coefficient(to, k) * values[static_cast<std::size_t>(first + k)];
    }
  }
  return smoothed;
}

std::vector<double> SavitzkyGolay::transposed(std::vector<double> const& values) const {
  int const n = static_cast<int>(values.size());
  if (n < window_) { return values; }
  std::vector<double> out(values.size(), 0);
  for (int i = 0; i < n; ++i) {
    auto const [first, to] = place(i, n);
    for (int k = 0; k < window_; ++k) {
      out[static_cast<std::size_t>(first + k)] +=
          coefficient(to, k) * values[static_cast<std::size_t>(i)];
    }
  }
  return out;
}

}  // namespace jetcal::validate
