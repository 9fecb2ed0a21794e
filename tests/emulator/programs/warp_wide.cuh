// Kernels of one warp or block for what its lanes do together.
#pragma once

#include <cuda_runtime.h>

namespace programs {

/// d = a b + c, row-major [16, K] [K, 8] [16, 8]; K 8 with tf32, 16 or 8 with bf16. By mma.sync,
/// loaded lane by lane as the PTX ISA describes the fragments.
void mma_tf32(float const* a, float const* b, float const* c, float* d);
void mma_bf16_k16(float const* a, float const* b, float const* c, float* d);
void mma_bf16_k8(float const* a, float const* b, float const* c, float* d);
void mma_f16_k16(float const* a, float const* b, float const* c, float* d);
/// The same product of bf16, but loaded by ldmatrix (b with .trans) from shared memory that
/// cp.async filled.
void mma_through_shared(float const* a, float const* b, float const* c, float* d);

/// out[mode][lane]: shfl up, down, xor, idx by `by` within segments of `width` lanes.
void shuffles(int const* in, int* out, int by, int width);
/// out: ballot, any, all, activemask of half a warp, reduce add / min / max / and / or / xor,
/// match_any, match_all; 32 values each.
void votes(int const* in, unsigned* out);
/// Three sums over the block by barriers that reduce: count, and, or of in[i] > 0.
void barrier_votes(int const* in, int* out, int n);
/// Copies 4, 8 and 16 bytes by cp.async; of each only `valid` bytes, the rest becomes zero.
void async_copies(float const* in, float* out, int valid);

}  // namespace programs
