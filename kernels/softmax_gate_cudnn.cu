#include "kernels/gate_gradient.cuh"
#include "kernels/launch.cuh"
#include "kernels/softmax_gate_cudnn.cuh"
#include "kernels/vendor_gradient.cuh"

namespace jetcal::cuda {
namespace {

// What cuDNN does not do: the hidden layer's part. A thread takes an element.

template <class T>
__global__ void gate_kernel(ConstMatOf<T> share, ConstMatOf<T> h, float scale, MatOf<T> y) {
  for (auto i = first_index(); i < y.rows * y.cols; i += index_stride()) {
    std::int64_t const r = i / y.cols, c = i % y.cols;
    float const gate = scale * widened(share.data[r * share.ld + c]);
    y.data[r * y.ld + c] = narrowed<T>(gate * widened(h.data[r * h.ld + c]));
  }
}

/// dh from dy and, in dy's place, what cuDNN wants: the gradient with respect to the gate.
template <class T>
__global__ void gate_backward_kernel(MatOf<T> dy, ConstMatOf<T> h, ConstMatOf<T> share, float scale,
                                     GradientTo<T> dh) {
  for (auto i = first_index(); i < dy.rows * dy.cols; i += index_stride()) {
    std::int64_t const r = i / dy.cols, c = i % dy.cols;
    float const d = widened(dy.data[r * dy.ld + c]);
    if (dh.out.data != nullptr) {
      put(dh, r, c, d * (scale * widened(share.data[r * share.ld + c])));
    }
    dy.data[r * dy.ld + c] = narrowed<T>(d * widened(h.data[r * h.ld + c]));
  }
}

}  // namespace

template <class T>
void softmax_gate_forward(Cudnn const& cudnn, ConstMatOf<T> logits, ConstMatOf<T> h, float scale,
                          MatOf<T> share, MatOf<T> y) {
  char const* const where = "softmax_gate_forward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "softmax", share, h.rows, h.cols);
  require_view(where, "output", y, h.rows, h.cols);
  cudnn.softmax_forward(logits, share);
  launch({where, h.rows, h.cols, h.cols}, gate_kernel<T>, grid_of(h.rows * h.cols),
         cudnn.context().stream(), share, h, scale, y);
}

template <class T>
void softmax_gate_backward(Cudnn const& cudnn, MatOf<T> dy, ConstMatOf<T> h, ConstMatOf<T> share,
                           float scale, GradientTo<T> const& dlogits, GradientTo<T> const& dh) {
  char const* const where = "softmax_gate_backward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "gradient of the output", dy, h.rows, h.cols);
  require_view(where, "softmax", share, h.rows, h.cols);
  if (dh.out.data != nullptr) {
    require_gradient(where, "gradient of the hidden layer", dh, h.rows, h.cols);
  }
  launch({where, h.rows, h.cols, h.cols}, gate_backward_kernel<T>, grid_of(h.rows * h.cols),
         cudnn.context().stream(), dy, h, share, scale, dh);
  if (dlogits.out.data != nullptr) {
    cudnn.softmax_backward<T>(share, dy, scale, dlogits.accumulate, dlogits.out);
    finish_gradient(cudnn.context().stream(), dlogits);
  }
}

template void softmax_gate_forward(Cudnn const&, ConstMat, ConstMat, float, Mat, Mat);
template void softmax_gate_forward(Cudnn const&, ConstMatOf<Tf32>, ConstMatOf<Tf32>, float,
                                   MatOf<Tf32>, MatOf<Tf32>);
template void softmax_gate_forward(Cudnn const&, ConstMatOf<Bf16>, ConstMatOf<Bf16>, float,
                                   MatOf<Bf16>, MatOf<Bf16>);
template void softmax_gate_backward(Cudnn const&, Mat, ConstMat, ConstMat, float,
                                    GradientTo<float> const&, GradientTo<float> const&);
template void softmax_gate_backward(Cudnn const&, MatOf<Tf32>, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                    float, GradientTo<Tf32> const&, GradientTo<Tf32> const&);
template void softmax_gate_backward(Cudnn const&, MatOf<Bf16>, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                    float, GradientTo<Bf16> const&, GradientTo<Bf16> const&);

}  // namespace jetcal::cuda
