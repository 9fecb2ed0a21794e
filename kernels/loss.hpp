#pragma once

#include <cstdint>

#include "engine/matrix.hpp"
#include "kernels/loss_config.hpp"

namespace jetcal {

/// A head's loss as the kernels see it: the numbers of a LossConfig worked out once, in double by
/// series of + * / (the same on every machine), then rounded to float. Plain data, so that it can
/// be passed to a device as it is.
///
/// Truncation at N keeps a jet if |z| < N. With S = sum_k N^2k / (2k + 1)!! and the normal density
/// phi, erf(N / sqrt 2) = 2 N phi(N) S and v_N = 1 - 2 N phi(N) / erf(N / sqrt 2) = 1 - 1 / S: the
/// variance of a unit Gaussian cut at N.
struct LossParams {
  LossKind kind = LossKind::mdna;
  std::int32_t outputs = 3;  ///< of the head: 1 to 3
  float window = 0;          ///< N, or infinity without truncation
  float log_weight = 1;      ///< of log sigma: v_N (detached) or 1
  float log_mass = 0;        ///< log erf(N / sqrt 2), the share of a Gaussian inside the window
  float sigma_floor = 0;     ///< at least the smallest normal float
  float delta = 1;           ///< huber
  float kernel_factor = 0;   ///< 1 / (2 alpha^2)
  float kernel_norm = 0;     ///< the Gaussian kernel's prefactor
  float leak = 0;            ///< beta of the leaky Gaussian kernel, 0 for the plain one
};

/// Checks a head's loss and works out its constants.
///
/// Errors    ConfigError for: outputs that the loss does not fit (mdna: 3; mdn: 2 or 3; the others
///           1 to 3), a truncation that is negative, not finite or on a loss without sigma, the
///           literal form at 0 < N <= 1.8 unless force_literal, a sigma_floor outside [0, 2),
///           delta or alpha outside [1e-6, 1e6], beta outside [0, 1e6]
LossParams make_loss_params(LossConfig const& config, std::int64_t outputs);

/// erf(N / sqrt 2): the share of jets a Gaussian keeps inside N sigmas; 1 for N = 0 (none).
double expected_kept_fraction(double truncation);

namespace cpu {

/// The outputs of a head from its pre-activations: y = tanh(a) + 1, computed as 2 / (1 + e^-2a) so
/// that it keeps its relative accuracy for very negative a.
///
/// Source    arXiv:2311.08885, section 5.3
/// Shapes    a, y [rows, outputs]; y may be a
/// Accuracy  2.5 ulp (test)
/// Writes    y, its padding becomes 0
/// Errors    ShapeError if the shapes differ; rows == 0 is allowed
void head_activation(ConstMat a, Mat y);

/// Everything behind a head's last dense layer, in one pass: activation, loss, gradient.
///
/// Outputs   y = tanh(a) + 1 = (mu, sigma_low, sigma_high), (mu, sigma) or (mu)
/// Losses    x = target, d = mu - x; the sigmas s are max(sigma, floor)
///   mdna    v log((s_low + s_high) / 2) + z^2 / 2 + log erf(N / sqrt 2),
///           z = (x - mu) / (x < mu ? s_low : s_high); 0 if |z| >= N (the jet is dropped)
///   mdn     the same with both s = max(sigma, floor); of three outputs sigma is the mean of the
///           last two, and each gets half of its gradient
///   mse, mae, huber    d^2; |d|; d^2 / 2 inside delta, delta (|d| - delta / 2) outside
///   gaussian_kernel    -norm exp(-d^2 / (2 alpha^2)); leaky_gaussian_kernel: + beta |d|
///           The last five use mu only, drop no jet, and give the other outputs a gradient of 0
///   The constant log(2 pi) / 2 is left out. v = v_N (detached) or 1 (literal, or no truncation)
/// Gradient  da = gradient_scale * weight * dl/dy * y (2 - y). The window counts as fixed. A sigma
///           strictly below the floor gets the gradient taken at the floor if that makes it grow
///           (dl/ds < 0), and 0 if that would shrink it further (dl/ds > 0)
/// Source    arXiv:2311.08885, Eqs. (5) and (6), with the normalisation of (6) put right;
///           sign(0) = 0 throughout
///
/// Shapes    a, y, da [rows, outputs]; targets: one float every target_stride floats; weights: one
///           a row, or null for 1; row_loss, row_kept: one a row. y and da may lack data (null):
///           not wanted. da or y may be a
/// Writes    row_loss = weight * l; row_kept = weight if the jet is kept, else 0; y, da and their
///           padding (0)
/// Values    a row in which any a, the target or the weight is not finite gets a NaN as row_loss
///           and as its whole da, whatever the loss: it is never taken for a dropped jet. Nor is
///           one whose z overflows (a sigma that vanished without a floor): its loss is infinite
/// Accuracy  given y, loss and gradient to 24 * 2^-24 of the sum of their terms' magnitudes (test)
/// Errors    ShapeError if the shapes do not fit params; rows == 0 is allowed
void head_loss(ConstMat a, float const* targets, std::int64_t target_stride, float const* weights,
               LossParams const& params, float gradient_scale, Mat y, Mat da, float* row_loss,
               float* row_kept);

}  // namespace cpu
}  // namespace jetcal
