#include "kernels/launch.cuh"
#include "kernels/softmax_gate_cudnn.cuh"
#include "kernels/views.hpp"

namespace jetcal::cuda {
namespace {

// What cuDNN does not do: the hidden layer's part. A thread takes an element.

__global__ void gate_kernel(ConstMat share, ConstMat h, float scale, Mat y) {
  for (auto i = first_index(); i < y.rows * y.cols; i += index_stride()) {
    std::int64_t const r = i / y.cols, c = i % y.cols;
    y.data[r * y.ld + c] = scale * share.data[r * share.ld + c] * h.data[r * h.ld + c];
  }
}

/// dh from dy and, in dy's place, what cuDNN wants: the gradient with respect to the gate.
__global__ void gate_backward_kernel(Mat dy, ConstMat h, ConstMat share, float scale,
                                     bool accumulate, Mat dh) {
  for (auto i = first_index(); i < dy.rows * dy.cols; i += index_stride()) {
    std::int64_t const r = i / dy.cols, c = i % dy.cols;
    float const d = dy.data[r * dy.ld + c];
    if (dh.data != nullptr) {
      float const v = d * (scale * share.data[r * share.ld + c]);
      float* const p = dh.data + r * dh.ld + c;
      *p = accumulate ? *p + v : v;
    }
    dy.data[r * dy.ld + c] = d * h.data[r * h.ld + c];
  }
}

}  // namespace

void softmax_gate_forward(Cudnn const& cudnn, ConstMat logits, ConstMat h, float scale, Mat share,
                          Mat y) {
  char const* const where = "softmax_gate_forward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "softmax", share, h.rows, h.cols);
  require_view(where, "output", y, h.rows, h.cols);
  cudnn.softmax_forward(logits, share);
  launch({where, h.rows, h.cols, h.cols}, gate_kernel, grid_of(h.rows * h.cols),
         cudnn.context().stream(), share, h, scale, y);
}

void softmax_gate_backward(Cudnn const& cudnn, Mat dy, ConstMat h, ConstMat share, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh) {
  char const* const where = "softmax_gate_backward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "gradient of the output", dy, h.rows, h.cols);
  require_view(where, "softmax", share, h.rows, h.cols);
  if (dh.data != nullptr) {
    require_view(where, "gradient of the hidden layer", dh, h.rows, h.cols);
  }
  launch({where, h.rows, h.cols, h.cols}, gate_backward_kernel, grid_of(h.rows * h.cols),
         cudnn.context().stream(), dy, h, share, scale, accumulate_h, dh);
  if (dlogits.data != nullptr) {
    cudnn.softmax_backward(share, dy, scale, accumulate_logits, dlogits);
  }
}

}  // namespace jetcal::cuda
