#pragma once

#include <cstdint>

#include "kernels/moments.hpp"

namespace jetcal {

/// Adam with bias corrections; weight decay as a term of the gradient, as torch.optim.Adam has it.
///
///   g += wd p;  m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
///   p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
///
/// Source    D. P. Kingma, J. Ba, arXiv:1412.6980, Algorithm 1; torch.optim.Adam
struct AdamOptions {
  Betas betas;
  double epsilon = 1e-8;
  double weight_decay = 0;
};

/// One update's constants. Plain data, the same for every parameter.
struct AdamStep {
  MomentStep moments;
  float step = 0;        ///< lr / (1 - beta1^t)
  float root_scale = 0;  ///< 1 / sqrt(1 - beta2^t)
  float epsilon = 0;
  float l2 = 0;
};

/// The constants of update t = 1, 2, ... Errors: ConfigError as radam_step.
AdamStep adam_step(AdamOptions const& options, std::int64_t t, double learning_rate);

namespace cpu {

/// One Adam update of n parameters.
///
/// Shapes    p, m, v, g: n contiguous floats each; m and v begin as 0; n == 0 is allowed
/// Writes    p, m, v; g is read only. Elementwise: any division into ranges gives the same bits
/// Values    as radam_update
/// Accuracy  each update to 8 * 2^-24 of its size plus half an ulp of p (test)
void adam_update(float* p, float* m, float* v, float const* g, std::int64_t n,
                 AdamStep const& step);

}  // namespace cpu
}  // namespace jetcal
