#include "kernels/softmax_gate.hpp"

#include <limits>

#include "kernels/targets.hpp"
#include "kernels/views.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax_gate.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/row-inl.hpp"
#include "kernels/softmax_gate.math.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

float largest(float const* a, std::int64_t cols) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  Strands top(kNone);
  for (std::int64_t c = 0; c < cols; c += kStrands) {
    for (std::int64_t j = 0; j < kStrandVectors; ++j) {
      std::int64_t const at = c + j * kLanes;
      if (at >= cols) { break; }
      Vec const logit = keep_first(load_first(a + at, cols - at), cols - at, Vec(kNone));
      top.strand[j] = max(logit, top.strand[j]);
    }
  }
  return top.max();
}

// Writes the shares to `share` and returns their sum.
float shares(float const* a, float top, std::int64_t cols, float* share) {
  Strands sum(0.0f);
  for (std::int64_t c = 0; c < cols; c += kStrands) {
    for (std::int64_t j = 0; j < kStrandVectors; ++j) {
      std::int64_t const at = c + j * kLanes;
      if (at >= cols) { break; }
      Vec const e = softmax_share(load_first(a + at, cols - at), Vec(top));
      sum.strand[j] = sum.strand[j] + keep_first(e, cols - at, Vec(0.0f));
      store_first(e, share + at, cols - at);
    }
  }
  return sum.sum();
}

void forward(ConstMat logits, ConstMat h, float scale, Mat gate, Mat y) {
  std::int64_t const cols = h.cols;
  for (std::int64_t r = 0; r < h.rows; ++r) {
    float* const g = gate.row(r);
    float const top = largest(logits.row(r), cols);
    Vec const factor(scale / shares(logits.row(r), top, cols, g));
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      Vec const weight = load_first(g + c, cols - c) * factor;
      store_first(weight, g + c, cols - c);
      store_first(weight * load_first(h.row(r) + c, cols - c), y.row(r) + c, cols - c);
    }
    cpu::clear_padding(gate, r);
    cpu::clear_padding(y, r);
  }
}

// The softmax-weighted mean of t = dy h.
float mean_slope(float const* dy, float const* h, float const* gate, float scale,
                 std::int64_t cols) {
  Strands sum(0.0f);
  for (std::int64_t c = 0; c < cols; c += kStrands) {
    for (std::int64_t j = 0; j < kStrandVectors; ++j) {
      std::int64_t const at = c + j * kLanes;
      if (at >= cols) { break; }
      Vec const t = load_first(dy + at, cols - at) * load_first(h + at, cols - at);
      sum.strand[j] = fma(t, load_first(gate + at, cols - at), sum.strand[j]);
    }
  }
  return sum.sum() / scale;
}

void backward_logits(ConstMat dy, ConstMat h, ConstMat gate, float scale, bool accumulate,
                     Mat dlogits) {
  std::int64_t const cols = h.cols;
  for (std::int64_t r = 0; r < h.rows; ++r) {
    Vec const mean(mean_slope(dy.row(r), h.row(r), gate.row(r), scale, cols));
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      std::int64_t const n = cols - c;
      Vec const t = load_first(dy.row(r) + c, n) * load_first(h.row(r) + c, n);
      Vec const slope = softmax_gate_slope(load_first(gate.row(r) + c, n), t, mean);
      put(slope, dlogits.row(r) + c, n, accumulate);
    }
    cpu::clear_padding(dlogits, r);
  }
}

void backward_h(ConstMat dy, ConstMat gate, bool accumulate, Mat dh) {
  std::int64_t const cols = dh.cols;
  for (std::int64_t r = 0; r < dh.rows; ++r) {
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      std::int64_t const n = cols - c;
      put(load_first(dy.row(r) + c, n) * load_first(gate.row(r) + c, n), dh.row(r) + c, n,
          accumulate);
    }
    cpu::clear_padding(dh, r);
  }
}

void backward(ConstMat dy, ConstMat h, ConstMat gate, float scale, bool accumulate_logits,
              Mat dlogits, bool accumulate_h, Mat dh) {
  if (dlogits.data != nullptr) { backward_logits(dy, h, gate, scale, accumulate_logits, dlogits); }
  if (dh.data != nullptr) { backward_h(dy, gate, accumulate_h, dh); }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {

void softmax_gate_forward(ConstMat logits, ConstMat h, float scale, Mat gate, Mat y) {
  char const* const where = "softmax_gate_forward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "logits", logits, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "output", y, h.rows, h.cols);
  JETCAL_DISPATCH(forward, logits, h, scale, gate, y);
}

void softmax_gate_backward(ConstMat dy, ConstMat h, ConstMat gate, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh) {
  char const* const where = "softmax_gate_backward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "gradient of the output", dy, h.rows, h.cols);
  if (dlogits.data != nullptr) {
    require_view(where, "gradient of the logits", dlogits, h.rows, h.cols);
  }
  if (dh.data != nullptr) {
    require_view(where, "gradient of the hidden layer", dh, h.rows, h.cols);
  }
  JETCAL_DISPATCH(backward, dy, h, gate, scale, accumulate_logits, dlogits, accumulate_h, dh);
}

}  // namespace jetcal::cpu
#endif
