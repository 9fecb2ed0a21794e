#pragma once

#include "kernels/dense.hpp"
#include "kernels/soon.hpp"

namespace jetcal::bf16 {

// The dense layer with factors rounded to bfloat16 (to nearest even) and sums in float32. Same
// shapes and meaning as jetcal::cpu, about twice its speed where the processor has AVX512-bf16;
// elsewhere the factors are rounded and our float32 kernels do the rest, slower than float32 alone.
// Outside the promise of equal bits: the instruction adds its two products in its own way and takes
// subnormal numbers for 0.

/// Whether the active instruction set is avx512 and the processor has AVX512-bf16.
bool has_instructions();

/// Rows of x rounded, two columns in each word, the even one in its lower half; `ld` words from row
/// to row. Writes whole groups of 16 words, zeros past the columns, so ld must be at least that.
void round_rows(ConstMat x, float* words, std::int64_t ld);

void dense_pack(ConstMat w, float* packed);
void dense_pack_transposed(ConstMat w, float* packed);
void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope, Requests ahead = {});
void dense_backward(cpu::DenseBackward const& b);

}  // namespace jetcal::bf16
