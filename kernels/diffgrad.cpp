#include "kernels/diffgrad.hpp"

#include <cmath>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/diffgrad.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/diffgrad.math.hpp"
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void update(float* p, float* m, float* v, float* before, float const* g, std::int64_t n,
            DiffgradStep const& step) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    std::int64_t const left = n - i;
    Vec pi = load_first(p + i, left);
    Vec mi = load_first(m + i, left);
    Vec vi = load_first(v + i, left);
    Vec bi = load_first(before + i, left);
    diffgrad(step, load_first(g + i, left), pi, mi, vi, bi);
    store_first(pi, p + i, left);
    store_first(mi, m + i, left);
    store_first(vi, v + i, left);
    store_first(bi, before + i, left);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal {

DiffgradOptions diffgrad_options(std::string_view preset) {
  JETCAL_REQUIRE(preset == "reference" || preset == "keras", ConfigError,
                 "diffgrad: preset '" << preset << "' is unknown (reference, keras)");
  DiffgradOptions options;
  options.epsilon = preset == "keras" ? 1e-7 : 1e-8;
  return options;
}

DiffgradStep diffgrad_step(DiffgradOptions const& options, std::int64_t t, double learning_rate) {
  Moments const moments = moments_at("diffgrad", options.betas, options.epsilon,
                                     options.weight_decay, t, learning_rate);
  DiffgradStep s;
  s.moments = moments.step;
  s.step = static_cast<float>(learning_rate * std::sqrt(moments.correction2) / moments.correction1);
  s.epsilon = static_cast<float>(options.epsilon);
  s.l2 = static_cast<float>(options.weight_decay);
  return s;
}

void cpu::diffgrad_update(float* p, float* m, float* v, float* g_before, float const* g,
                          std::int64_t n, DiffgradStep const& step) {
  JETCAL_DISPATCH(update, p, m, v, g_before, g, n, step);
}

}  // namespace jetcal
#endif
