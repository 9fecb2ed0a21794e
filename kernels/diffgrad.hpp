#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/moments.hpp"

namespace jetcal {

/// diffGrad: Adam times a friction that is 1/2 where the gradient stands still.
///
///   g += wd p;  m, v as in Adam;  xi = 1 / (1 + exp(-|g_before - g|))
///   p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) xi m / (sqrt(v) + eps)
///
/// g_before is 0 at t = 1. The friction is not free of scale: gradients must be those of the mean
/// over the batch, fully reduced. Version 0 of the published variants, the one with |.|.
///
/// Source    S. R. Dubey et al., arXiv:1909.11015; shivram1987/diffGrad diffGrad_v2.py (preset
///           reference, epsilon 1e-8; its diffGrad.py compares the gradient with itself);
///           evanatyourservice/diffGrad-tf (preset keras, epsilon 1e-7)
struct DiffgradOptions {
  Betas betas;
  double epsilon = 1e-8;
  double weight_decay = 0;
};

/// The defaults of "reference" or "keras". Errors: ConfigError for another word.
DiffgradOptions diffgrad_options(std::string_view preset);

/// One update's constants. Plain data, the same for every parameter.
struct DiffgradStep {
  MomentStep moments;
  float step = 0;  ///< lr sqrt(1 - beta2^t) / (1 - beta1^t)
  float epsilon = 0;
  float l2 = 0;
};

/// The constants of update t = 1, 2, ... Errors: ConfigError as radam_step.
DiffgradStep diffgrad_step(DiffgradOptions const& options, std::int64_t t, double learning_rate);

namespace cpu {

/// One diffGrad update of n parameters.
///
/// Shapes    p, m, v, g_before, g: n contiguous floats each; m, v and g_before begin as 0;
///           n == 0 is allowed
/// Writes    p, m, v and g_before (the gradient just used, weight decay included); g is read only.
///           Elementwise: any division into ranges gives the same bits
/// Values    as radam_update
/// Accuracy  each update to 12 * 2^-24 of its size plus half an ulp of p (test)
void diffgrad_update(float* p, float* m, float* v, float* g_before, float const* g, std::int64_t n,
                     DiffgradStep const& step);

}  // namespace cpu
}  // namespace jetcal
