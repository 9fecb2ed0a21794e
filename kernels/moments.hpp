#pragma once

#include <cmath>
#include <cstdint>

#include "engine/errors.hpp"
#include "kernels/power.hpp"

namespace jetcal {

/// Decay rates of the running means of gradients (m) and squared gradients (v).
struct Betas {
  double first = 0.9;
  double second = 0.999;
};

/// The decay rates as the kernels use them: rounded to float once. The bias corrections are those
/// of the rounded values, which the means really have; beta + (1 - beta) is 1, exactly from 1/2 on.
struct MomentStep {
  float beta1 = 0, one_minus_beta1 = 0;
  float beta2 = 0, one_minus_beta2 = 0;
};

/// The decay rates of an update and, in double, their bias corrections.
struct Moments {
  MomentStep step;
  double correction1 = 0;  ///< 1 - beta1^t
  double correction2 = 0;  ///< 1 - beta2^t
};

/// Checks what all optimizers share and works the decay rates out for update t = 1, 2, ...
/// Errors: ConfigError for a t below 1, a learning rate, epsilon or weight decay that is negative
/// or not finite, a beta outside [0, 1).
inline Moments moments_at(char const* where, Betas betas, double epsilon, double weight_decay,
                          std::int64_t t, double learning_rate) {
  auto const number = [where](char const* what, double value) {
    JETCAL_REQUIRE(
        std::isfinite(value) && value >= 0, ConfigError,
        where << ": " << what << " is " << value << " (must be finite and not negative)");
  };
  auto const beta = [where](char const* what, double value) {
    auto const rounded = static_cast<float>(value);
    JETCAL_REQUIRE(rounded >= 0 && rounded < 1, ConfigError,
                   where << ": " << what << " is " << value << " (must be in [0, 1))");
    return rounded;
  };
  JETCAL_REQUIRE(t >= 1, ConfigError, where << ": update " << t << " (they count from 1)");
  number("learning_rate", learning_rate);
  number("epsilon", epsilon);
  number("weight_decay", weight_decay);
  Moments moments;
  MomentStep& step = moments.step;
  step.beta1 = beta("beta1", betas.first);
  step.beta2 = beta("beta2", betas.second);
  step.one_minus_beta1 = 1.0f - step.beta1;
  step.one_minus_beta2 = 1.0f - step.beta2;
  moments.correction1 = 1 - power(static_cast<double>(step.beta1), t);
  moments.correction2 = 1 - power(static_cast<double>(step.beta2), t);
  return moments;
}

}  // namespace jetcal
