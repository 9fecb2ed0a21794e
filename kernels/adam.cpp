#include "kernels/adam.hpp"

#include <cmath>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adam.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/adam.math.hpp"
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void update(float* p, float* m, float* v, float const* g, std::int64_t n, AdamStep const& step) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    std::int64_t const left = n - i;
    Vec pi = load_first(p + i, left);
    Vec mi = load_first(m + i, left);
    Vec vi = load_first(v + i, left);
    adam(step, load_first(g + i, left), pi, mi, vi);
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

AdamStep adam_step(AdamOptions const& options, std::int64_t t, double learning_rate) {
  Moments const moments =
      moments_at("adam", options.betas, options.epsilon, options.weight_decay, t, learning_rate);
  AdamStep s;
  s.moments = moments.step;
  s.step = static_cast<float>(learning_rate / moments.correction1);
  s.root_scale = static_cast<float>(1 / std::sqrt(moments.correction2));
  s.epsilon = static_cast<float>(options.epsilon);
  s.l2 = static_cast<float>(options.weight_decay);
  return s;
}

void cpu::adam_update(float* p, float* m, float* v, float const* g, std::int64_t n,
                      AdamStep const& step) {
  JETCAL_DISPATCH(update, p, m, v, g, n, step);
}

}  // namespace jetcal
#endif
