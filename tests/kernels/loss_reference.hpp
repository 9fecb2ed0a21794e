#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/loss.hpp"
#include "tests/check_close.hpp"
#include "tests/guarded_matrix.hpp"

namespace jetcal::test {

inline double normal_density(double z) {
  return std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0));
}

/// Variance of a unit Gaussian cut at n.
inline double cut_variance(double n) {
  return 1 - 2 * n * normal_density(n) / std::erf(n / std::sqrt(2.0));
}

/// A jet's loss in double: the equations of kernels/loss.hpp with nothing clever.
struct LossReference {
  LossConfig config;
  std::int64_t outputs;

  struct Jet {
    double value = 0;
    bool kept = true;
    std::array<double, 3> slope{};
    double value_terms = 0;               ///< sum of the magnitudes that make the value
    std::array<double, 3> slope_terms{};  ///< the same of each slope
    double from_edge = HUGE_VAL;          ///< ||z| - N| / N
  };

  Jet operator()(std::array<double, 3> y, double x) const {
    switch (config.kind) {
      case LossKind::mdna: {
        Jet jet = two_sided(y[0], floored(y[1]), floored(y[2]), x);
        for (std::size_t k : {1u, 2u}) { jet.slope[k] = floored_slope(jet.slope[k], y[k]); }
        return jet;
      }
      case LossKind::mdn: {
        double const share = outputs == 3 ? 0.5 : 1;
        double const sigma = outputs == 3 ? (y[1] + y[2]) / 2 : y[1];
        Jet jet = two_sided(y[0], floored(sigma), floored(sigma), x);
        jet.slope[1] = share * floored_slope(jet.slope[1] + jet.slope[2], sigma);
        jet.slope_terms[1] = share * (jet.slope_terms[1] + jet.slope_terms[2]);
        jet.slope[2] = jet.slope[1];
        jet.slope_terms[2] = jet.slope_terms[1];
        return jet;
      }
      default:
        return of_mu(y[0] - x);
    }
  }

 private:
  double floored(double sigma) const {
    return std::max(sigma, static_cast<double>(static_cast<float>(config.sigma_floor)));
  }

  double floored_slope(double slope, double sigma) const {
    bool const below = sigma < static_cast<double>(static_cast<float>(config.sigma_floor));
    return below && slope > 0 ? 0 : slope;
  }

  Jet two_sided(double mu, double low, double high, double x) const {
    double const n = config.truncation;
    bool const detached = n > 0 && config.form == TruncationForm::detached;
    double const weight = detached ? cut_variance(n) : 1;
    double const mass = n > 0 ? std::log(std::erf(n / std::sqrt(2.0))) : 0;
    double const side = x < mu ? low : high;
    double const z = (x - mu) / side;
    Jet jet;
    if (n > 0) {
      jet.kept = std::abs(z) < n;
      jet.from_edge = std::abs(std::abs(z) - n) / n;
    }
    if (!jet.kept) { return jet; }
    double const log_width = std::log((low + high) / 2);
    jet.value = weight * log_width + z * z / 2 + mass;
    jet.value_terms = weight * (std::abs(log_width) + 1) + z * z / 2 + std::abs(mass);
    double const spread = weight / (low + high);
    double const pull = z * z / side;
    jet.slope = {-z / side, spread - (x < mu ? pull : 0), spread - (x < mu ? 0 : pull)};
    jet.slope_terms = {std::abs(z / side), spread + (x < mu ? pull : 0),
                       spread + (x < mu ? 0 : pull)};
    return jet;
  }

  Jet of_mu(double d) const {
    double const size = std::abs(d);
    double const sign = d > 0 ? 1 : (d < 0 ? -1 : 0);
    Jet jet;
    if (config.kind == LossKind::mse) {
      jet.value = d * d;
      jet.slope[0] = 2 * d;
    } else if (config.kind == LossKind::mae) {
      jet.value = size;
      jet.slope[0] = sign;
    } else if (config.kind == LossKind::huber) {
      double const delta = config.delta;
      jet.value = size <= delta ? d * d / 2 : delta * (size - delta / 2);
      jet.slope[0] = size <= delta ? d : delta * sign;
    } else {
      double const alpha = config.alpha;
      double const leak = config.kind == LossKind::leaky_gaussian_kernel ? config.beta : 0;
      double norm = 1 / std::sqrt(2 * std::acos(-1.0));
      if (config.norm == KernelNorm::unit) { norm = 1; }
      if (config.norm == KernelNorm::density) { norm /= alpha; }
      double const argument = d * d / (2 * alpha * alpha);
      double const bump = norm * std::exp(-argument);
      jet.value = -bump + leak * size;
      jet.slope[0] = d / (alpha * alpha) * bump + leak * sign;
      jet.value_terms = bump * (1 + argument) + leak * size;
      jet.slope_terms[0] = size / (alpha * alpha) * bump * (1 + argument) + leak;
      return jet;
    }
    jet.value_terms = std::abs(jet.value) + (config.kind == LossKind::huber ? size : 0);
    jet.slope_terms[0] = std::abs(jet.slope[0]);
    return jet;
  }
};

/// What head_loss wrote.
struct LossRun {
  std::vector<float> y, da, loss, kept;
};

/// A call of head_loss with padded matrices, targets two floats apart and guards behind everything.
struct LossCall {
  std::vector<float> a, targets, weights;  ///< no weights: null
  LossParams params;
  float gradient_scale = 1;
  std::int64_t padding = 1;

  std::int64_t rows() const { return static_cast<std::int64_t>(targets.size()); }

  LossRun run() const {
    constexpr float kUnread = std::numeric_limits<float>::quiet_NaN();
    std::int64_t const n = rows();
    GuardedMatrix const in(n, params.outputs, padding, a);
    GuardedMatrix y(n, params.outputs, padding + 2, kUnread);
    GuardedMatrix da(n, params.outputs, padding + 3, kUnread);
    std::vector<float> apart;
    for (float const t : targets) {
      apart.push_back(t);
      apart.push_back(kUnread);
    }
    std::vector<float> loss(targets.size() + 32, kGuard), kept = loss;
    cpu::head_loss(in.view(), apart.data(), 2, weights.empty() ? nullptr : weights.data(), params,
                   gradient_scale, y.view(), da.view(), loss.data(), kept.data());
    well_kept = y.well_kept() && da.well_kept() && guard_untouched(loss, targets.size()) &&
                guard_untouched(kept, targets.size());
    loss.resize(targets.size());
    kept.resize(targets.size());
    return {y.values(), da.values(), loss, kept};
  }

  mutable bool well_kept = false;  ///< of the last run: padding zero, guards untouched
};

}  // namespace jetcal::test
