#include "kernels/softmax_gate.cuh"

#include <cmath>

#include "kernels/launch.cuh"
#include "kernels/softmax_gate.math.hpp"
#include "kernels/strands.cuh"
#include "kernels/views.hpp"

namespace jetcal::cuda {
namespace {

// Half a warp owns a row and its 16 threads are the strands of every sum over it. The row is read
// again for each sum: it stays in the first-level cache.

__device__ float largest(float const* logits, std::int64_t cols) {
  float top = -INFINITY;
  for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
    top = math::max(logits[c], top);
  }
  return max_of_strands(top);
}

/// Writes the shares to `share` and returns their sum.
__device__ float shares(float const* logits, float top, std::int64_t cols, float* share) {
  float sum = 0;
  for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
    float const e = math::softmax_share(logits[c], top);
    sum = sum + e;
    share[c] = e;
  }
  return sum_of_strands(sum);
}

__global__ void forward_kernel(ConstMat logits, ConstMat h, float scale, Mat gate, Mat y) {
  for (auto r = half_warp_index(); r < even_rows(h.rows); r += half_warp_stride()) {
    std::int64_t const cols = r < h.rows ? h.cols : 0;
    float const* const a = logits.data + r * logits.ld;
    float* const g = gate.data + r * gate.ld;
    float const top = largest(a, cols);
    float const factor = scale / shares(a, top, cols, g);
    for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
      float const weight = g[c] * factor;
      float const out = weight * h.data[r * h.ld + c];
      g[c] = weight;
      y.data[r * y.ld + c] = out;
    }
  }
}

/// p = v, or p += v.
__device__ void put(float v, float* p, bool accumulate) { *p = accumulate ? *p + v : v; }

__global__ void backward_logits_kernel(ConstMat dy, ConstMat h, ConstMat gate, float scale,
                                       bool accumulate, Mat dlogits) {
  for (auto r = half_warp_index(); r < even_rows(h.rows); r += half_warp_stride()) {
    std::int64_t const cols = r < h.rows ? h.cols : 0;
    float const* const d = dy.data + r * dy.ld;
    float const* const x = h.data + r * h.ld;
    float const* const g = gate.data + r * gate.ld;
    float sum = 0;  // of the softmax-weighted t = dy h
    for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
      sum = math::fma(d[c] * x[c], g[c], sum);
    }
    float const mean = sum_of_strands(sum) / scale;
    for (std::int64_t c = strand_index(); c < cols; c += kStrands) {
      float const slope = math::softmax_gate_slope(g[c], d[c] * x[c], mean);
      put(slope, dlogits.data + r * dlogits.ld + c, accumulate);
    }
  }
}

__global__ void backward_h_kernel(ConstMat dy, ConstMat gate, bool accumulate, Mat dh) {
  for (auto i = first_index(); i < dh.rows * dh.cols; i += index_stride()) {
    std::int64_t const r = i / dh.cols, c = i % dh.cols;
    put(dy.data[r * dy.ld + c] * gate.data[r * gate.ld + c], dh.data + r * dh.ld + c, accumulate);
  }
}

Grid grid_of_rows(std::int64_t rows) { return grid_of((rows + 1) / 2 * 2 * kStrands); }

}  // namespace

void softmax_gate_forward(cudaStream_t stream, ConstMat logits, ConstMat h, float scale, Mat gate,
                          Mat y) {
  char const* const where = "softmax_gate_forward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "logits", logits, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "output", y, h.rows, h.cols);
  launch({where, h.rows, h.cols, h.cols}, forward_kernel, grid_of_rows(h.rows), stream, logits, h,
         scale, gate, y);
}

void softmax_gate_backward(cudaStream_t stream, ConstMat dy, ConstMat h, ConstMat gate, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh) {
  char const* const where = "softmax_gate_backward";
  require_gate_scale(where, scale);
  require_view(where, "hidden layer", h, h.rows, h.cols);
  require_view(where, "gate", gate, h.rows, h.cols);
  require_view(where, "gradient of the output", dy, h.rows, h.cols);
  OpShape const shape{where, h.rows, h.cols, h.cols};
  if (dlogits.data != nullptr) {
    require_view(where, "gradient of the logits", dlogits, h.rows, h.cols);
    launch(shape, backward_logits_kernel, grid_of_rows(h.rows), stream, dy, h, gate, scale,
           accumulate_logits, dlogits);
  }
  if (dh.data != nullptr) {
    require_view(where, "gradient of the hidden layer", dh, h.rows, h.cols);
    launch(shape, backward_h_kernel, grid_of(h.rows * h.cols), stream, dy, gate, accumulate_h, dh);
  }
}

}  // namespace jetcal::cuda
