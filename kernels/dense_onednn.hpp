#pragma once

#include "kernels/dense.hpp"
#include "kernels/soon.hpp"

namespace jetcal::onednn {

// The dense layer with oneDNN's matrix product (dnnl_sgemm), called from our own worker threads
// with one OpenMP thread each. Same shapes and meaning as jetcal::cpu, other order of sums:
// compared within tolerances, outside the promise of equal bits. `packed` holds the weights as they
// are.

void dense_pack(ConstMat w, float* packed);
void dense_pack_transposed(ConstMat w, float* packed);
void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope, Requests ahead = {});
void dense_backward_data(ConstMat dz, float const* packed_transposed, bool accumulate, Mat dx);
void dense_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db);
void dense_backward(cpu::DenseBackward const& b);

}  // namespace jetcal::onednn
