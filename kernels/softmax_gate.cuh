#pragma once

#include <cuda_runtime_api.h>

#include "kernels/softmax_gate.hpp"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

// The multiplicative gate of kernels/softmax_gate.hpp on matrices of T (kernels/storage.hpp), to
// the bits of jetcal::cpu's before what is written is rounded to T. Same shapes and order of sums;
// what pads a row is neither read nor written. Enqueues on `stream`.
//
// Errors    ShapeError, ConfigError as there, DeviceError if a launch fails

template <class T>
void softmax_gate_forward(cudaStream_t stream, ConstMatOf<T> logits, ConstMatOf<T> h, float scale,
                          MatOf<T> gate, MatOf<T> y);

template <class T>
void softmax_gate_backward(cudaStream_t stream, ConstMatOf<T> dy, ConstMatOf<T> h,
                           ConstMatOf<T> gate, float scale, GradientTo<T> const& dlogits,
                           GradientTo<T> const& dh);

}  // namespace jetcal::cuda
