#pragma once

#include "kernels/cudnn_library.cuh"
#include "kernels/softmax_gate.hpp"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

// The multiplicative gate of kernels/softmax_gate.cuh with cuDNN's softmax, on matrices of T:
// float, Tf32 or Bf16. Same shapes and meaning, other order of sums: compared within tolerances,
// outside the promise of equal bits. Enqueued on the context's stream. What is kept for backward is
// the softmax itself, not yet times `scale`: `share` where the other has `gate`.
//
// Errors    as there, and DeviceError if cuDNN refuses

template <class T>
void softmax_gate_forward(Cudnn const& cudnn, ConstMatOf<T> logits, ConstMatOf<T> h, float scale,
                          MatOf<T> share, MatOf<T> y);

/// Overwrites dy. In bf16 the logits' gradient is made of rounded products dy h, and rounded before
/// the slope and after it.
template <class T>
void softmax_gate_backward(Cudnn const& cudnn, MatOf<T> dy, ConstMatOf<T> h, ConstMatOf<T> share,
                           float scale, GradientTo<T> const& dlogits, GradientTo<T> const& dh);

}  // namespace jetcal::cuda
