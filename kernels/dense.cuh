#pragma once

#include <cuda_runtime_api.h>

#include "engine/lanes.hpp"
#include "kernels/dense.hpp"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

// The dense layer in fp32, to the bits of jetcal::cpu's: same shapes, same chains of fma. Rows of
// every matrix start on 16 bytes (the pointer, and ld a multiple of 4 floats). What pads a row is
// never used, and of matrices [rows, ...] never written. All enqueue on `stream` and return at
// once.
//
// Errors    ShapeError if shapes or alignment do not fit, DeviceError if a launch fails

/// Where each gradient lane has its arena: lane 0 in `first`, lane i > 0 in others + (i - 1) *
/// stride.
struct LaneArenas {
  float* first = nullptr;
  float* others = nullptr;
  std::int64_t stride = 0;
};

/// transposed = w's transpose and, if `rounded` has data, rounded = w, both rounded to T
/// (kernels/storage.hpp): once a step, for the products.
///
/// Shapes    w and rounded [inputs, outputs], transposed [outputs, inputs]
template <class T>
void dense_prepare(cudaStream_t stream, ConstMat w, MatOf<T> rounded, MatOf<T> transposed);

/// y = activation(x W + bias) and, if slope has data, its derivative (not written for `none`).
///
/// Shapes    x [rows, inputs], w [inputs, outputs], bias [outputs], y and slope [rows, outputs]
void dense_forward(cudaStream_t stream, ConstMat x, ConstMat w, float const* bias,
                   Activation activation, Mat y, Mat slope);

/// dy *= slope, in place: the gradient with respect to the product, where its last writer has not
/// done it. A slope without data only rounds dy to T (kernels/storage.hpp).
template <class T>
void dense_backward_activation(cudaStream_t stream, ConstMatOf<T> slope, MatOf<T> dy);

/// dx = dz W^T.
///
/// Shapes    dz [rows, outputs], transposed [outputs, inputs] by dense_prepare, dx [rows, inputs]
void dense_backward_data(cudaStream_t stream, ConstMat dz, ConstMat transposed,
                         GradientTo<float> const& dx);

/// dw = x^T dz and db = sum of dz's rows, for each lane into its own arena, over the lane's rows in
/// order; `accumulate` goes on from the values there.
///
/// Shapes    x [rows, inputs], dz [rows, outputs], dw [inputs, outputs] and db [1, outputs] in
///           arenas.first
void dense_backward_weights(cudaStream_t stream, ConstMat x, ConstMat dz, Lanes const& lanes,
                            LaneArenas const& arenas, bool accumulate, Mat dw, Mat db);

}  // namespace jetcal::cuda
