#pragma once

#include "kernels/dense.hpp"
#include "kernels/soon.hpp"

namespace jetcal::bf16::avx512 {

// kernels/dense_bf16.hpp with the instruction vdpbf16ps. Only where supported() says so.

bool supported();
void round_rows(ConstMat x, float* words, std::int64_t ld);
void pack(ConstMat w, float* packed);
void pack_transposed(ConstMat w, float* packed);
void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope, Requests ahead);
void backward(cpu::DenseBackward const& b);

}  // namespace jetcal::bf16::avx512
