// The losses of a head, one jet a lane: activation, loss and its slopes (arXiv:2311.08885, section
// 5.1). The choice of the loss is the same for all jets of a call.

#if defined(JETCAL_KERNELS_LOSS_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_LOSS_MATH
#undef JETCAL_KERNELS_LOSS_MATH
#else
#define JETCAL_KERNELS_LOSS_MATH
#endif

#include "kernels/elementary.math.hpp"
#include "kernels/loss.hpp"
#include "kernels/math_namespace.hpp"

JETCAL_MATH_TARGET
JETCAL_BEGIN_MATH

/// tanh(a) + 1 as 2 / (1 + e^-2a): tanh(a) + 1 in float is exactly 0 below -9.01, a sigma of 0.
template <class V>
JETCAL_HOST_DEVICE inline V head_output(V a) {
  return V(2.0f) * logistic(a + a);
}

/// d y / d a of y = tanh(a) + 1.
template <class V>
JETCAL_HOST_DEVICE inline V head_slope(V y) {
  return y * (V(2.0f) - y);
}

/// A jet's loss, its derivatives with respect to the head's outputs, and 1 if it is kept, else 0.
template <class V>
struct JetLoss {
  V value;
  V kept;
  V slope[3];
};

/// sigma' = max(sigma, floor); NaN stays NaN.
template <class V>
JETCAL_HOST_DEVICE inline V floored(V sigma, V floor) {
  return select(sigma < floor, floor, sigma);
}

/// No slope that would shrink a sigma which is below the floor already.
template <class V>
JETCAL_HOST_DEVICE inline V floored_slope(V slope, V sigma, V floor) {
  return select(sigma < floor && slope > V(0.0f), V(0.0f), slope);
}

/// log_weight * log((low + high) / 2) + z^2 / 2 + log_mass inside |z| < window, 0 outside, and the
/// slopes with respect to mu and both sigmas. A jet is outside only if |z| is a number that says
/// so: NaN and infinity (a sigma that vanished) are kept and show in the loss.
template <class V>
JETCAL_HOST_DEVICE inline JetLoss<V> two_sided_loss(V mu, V low, V high, V target,
                                                    LossParams const& p) {
  V const zero = V(0.0f);
  V const d = target - mu;
  auto const below = target < mu;
  V const side = select(below, low, high);
  V const z = d / side;
  V const width = low + high;
  V const log_term = fma(V(p.log_weight), log(V(0.5f) * width), V(p.log_mass));
  V const pull = (z * z) / side;
  V const spread = V(p.log_weight) / width;
  V const distance = abs(z);
  auto const outside = distance >= V(p.window) && distance < V(__builtin_huge_valf());
  JetLoss<V> jet;
  jet.value = select(outside, zero, fma(V(0.5f) * z, z, log_term));
  jet.kept = select(outside, zero, V(1.0f));
  jet.slope[0] = select(outside, zero, -z / side);
  jet.slope[1] = select(outside, zero, spread - select(below, pull, zero));
  jet.slope[2] = select(outside, zero, spread - select(below, zero, pull));
  return jet;
}

/// y = (mu, sigma_low, sigma_high).
template <class V>
JETCAL_HOST_DEVICE inline JetLoss<V> mdna(V const* y, V target, LossParams const& p) {
  V const floor = V(p.sigma_floor);
  JetLoss<V> jet = two_sided_loss(y[0], floored(y[1], floor), floored(y[2], floor), target, p);
  jet.slope[1] = floored_slope(jet.slope[1], y[1], floor);
  jet.slope[2] = floored_slope(jet.slope[2], y[2], floor);
  return jet;
}

/// y = (mu, sigma), or (mu, sigma_low, sigma_high) whose mean is sigma.
template <class V>
JETCAL_HOST_DEVICE inline JetLoss<V> mdn(V const* y, V target, LossParams const& p) {
  bool const averaged = p.outputs == 3;
  V const floor = V(p.sigma_floor);
  V const sigma = averaged ? V(0.5f) * (y[1] + y[2]) : y[1];
  V const used = floored(sigma, floor);
  JetLoss<V> jet = two_sided_loss(y[0], used, used, target, p);
  V const slope = floored_slope(jet.slope[1] + jet.slope[2], sigma, floor);
  jet.slope[1] = averaged ? V(0.5f) * slope : slope;
  jet.slope[2] = jet.slope[1];
  return jet;
}

/// 1, -1 or 0, and NaN for NaN.
template <class V>
JETCAL_HOST_DEVICE inline V sign(V d) {
  return select(d > V(0.0f), V(1.0f), select(d < V(0.0f), V(-1.0f), d));
}

/// The losses of mu alone, functions of d = mu - target.
template <class V>
JETCAL_HOST_DEVICE inline JetLoss<V> mean_loss(V d, LossParams const& p) {
  V const size = abs(d);
  JetLoss<V> jet{size, V(1.0f), {sign(d), V(0.0f), V(0.0f)}};
  if (p.kind == LossKind::mse) {
    jet.value = d * d;
    jet.slope[0] = d + d;
  } else if (p.kind == LossKind::huber) {
    V const delta = V(p.delta);
    auto const far = size > delta;
    jet.value = select(far, delta * fma(V(-0.5f), delta, size), V(0.5f) * (d * d));
    jet.slope[0] = select(far, delta * sign(d), d);
  } else if (p.kind != LossKind::mae) {
    V const bump = V(p.kernel_norm) * exp(-(d * d) * V(p.kernel_factor));
    jet.value = fma(V(p.leak), size, -bump);
    jet.slope[0] = fma(V(p.leak), sign(d), (d * (V(2.0f) * V(p.kernel_factor))) * bump);
  }
  return jet;
}

/// The loss p.kind of a jet with outputs y[0 .. p.outputs - 1].
template <class V>
JETCAL_HOST_DEVICE inline JetLoss<V> jet_loss(V const* y, V target, LossParams const& p) {
  if (p.kind == LossKind::mdna) { return mdna(y, target, p); }
  if (p.kind == LossKind::mdn) { return mdn(y, target, p); }
  return mean_loss(y[0] - target, p);
}

/// Everything a head makes of one jet.
template <class V>
struct HeadRow {
  V out[3];
  V loss;  ///< weight * loss
  V kept;  ///< weight, or 0
  V gradient[3];
};

/// From the pre-activations a[0 .. p.outputs - 1]. Nothing of a row in which anything is not finite
/// may pass for a number: x - x is 0 for every finite x, else NaN.
template <class V>
JETCAL_HOST_DEVICE inline HeadRow<V> head_row(V const* a, V target, V weight, V gradient_scale,
                                              LossParams const& p) {
  HeadRow<V> row;
  V poison = (target - target) + (weight - weight);
  for (int k = 0; k < 3; ++k) {  // 3 and not p.outputs: known, the arrays stay in registers
    if (k >= p.outputs) { break; }
    poison = poison + (a[k] - a[k]);
    row.out[k] = head_output(a[k]);
  }
  JetLoss<V> const jet = jet_loss(row.out, target, p);
  row.loss = fma(weight, jet.value, poison);
  row.kept = weight * jet.kept;
  V const factor = gradient_scale * weight;
  for (int k = 0; k < 3; ++k) {
    if (k >= p.outputs) { break; }
    row.gradient[k] = fma(factor, jet.slope[k] * head_slope(row.out[k]), poison);
  }
  return row;
}

JETCAL_END_MATH

#endif
