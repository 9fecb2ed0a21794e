#include "kernels/radam.hpp"

#include <cmath>
#include <string>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/radam.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/radam.math.hpp"
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void update(float* p, float* m, float* v, float const* g, std::int64_t n, RadamStep const& step) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    std::int64_t const left = n - i;
    Vec pi = load_first(p + i, left);
    Vec mi = load_first(m + i, left);
    Vec vi = load_first(v + i, left);
    radam(step, load_first(g + i, left), pi, mi, vi);
    store_first(pi, p + i, left);
    store_first(mi, m + i, left);
    store_first(vi, v + i, left);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal {
namespace {

/// rho_t and r_t of update t.
struct Rectification {
  double rho = 0;
  double r = 0;  ///< 0 where rho <= 4
};

// Of the decay rate as it was asked for: (rho_t - 4) would magnify its rounding to float.
Rectification rectification(double beta2, std::int64_t t) {
  double const limit = 2 / (1 - beta2) - 1;
  double const decayed = power(beta2, t);
  Rectification found;
  found.rho = limit - 2 * static_cast<double>(t) * decayed / (1 - decayed);
  if (found.rho > 4) {
    double const above = (found.rho - 4) * (found.rho - 2) * limit;
    found.r = std::sqrt(above / ((limit - 4) * (limit - 2) * found.rho));
  }
  return found;
}

bool rectified(RadamPreset preset, double rho) {
  switch (preset) {
    case RadamPreset::tfa:
    case RadamPreset::author:
      return rho >= 5;
    case RadamPreset::torch:
      return rho > 5;
    case RadamPreset::paper:
      return rho > 4;
  }
  return false;
}

}  // namespace

RadamOptions radam_options(RadamPreset preset) {
  RadamOptions options;
  options.preset = preset;
  if (preset == RadamPreset::torch || preset == RadamPreset::author) { options.epsilon = 1e-8; }
  if (preset == RadamPreset::paper) { options.epsilon = 0; }
  return options;
}

RadamOptions radam_options(std::string_view preset) {
  if (preset == "tfa") { return radam_options(RadamPreset::tfa); }
  if (preset == "torch") { return radam_options(RadamPreset::torch); }
  if (preset == "author") { return radam_options(RadamPreset::author); }
  if (preset == "paper") { return radam_options(RadamPreset::paper); }
  throw ConfigError("radam: preset '" + std::string(preset) +
                    "' is unknown (tfa, torch, author, paper)");
}

RadamStep radam_step(RadamOptions const& options, std::int64_t t, double learning_rate) {
  RadamPreset const preset = options.preset;
  double const weight_decay = options.weight_decay;
  Moments const moments =
      moments_at("radam", options.betas, options.epsilon, weight_decay, t, learning_rate);
  JETCAL_REQUIRE(
      preset != RadamPreset::paper || weight_decay == 0, ConfigError,
      "radam: weight_decay is " << weight_decay << " but preset 'paper' has none (must be 0)");
  Rectification const now = rectification(options.betas.second, t);
  RadamStep s;
  s.moments = moments.step;
  s.rectified = rectified(preset, now.rho);
  bool const updates = s.rectified || preset != RadamPreset::author;
  double step = updates ? learning_rate / moments.correction1 : 0;
  double root_scale = 1;
  if (s.rectified) {
    step *= now.r;
    if (preset == RadamPreset::tfa) {
      root_scale = 1 / std::sqrt(moments.correction2);
    } else {
      step *= std::sqrt(moments.correction2);
    }
  }
  s.step = static_cast<float>(step);
  s.root_scale = static_cast<float>(root_scale);
  s.epsilon = static_cast<float>(options.epsilon);
  bool const decoupled = preset == RadamPreset::tfa || (preset == RadamPreset::author && updates);
  if (decoupled) { s.decay = static_cast<float>(learning_rate * weight_decay); }
  if (preset == RadamPreset::torch) { s.l2 = static_cast<float>(weight_decay); }
  return s;
}

void cpu::radam_update(float* p, float* m, float* v, float const* g, std::int64_t n,
                       RadamStep const& step) {
  JETCAL_DISPATCH(update, p, m, v, g, n, step);
}

}  // namespace jetcal
#endif
