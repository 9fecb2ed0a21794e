#pragma once

#include <cuda_runtime_api.h>

#include "kernels/softmax_gate.hpp"

namespace jetcal::cuda {

// The multiplicative gate of kernels/softmax_gate.hpp, to the bits of jetcal::cpu's. Same shapes,
// order of sums and values; what pads a row is neither read nor written. Enqueues on `stream`.
//
// Errors    ShapeError, ConfigError as there, DeviceError if a launch fails

void softmax_gate_forward(cudaStream_t stream, ConstMat logits, ConstMat h, float scale, Mat gate,
                          Mat y);

void softmax_gate_backward(cudaStream_t stream, ConstMat dy, ConstMat h, ConstMat gate, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh);

}  // namespace jetcal::cuda
