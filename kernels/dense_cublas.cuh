#pragma once

#include "kernels/cublas_library.cuh"
#include "kernels/dense.cuh"

namespace jetcal::cuda {

// The dense layer of kernels/dense.cuh (T = float) and kernels/dense_tensor.cuh (Tf32, Bf16) with
// cuBLAS's products. Same shapes and meaning, but w [inputs, outputs] is taken as it is, and other
// order of sums: compared within tolerances, outside the promise of equal bits; the same bits from
// run to run (kernels/cublas_library.cuh). All enqueue on the context's stream and return at once.
//
// Errors    as there, and DeviceError if cuBLAS refuses

/// In bf16 the product is rounded before bias and activation, and what comes of it once more.
template <class T>
void dense_forward(Cublas const& cublas, ConstMatOf<T> x, ConstMatOf<T> w, float const* bias,
                   Activation activation, MatOf<T> y, MatOf<T> slope);

/// In bf16 the gradient is rounded before the slope, and once more after it.
template <class T>
void dense_backward_data(Cublas const& cublas, ConstMatOf<T> dz, ConstMatOf<T> w,
                         GradientTo<T> const& dx);

template <class T>
void dense_backward_weights(Cublas const& cublas, ConstMatOf<T> x, ConstMatOf<T> dz,
                            Lanes const& lanes, LaneArenas const& arenas, bool accumulate, Mat dw,
                            Mat db);

}  // namespace jetcal::cuda
