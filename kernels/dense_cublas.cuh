#pragma once

#include "kernels/cublas_library.cuh"
#include "kernels/dense.cuh"

namespace jetcal::cuda {

// The dense layer of kernels/dense.cuh with cuBLAS's products. Same shapes and meaning, other order
// of sums: compared within tolerances, outside the promise of equal bits; the same bits from run to
// run (kernels/cublas_library.cuh). All enqueue on the context's stream and return at once.
//
// Errors    as there, and DeviceError if cuBLAS refuses

void dense_forward(Cublas const& cublas, ConstMat x, ConstMat w, float const* bias,
                   Activation activation, Mat y, Mat slope);

/// Takes w [inputs, outputs] as it is.
void dense_backward_data(Cublas const& cublas, ConstMat dz, ConstMat w, bool accumulate, Mat dx);

void dense_backward_weights(Cublas const& cublas, ConstMat x, ConstMat dz, Lanes const& lanes,
                            LaneArenas const& arenas, bool accumulate, Mat dw, Mat db);

}  // namespace jetcal::cuda
