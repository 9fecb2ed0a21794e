#include "kernels/softmax_gate.cuh"

#include <cmath>

#include "kernels/gate_gradient.cuh"
#include "kernels/launch.cuh"
#include "kernels/softmax_gate.math.hpp"
#include "kernels/strands.cuh"

namespace jetcal::cuda {
namespace {

// Half a warp owns a row and its 16 threads are the strands of every sum over it. The row is read
// again for each sum: it stays in the first-level cache.

template <class T>
__device__ float largest(T const* logits, std::int64_t cols) {
  float top = -INFINITY;
  for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
    top = math::max(widened(logits[c]), top);
  }
  return max_of_strands(top);
}

template <class T>
__device__ float sum_of_shares(T const* logits, float top, std::int64_t cols) {
  float sum = 0;
  for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
    sum = sum + math::softmax_share(widened(logits[c]), top);
  }
  return sum_of_strands(sum);
}

template <class T>
__global__ void forward_kernel(ConstMatOf<T> logits, ConstMatOf<T> h, float scale, MatOf<T> gate,
                               MatOf<T> y) {
  for (auto r = half_warp_index(); r < even_rows(h.rows); r += half_warp_stride()) {
    std::int64_t const cols = r < h.rows ? h.cols : 0;
    T const* const a = logits.data + r * logits.ld;
    float const top = largest(a, cols);
    float const factor = scale / sum_of_shares(a, top, cols);
    for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
      float const weight = math::softmax_share(widened(a[c]), top) * factor;
      float const out = weight * widened(h.data[r * h.ld + c]);
      gate.data[r * gate.ld + c] = narrowed<T>(weight);
      y.data[r * y.ld + c] = narrowed<T>(out);
    }
  }
}

/// Gradients without data are not asked for.
template <class T>
__global__ void backward_kernel(ConstMatOf<T> dy, ConstMatOf<T> h, ConstMatOf<T> gate, float scale,
                                GradientTo<T> dlogits, GradientTo<T> dh) {
  for (auto r = half_warp_index(); r < even_rows(h.rows); r += half_warp_stride()) {
    std::int64_t const cols = r < h.rows ? h.cols : 0;
    T const* const d = dy.data + r * dy.ld;
    T const* const x = h.data + r * h.ld;
    T const* const g = gate.data + r * gate.ld;
    float mean = 0;
    if (dlogits.out.data != nullptr) {
      float sum = 0;  // of the softmax-weighted t = dy h
      for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
        sum = math::fma(widened(d[c]) * widened(x[c]), widened(g[c]), sum);
      }
      mean = sum_of_strands(sum) / scale;
    }
    for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
      float const out = widened(d[c]), weight = widened(g[c]);
      if (dlogits.out.data != nullptr) {
        put(dlogits, r, c, math::softmax_gate_slope(weight, out * widened(x[c]), mean));
      }
      if (dh.out.data != nullptr) { put(dh, r, c, out * weight); }
    }
  }
}

Grid grid_of_rows(std::int64_t rows) { return grid_of((rows + 1) / 2 * 2 * kStrands); }

}  // namespace

template <class T>
void softmax_gate_forward(cudaStream_t stream, ConstMatOf<T> logits, ConstMatOf<T> h, float scale,
                          MatOf<T> gate, MatOf<T> y) {
  char const* const where = "softmax_gate_forward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "logits", logits, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "output", y, h.rows, h.cols);
  launch({where, h.rows, h.cols, h.cols}, forward_kernel<T>, grid_of_rows(h.rows), stream, logits,
         h, scale, gate, y);
}

template <class T>
void softmax_gate_backward(cudaStream_t stream, ConstMatOf<T> dy, ConstMatOf<T> h,
                           ConstMatOf<T> gate, float scale, GradientTo<T> const& dlogits,
                           GradientTo<T> const& dh) {
  char const* const where = "softmax_gate_backward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "gradient of the output", dy, h.rows, h.cols);
  if (dlogits.out.data != nullptr) {
    require_gradient(where, "gradient of the logits", dlogits, h.rows, h.cols);
  }
  if (dh.out.data != nullptr) {
    require_gradient(where, "gradient of the hidden layer", dh, h.rows, h.cols);
  }
  launch({where, h.rows, h.cols, h.cols}, backward_kernel<T>, grid_of_rows(h.rows), stream, dy, h,
         gate, scale, dlogits, dh);
}

template void softmax_gate_forward(cudaStream_t, ConstMat, ConstMat, float, Mat, Mat);
template void softmax_gate_forward(cudaStream_t, ConstMatOf<Tf32>, ConstMatOf<Tf32>, float,
                                   MatOf<Tf32>, MatOf<Tf32>);
template void softmax_gate_forward(cudaStream_t, ConstMatOf<Bf16>, ConstMatOf<Bf16>, float,
                                   MatOf<Bf16>, MatOf<Bf16>);
template void softmax_gate_backward(cudaStream_t, ConstMat, ConstMat, ConstMat, float,
                                    GradientTo<float> const&, GradientTo<float> const&);
template void softmax_gate_backward(cudaStream_t, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                    ConstMatOf<Tf32>, float, GradientTo<Tf32> const&,
                                    GradientTo<Tf32> const&);
template void softmax_gate_backward(cudaStream_t, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                    ConstMatOf<Bf16>, float, GradientTo<Bf16> const&,
                                    GradientTo<Bf16> const&);

}  // namespace jetcal::cuda
