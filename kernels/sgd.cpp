#include "kernels/sgd.hpp"

#include <cmath>

#include "engine/errors.hpp"
#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sgd.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/row-inl.hpp"
#include "kernels/sgd.math.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void update(float* p, float* velocity, float const* g, std::int64_t n, SgdStep const& step) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    std::int64_t const left = n - i;
    Vec pi = load_first(p + i, left);
    Vec vi = velocity == nullptr ? Vec(0.0f) : load_first(velocity + i, left);
    sgd(step, load_first(g + i, left), pi, vi);
    store_first(pi, p + i, left);
    if (velocity != nullptr) { store_first(vi, velocity + i, left); }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal {

SgdStep sgd_step(SgdOptions const& options, double learning_rate) {
  JETCAL_REQUIRE(std::isfinite(learning_rate) && learning_rate >= 0, ConfigError,
                 "sgd: learning_rate is " << learning_rate << " (must be finite and not negative)");
  JETCAL_REQUIRE(
      std::isfinite(options.weight_decay) && options.weight_decay >= 0, ConfigError,
      "sgd: weight_decay is " << options.weight_decay << " (must be finite and not negative)");
  JETCAL_REQUIRE(options.momentum >= 0 && options.momentum < 1, ConfigError,
                 "sgd: momentum is " << options.momentum << " (must be in [0, 1))");
  return {static_cast<float>(learning_rate), static_cast<float>(options.momentum),
          static_cast<float>(options.weight_decay)};
}

void cpu::sgd_update(float* p, float* velocity, float const* g, std::int64_t n,
                     SgdStep const& step) {
  JETCAL_REQUIRE(velocity != nullptr || step.momentum == 0, ConfigError,
                 "sgd: momentum is " << step.momentum << " but there is no velocity (must be 0)");
  JETCAL_DISPATCH(update, p, velocity, g, n, step);
}

}  // namespace jetcal
#endif
