#include "kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/targets.hpp"
#include "kernels/views.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/loss.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/loss.math.hpp"
#include "kernels/row-inl.hpp"

#ifndef JETCAL_LOSS_ROWS
#define JETCAL_LOSS_ROWS
namespace jetcal {
/// The per-row arrays of a call.
struct LossRows {
  float const* targets;
  std::int64_t target_stride;
  float const* weights;
  float gradient_scale;
  float* loss;
  float* kept;
};
}  // namespace jetcal
#endif

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

// n floats, `stride` apart, into one vector; the other lanes are 0.
Vec gather(float const* p, std::int64_t stride, std::int64_t n) {
  float lane[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) { lane[i] = p[i * stride]; }
  return load(lane);
}

void scatter(Vec v, float* p, std::int64_t stride, std::int64_t n) {
  float lane[kLanes];
  store(v, lane);
  for (std::int64_t i = 0; i < n; ++i) { p[i * stride] = lane[i]; }
}

void activation(ConstMat a, Mat y) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t c = 0; c < a.cols; c += kLanes) {
      std::int64_t const n = a.cols - c;
      store_first(head_output(load_first(a.row(r) + c, n)), y.row(r) + c, n);
    }
    cpu::clear_padding(y, r);
  }
}

// Rows r to r + n - 1, one a lane.
void loss_of_rows(ConstMat a, LossRows const& rows, LossParams const& p, Mat y, Mat da,
                  std::int64_t r, std::int64_t n) {
  Vec const target = gather(rows.targets + r * rows.target_stride, rows.target_stride, n);
  Vec const weight = rows.weights == nullptr ? Vec(1.0f) : load_first(rows.weights + r, n);
  Vec pre[3];
  for (std::int64_t k = 0; k < p.outputs; ++k) { pre[k] = gather(a.row(r) + k, a.ld, n); }
  HeadRow<Vec> const row = head_row(pre, target, weight, Vec(rows.gradient_scale), p);
  store_first(row.loss, rows.loss + r, n);
  store_first(row.kept, rows.kept + r, n);
  for (std::int64_t k = 0; k < p.outputs; ++k) {
    if (da.data != nullptr) { scatter(row.gradient[k], da.row(r) + k, da.ld, n); }
    if (y.data != nullptr) { scatter(row.out[k], y.row(r) + k, y.ld, n); }
  }
}

void loss(ConstMat a, LossRows const& rows, LossParams const& p, Mat y, Mat da) {
  for (std::int64_t r = 0; r < a.rows; r += kLanes) {
    std::int64_t const n = std::min(kLanes, a.rows - r);
    loss_of_rows(a, rows, p, y, da, r, n);
    for (std::int64_t i = r; i < r + n; ++i) {
      if (y.data != nullptr) { cpu::clear_padding(y, i); }
      if (da.data != nullptr) { cpu::clear_padding(da, i); }
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal {
namespace {

constexpr double kInverseRootTwoPi = 0.39894228040143267794;
constexpr double kLn2 = 0.69314718055994530942;

// e^x for x >= 0, of its series: all terms positive.
double series_exp(double x) {
  double term = 1;
  double sum = 1;
  for (int k = 1; term > sum * 1e-18; ++k) {
    term *= x / k;
    sum += term;
  }
  return sum;
}

// ln x for 0 < x <= 1: x times a power of two in [1/2, 1], then 2 artanh((x - 1) / (x + 1)).
double series_log(double x) {
  double twos = 0;
  for (; x < 0.5; x *= 2) { ++twos; }
  double const t = (x - 1) / (x + 1);
  double power = t;
  double sum = 0;
  for (int k = 1; k < 60; k += 2) {
    sum += power / k;
    power *= t * t;
  }
  return 2 * sum - twos * kLn2;
}

// S - 1 = sum over k >= 1 of N^2k / (2k + 1)!!.
double window_series(double n) {
  double term = 1;
  double sum = 0;
  for (int k = 1; k < 2 || term > sum * 1e-18; ++k) {
    term *= n * n / (2 * k + 1);
    sum += term;
  }
  return sum;
}

// Beyond it erf(N / sqrt 2) and v_N are 1 in double.
constexpr double kWideWindow = 10;

void require_config(LossConfig const& c, std::int64_t outputs) {
  bool const density = c.kind == LossKind::mdn || c.kind == LossKind::mdna;
  std::int64_t const least = c.kind == LossKind::mdna ? 3 : (density ? 2 : 1);
  JETCAL_REQUIRE(outputs >= least && outputs <= 3, ConfigError,
                 "loss: the head has " << outputs << " outputs (this kind takes " << least
                                       << (least == 3 ? "" : " to 3") << ")");
  JETCAL_REQUIRE(
      std::isfinite(c.truncation) && c.truncation >= 0, ConfigError,
      "loss: truncation is " << c.truncation << " (must be a number of sigmas, or 0 for none)");
  JETCAL_REQUIRE(
      density || c.truncation == 0, ConfigError,
      "loss: truncation is " << c.truncation << " but this kind has no sigma (must be 0)");
  JETCAL_REQUIRE(c.truncation == 0 || c.form == TruncationForm::detached || c.force_literal ||
                     c.truncation > 1.8,
                 ConfigError,
                 "loss: the literal form at truncation "
                     << c.truncation << " lets sigma shrink without bound (must be above 1.8). "
                     << "Use form 'detached', or force_literal to have it all the same");
  JETCAL_REQUIRE(c.sigma_floor >= 0 && c.sigma_floor < 2, ConfigError,
                 "loss: sigma_floor is " << c.sigma_floor << " (must be in [0, 2): outputs are "
                                         << "below 2)");
  JETCAL_REQUIRE(c.delta >= 1e-6 && c.delta <= 1e6, ConfigError,
                 "loss: delta is " << c.delta << " (must be in [1e-6, 1e6])");
  JETCAL_REQUIRE(c.alpha >= 1e-6 && c.alpha <= 1e6, ConfigError,
                 "loss: alpha is " << c.alpha << " (must be in [1e-6, 1e6])");
  JETCAL_REQUIRE(c.beta >= 0 && c.beta <= 1e6, ConfigError,
                 "loss: beta is " << c.beta << " (must be in [0, 1e6])");
}

double kernel_norm(LossConfig const& c) {
  switch (c.norm) {
    case KernelNorm::slide:
      return kInverseRootTwoPi;
    case KernelNorm::unit:
      return 1;
    case KernelNorm::density:
      return kInverseRootTwoPi / c.alpha;
  }
  return 0;
}

}  // namespace

double expected_kept_fraction(double truncation) {
  double const n = truncation;
  if (n == 0 || n > kWideWindow) { return 1; }
  double const density = kInverseRootTwoPi / series_exp(n * n / 2);
  return std::min(1.0, 2 * n * density * (1 + window_series(n)));
}

LossParams make_loss_params(LossConfig const& config, std::int64_t outputs) {
  require_config(config, outputs);
  LossParams p;
  p.kind = config.kind;
  p.outputs = static_cast<std::int32_t>(outputs);
  double const n = config.truncation;
  p.window = n == 0 ? std::numeric_limits<float>::infinity() : static_cast<float>(n);
  if (n > 0 && n <= kWideWindow) {
    double const s = window_series(n);
    if (config.form == TruncationForm::detached) { p.log_weight = static_cast<float>(s / (1 + s)); }
    p.log_mass = static_cast<float>(series_log(expected_kept_fraction(n)));
  }
  p.sigma_floor =
      std::max(static_cast<float>(config.sigma_floor), std::numeric_limits<float>::min());
  p.delta = static_cast<float>(config.delta);
  p.kernel_factor = static_cast<float>(0.5 / (config.alpha * config.alpha));
  p.kernel_norm = static_cast<float>(kernel_norm(config));
  p.leak = config.kind == LossKind::leaky_gaussian_kernel ? static_cast<float>(config.beta) : 0;
  return p;
}

namespace cpu {

void head_activation(ConstMat a, Mat y) {
  require_view("head_activation", "input", a, a.rows, a.cols);
  require_view("head_activation", "output", y, a.rows, a.cols);
  JETCAL_DISPATCH(activation, a, y);
}

void head_loss(ConstMat a, float const* targets, std::int64_t target_stride, float const* weights,
               LossParams const& params, float gradient_scale, Mat y, Mat da, float* row_loss,
               float* row_kept) {
  char const* const where = "head_loss";
  require_view(where, "input", a, a.rows, params.outputs);
  if (y.data != nullptr) { require_view(where, "output", y, a.rows, params.outputs); }
  if (da.data != nullptr) { require_view(where, "gradient", da, a.rows, params.outputs); }
  bool const complete = targets != nullptr && row_loss != nullptr && row_kept != nullptr;
  JETCAL_REQUIRE(a.rows == 0 || complete, ShapeError,
                 where << ": targets, row_loss or row_kept is null (each needs one float a row)");
  LossRows const rows{targets, target_stride, weights, gradient_scale, row_loss, row_kept};
  JETCAL_DISPATCH(loss, a, rows, params, y, da);
}

}  // namespace cpu
}  // namespace jetcal
#endif
