#pragma once

#include <cstdint>

namespace jetcal {

/// Gradient descent, with momentum if that is not 0; weight decay as a term of the gradient.
///
///   g += wd p;  velocity = momentum velocity + g;  p -= lr velocity
///
/// Source    torch.optim.SGD (dampening 0, no Nesterov term)
struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;
};

/// One update's constants. Plain data, the same for every parameter and every t.
struct SgdStep {
  float learning_rate = 0;
  float momentum = 0;
  float l2 = 0;
};

/// Errors: ConfigError for a negative or non-finite learning rate or weight decay, a momentum
/// outside [0, 1).
SgdStep sgd_step(SgdOptions const& options, double learning_rate);

namespace cpu {

/// One update of n parameters.
///
/// Shapes    p, velocity, g: n contiguous floats each; velocity begins as 0 and may be null if the
///           momentum is 0; n == 0 is allowed
/// Writes    p and velocity; g is read only. Elementwise: any division into ranges gives the same
///           bits
/// Errors    ConfigError for a momentum without velocity
/// Accuracy  each update to 4 * 2^-24 of its terms plus half an ulp of p (test)
void sgd_update(float* p, float* velocity, float const* g, std::int64_t n, SgdStep const& step);

}  // namespace cpu
}  // namespace jetcal
