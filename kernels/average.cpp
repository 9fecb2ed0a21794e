#include "kernels/average.hpp"

#include "engine/errors.hpp"
#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/average.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/average.math.hpp"
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void update(float* average, float const* p, std::int64_t n, float one_minus_decay) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    std::int64_t const left = n - i;
    Vec const next =
        averaged(load_first(average + i, left), load_first(p + i, left), one_minus_decay);
    store_first(next, average + i, left);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal {

float average_rate(float decay) {
  JETCAL_REQUIRE(decay >= 0 && decay <= 1, ConfigError,
                 "average: decay is " << decay << " (must be in [0, 1])");
  return 1.0f - decay;
}

void cpu::average_update(float* average, float const* p, std::int64_t n, float decay) {
  JETCAL_DISPATCH(update, average, p, n, average_rate(decay));
}

}  // namespace jetcal
#endif
