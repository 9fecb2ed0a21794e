#pragma once

#include <cuda_runtime_api.h>

#include "kernels/loss.hpp"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

// A head in one kernel: the last dense layer, tanh + 1, and the loss with its gradient, to the bits
// of jetcal::cpu's dense_forward and head_loss (kernels/loss.hpp has the equations). T is what the
// layer before stores (kernels/storage.hpp) and what the gradient is rounded to; all else is
// float32. Rows of x, w and bias start on 16 bytes; what pads a row is never used nor written.
// Enqueues on `stream`.
//
// Errors    ShapeError if shapes or alignment do not fit, DeviceError if a launch fails

/// y = tanh(x W + bias) + 1.
///
/// Shapes    x [rows, inputs], w [inputs, outputs], bias [outputs], y [rows, outputs], 1 to 3
///           outputs
template <class T>
void head_forward(cudaStream_t stream, ConstMatOf<T> x, ConstMat w, float const* bias, Mat y);

/// What the loss compares with, and what it leaves for every row.
struct HeadRows {
  float const* targets = nullptr;  ///< one every `target_stride` floats
  std::int64_t target_stride = 1;
  float const* weights = nullptr;
  float const* gradient_scale = nullptr;  ///< one number, on the device
  float* row_loss = nullptr;              ///< weight * loss
  float* row_kept = nullptr;              ///< weight, or 0
};

/// The same with the loss: y, the gradient da [rows, outputs] with respect to x W + bias, and the
/// rows' losses.
template <class T>
void head_loss(cudaStream_t stream, ConstMatOf<T> x, ConstMat w, float const* bias,
               HeadRows const& rows, LossParams const& params, Mat y, MatOf<T> da);

}  // namespace jetcal::cuda
