#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/moments.hpp"

namespace jetcal {

/// Whose RAdam. They agree on m, v and the rectification r_t and differ in the rest:
///
///            rectified if   rectified step            else        epsilon on    weight decay
///   tfa      rho_t >= 5     lr r m^ / (root + eps)    lr m^       sqrt(v^)      p -= lr wd p
///   torch    rho_t > 5      the same                  lr m^       sqrt(v)       g += wd p
///   author   rho_t >= 5     the same                  no update   sqrt(v)       p -= lr wd p, only
///                                                                               with an update
///   paper    rho_t > 4      the same                  lr m^       none          none
///
/// m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t); epsilon on sqrt(v) means root + eps =
/// (sqrt(v) + eps) / sqrt(1 - beta2^t).
///
/// Source    L. Liu et al., arXiv:1908.03265 (paper); LiyuanLucasLiu/RAdam radam/radam.py
///           (author, degenerated_to_sgd false); torch.optim.RAdam; tensorflow/addons
///           rectified_adam.py (tfa, without its warm-up)
enum class RadamPreset { tfa, torch, author, paper };

struct RadamOptions {
  RadamPreset preset = RadamPreset::tfa;
  Betas betas;
  double epsilon = 1e-7;
  double weight_decay = 0;
};

/// The defaults of a preset: epsilon is 1e-7 (tfa), 1e-8 (torch, author), 0 (paper).
RadamOptions radam_options(RadamPreset preset);

/// The same by name. Errors: ConfigError for a word that is not a preset.
RadamOptions radam_options(std::string_view preset);

/// One update's constants. Plain data, the same for every parameter.
struct RadamStep {
  MomentStep moments;
  bool rectified = false;
  float step = 0;        ///< factor of m, learning rate included; 0: no update
  float root_scale = 0;  ///< of sqrt(v), if rectified
  float epsilon = 0;     ///< if rectified
  float decay = 0;       ///< p -= decay p
  float l2 = 0;          ///< g += l2 p
};

/// The constants of update t = 1, 2, ...:
///
///   rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t),
///   r_t^2 = (rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t),
///
/// in double (tfa's own float32 gives r_6 0.2 % more).
///
/// Errors    ConfigError for t < 1, a negative or non-finite learning rate, epsilon or weight
///           decay, a beta outside [0, 1), a weight decay with `paper`, which has none
RadamStep radam_step(RadamOptions const& options, std::int64_t t, double learning_rate);

namespace cpu {

/// One RAdam update of n parameters.
///
/// Shapes    p, m, v, g: n contiguous floats each; m and v begin as 0; n == 0 is allowed
/// Writes    p, m, v; g is read only. Elementwise: any division into ranges gives the same bits
/// Values    a parameter whose gradients were all 0 stays as it is, weight decay aside, with
///           epsilon 0 too; a NaN gradient makes it NaN
/// Accuracy  each update to 8 * 2^-24 of its size plus half an ulp of p (test)
void radam_update(float* p, float* m, float* v, float const* g, std::int64_t n,
                  RadamStep const& step);

}  // namespace cpu
}  // namespace jetcal
