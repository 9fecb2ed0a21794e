#pragma once

#include <cuda_runtime_api.h>

#include "engine/lanes.hpp"
#include "kernels/dense.cuh"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

// The dense layer on tensor cores: T is Tf32 or Bf16, factors are what is stored, sums are float32
// and end in one rounding to T. Bias, weight gradients and bias gradients are float32. The order of
// a sum is the tensor core's within 8 (tf32) or 16 (bf16) terms and fixed by the shapes beyond: the
// same bits in every run and for every grid, but not the CPU's.
//
// Rows of every matrix start on 16 bytes. What pads a row is never used, and of matrices
// [rows, ...] never written. All enqueue on `stream` and return at once.
//
// Errors    ShapeError if shapes or alignment do not fit, DeviceError if a launch fails

/// y = activation(x W + bias) and, if slope has data, its derivative (not written for `none`).
///
/// Shapes    x [rows, inputs], transposed [outputs, inputs] by dense_prepare, bias [outputs],
///           y and slope [rows, outputs]
template <class T>
void dense_forward(cudaStream_t stream, ConstMatOf<T> x, ConstMatOf<T> transposed,
                   float const* bias, Activation activation, MatOf<T> y, MatOf<T> slope);

/// dx = dz W^T, rounded once after dx's sum and slope.
///
/// Shapes    dz [rows, outputs], w [inputs, outputs] by dense_prepare, dx [rows, inputs]
template <class T>
void dense_backward_data(cudaStream_t stream, ConstMatOf<T> dz, ConstMatOf<T> w,
                         GradientTo<T> const& dx);

/// dw = x^T dz and db = sum of dz's rows, for each lane over its rows into its own arena, or added
/// to what is there if `accumulate`.
///
/// Shapes    x [rows, inputs], dz [rows, outputs], dw [inputs, outputs] and db [1, outputs] in
///           arenas.first
template <class T>
void dense_backward_weights(cudaStream_t stream, ConstMatOf<T> x, ConstMatOf<T> dz,
                            Lanes const& lanes, LaneArenas const& arenas, bool accumulate, Mat dw,
                            Mat db);

}  // namespace jetcal::cuda
