#pragma once

#include "kernels/dense.hpp"
#include "kernels/soon.hpp"

namespace jetcal::bf16::onednn {

// kernels/dense_bf16.hpp with oneDNN's matrix product, called from our own worker threads with one
// OpenMP thread each: with tiles (AMX) where the processor has them. Factors are rounded as ours
// are, sums are in float32, in oneDNN's order; bias, activation and their gradients are ours.
// Errors: DeviceError if oneDNN fails.

/// Whether oneDNN multiplies bfloat16 matrices on this processor (Debian's does with AVX-512).
/// Its variable ONEDNN_MAX_CPU_ISA limits what it makes of a processor.
bool supported();

/// Whether it does so in tiles: the processor has AMX with bfloat16, and the system lends it to
/// this process (Linux 5.16 or later; oneDNN asks for it). JETCAL_AMX=yes or no answers instead,
/// to try on one processor what `auto` takes on another. Errors: ConfigError for another word.
bool has_tiles();

void pack(ConstMat w, float* packed);
void pack_transposed(ConstMat w, float* packed);
void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope, Requests ahead = {});
void backward(cpu::DenseBackward const& b);

}  // namespace jetcal::bf16::onednn
