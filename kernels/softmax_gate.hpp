#pragma once

#include <cmath>
#include <string_view>

#include "engine/matrix.hpp"

namespace jetcal {

/// Errors: ConfigError unless the scale of a gate is finite and above 0.
inline void require_gate_scale(std::string_view where, float scale) {
  JETCAL_REQUIRE(std::isfinite(scale) && scale > 0, ConfigError,
                 where << ": gate_scale is " << scale << " (must be finite and above 0)");
}

}  // namespace jetcal

namespace jetcal::cpu {

/// Multiplicative gate: gate = scale * softmax(logits), y = gate * h, row by row.
///
///   softmax(a)_j = exp(a_j - max a) / sum_k exp(a_k - max a)
///
/// Source    arXiv:2311.08885, section 5.3 and Figure 2 (the residual layers that end in a softmax
///           and multiply the mass fork's last hidden layer)
/// Shapes    logits, h, gate, y [rows, width]; one gate for each element of h
/// Order     the sum over a row is 16 strided partial sums (partial p adds the columns p, p + 16,
///           ... in order), then the tree s_i += s_{i+8}, s_{i+4}, s_{i+2}, s_{i+1}
/// Accuracy  gate_j relative: (width / 16 + 7) * 2^-24 for the sum and the products, 1.1 ulp of exp
///           twice, and 2^-24 |a - max a| of a_j and of the row's weighted mean (test)
/// Values    a row with a NaN, a +infinity, or nothing but -infinity among its logits becomes NaN;
///           a single -infinity gives a gate of 0
/// Writes    gate and y, their padding becomes 0. y may be h, gate may be logits; else no overlap
/// Errors    ShapeError if the shapes differ, ConfigError unless scale is finite and > 0;
///           rows == 0 is allowed
void softmax_gate_forward(ConstMat logits, ConstMat h, float scale, Mat gate, Mat y);

/// Gradients of softmax_gate_forward. With t = dy * h,
///
///   dh_j = dy_j gate_j,   dlogits_j = gate_j (t_j - (sum_k t_k gate_k) / scale).
///
/// Shapes    all [rows, width]; gate as softmax_gate_forward wrote it. dlogits or dh without data
///           (null): that gradient is not wanted and not computed
/// Writes    dlogits and dh (adds to them if their `accumulate` is true, else never reads them);
///           their padding becomes 0. No overlap with the inputs or each other
/// Order     the sum over k as above
/// Errors    as softmax_gate_forward
void softmax_gate_backward(ConstMat dy, ConstMat h, ConstMat gate, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh);

}  // namespace jetcal::cpu
