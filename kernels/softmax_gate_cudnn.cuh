#pragma once

#include "kernels/cudnn_library.cuh"
#include "kernels/softmax_gate.hpp"

namespace jetcal::cuda {

// The multiplicative gate of kernels/softmax_gate.hpp with cuDNN's softmax. Same shapes and
// meaning, other order of sums: compared within tolerances, outside the promise of equal bits.
// Enqueued on the context's stream. What is kept for backward is the softmax itself, not yet times
// `scale`: `share` where kernels/softmax_gate.cuh has `gate`.
//
// Errors    as there, and DeviceError if cuDNN refuses

void softmax_gate_forward(Cudnn const& cudnn, ConstMat logits, ConstMat h, float scale, Mat share,
                          Mat y);

/// Overwrites dy.
void softmax_gate_backward(Cudnn const& cudnn, Mat dy, ConstMat h, ConstMat share, float scale,
                           bool accumulate_logits, Mat dlogits, bool accumulate_h, Mat dh);

}  // namespace jetcal::cuda
