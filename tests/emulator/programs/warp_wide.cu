// mma.sync, ldmatrix, cp.async, shuffles and votes.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline_primitives.h>

#include <cstdint>

#include "tests/emulator/programs/warp_wide.cuh"

namespace programs {
namespace {

__device__ std::uint32_t pair(__nv_bfloat16 low, __nv_bfloat16 high) {
  return __bfloat16_as_ushort(low) | static_cast<std::uint32_t>(__bfloat16_as_ushort(high)) << 16;
}
__device__ std::uint32_t pair(__half low, __half high) {
  return __half_as_ushort(low) | static_cast<std::uint32_t>(__half_as_ushort(high)) << 16;
}
__device__ std::uint32_t tf32(float x) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

struct Accumulator {
  float x[4];
  __device__ void load(float const* c, int g, int t) {
    for (int r = 0; r < 4; ++r) { x[r] = c[(g + 8 * (r / 2)) * 8 + 2 * t + r % 2]; }
  }
  __device__ void store(float* d, int g, int t) const {
    for (int r = 0; r < 4; ++r) { d[(g + 8 * (r / 2)) * 8 + 2 * t + r % 2] = x[r]; }
  }
};

__global__ void mma_tf32_kernel(float const* a, float const* b, float const* c, float* d) {
  int const g = threadIdx.x / 4, t = threadIdx.x % 4;
  std::uint32_t const a0 = tf32(a[g * 8 + t]), a1 = tf32(a[(g + 8) * 8 + t]);
  std::uint32_t const a2 = tf32(a[g * 8 + t + 4]), a3 = tf32(a[(g + 8) * 8 + t + 4]);
  std::uint32_t const b0 = tf32(b[t * 8 + g]), b1 = tf32(b[(t + 4) * 8 + g]);
  Accumulator s;
  s.load(c, g, t);
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(s.x[0]), "+f"(s.x[1]), "+f"(s.x[2]), "+f"(s.x[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
  s.store(d, g, t);
}

template <class Number, int K>
__device__ void load_fragments(float const* a, float const* b, int g, int t, std::uint32_t* fa,
                               std::uint32_t* fb) {
  for (int half = 0; half < K / 8; ++half) {
    for (int lower = 0; lower < 2; ++lower) {
      float const* const at = a + (g + 8 * lower) * K + 2 * t + 8 * half;
      fa[2 * half + lower] = pair(Number(at[0]), Number(at[1]));
    }
    float const* const at = b + (2 * t + 8 * half) * 8 + g;
    fb[half] = pair(Number(at[0]), Number(at[8]));
  }
}

#define JETCAL_MMA_K16(TYPE)                                       \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE       \
      ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
      : "+f"(s.x[0]), "+f"(s.x[1]), "+f"(s.x[2]), "+f"(s.x[3])     \
      : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]))

__global__ void mma_bf16_k16_kernel(float const* a, float const* b, float const* c, float* d) {
  int const g = threadIdx.x / 4, t = threadIdx.x % 4;
  std::uint32_t fa[4], fb[2];
  load_fragments<__nv_bfloat16, 16>(a, b, g, t, fa, fb);
  Accumulator s;
  s.load(c, g, t);
  JETCAL_MMA_K16("bf16");
  s.store(d, g, t);
}
__global__ void mma_f16_k16_kernel(float const* a, float const* b, float const* c, float* d) {
  int const g = threadIdx.x / 4, t = threadIdx.x % 4;
  std::uint32_t fa[4], fb[2];
  load_fragments<__half, 16>(a, b, g, t, fa, fb);
  Accumulator s;
  s.load(c, g, t);
  JETCAL_MMA_K16("f16");
  s.store(d, g, t);
}
__global__ void mma_bf16_k8_kernel(float const* a, float const* b, float const* c, float* d) {
  int const g = threadIdx.x / 4, t = threadIdx.x % 4;
  std::uint32_t fa[2], fb[1];
  load_fragments<__nv_bfloat16, 8>(a, b, g, t, fa, fb);
  Accumulator s;
  s.load(c, g, t);
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
      "{%0,%1,%2,%3};"
      : "+f"(s.x[0]), "+f"(s.x[1]), "+f"(s.x[2]), "+f"(s.x[3])
      : "r"(fa[0]), "r"(fa[1]), "r"(fb[0]));
  s.store(d, g, t);
}

__global__ void mma_through_shared_kernel(__nv_bfloat16 const* a, __nv_bfloat16 const* b,
                                          float const* c, float* d) {
  __shared__ __align__(16) __nv_bfloat16 sa[16][24], sb[16][8];  // a padded: no bank conflicts
  int const lane = threadIdx.x;
  __pipeline_memcpy_async(&sa[lane / 2][8 * (lane % 2)], a + 8 * lane, 16);
  if (lane < 16) { __pipeline_memcpy_async(&sb[lane][0], b + 8 * lane, 16); }
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncwarp();
  std::uint32_t fa[4], fb[2];
  auto const address = [](void const* p) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
  };
  // Lanes 0-7 and 8-15 name the upper and lower rows of columns 0-7, the others those of columns
  // 8-15.
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3])
               : "r"(address(&sa[lane % 16][8 * (lane / 16)]))
               : "memory");
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(fb[0]), "=r"(fb[1])
               : "r"(address(&sb[lane % 16][0]))
               : "memory");
  Accumulator s;
  s.load(c, lane / 4, lane % 4);
  JETCAL_MMA_K16("bf16");
  s.store(d, lane / 4, lane % 4);
}
__global__ void to_bf16_kernel(float const* x, __nv_bfloat16* y, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) { y[i] = __float2bfloat16(x[i]); }
}

__global__ void shuffles_kernel(int const* in, int* out, int by, int width) {
  int const lane = threadIdx.x, v = in[lane];
  out[lane] = __shfl_up_sync(~0u, v, by, width);
  out[32 + lane] = __shfl_down_sync(~0u, v, by, width);
  out[64 + lane] = __shfl_xor_sync(~0u, v, by, width);
  out[96 + lane] = __shfl_sync(~0u, v, by, width);
}

__global__ void votes_kernel(int const* in, unsigned* out) {
  int const lane = threadIdx.x, v = in[lane];
  unsigned* next = out + lane;
  auto put = [&](unsigned x) {
    *next = x;
    next += 32;
  };
  put(__ballot_sync(~0u, v > 3));
  put(__any_sync(~0u, v > 100));
  put(__all_sync(~0u, v >= 0));
  put(0);
  if (lane < 16) { out[96 + lane] = __activemask(); }
  put(static_cast<unsigned>(__reduce_add_sync(~0u, v)));
  put(static_cast<unsigned>(__reduce_min_sync(~0u, v)));
  put(static_cast<unsigned>(__reduce_max_sync(~0u, v)));
  put(__reduce_and_sync(~0u, static_cast<unsigned>(v)));
  put(__reduce_or_sync(~0u, static_cast<unsigned>(v)));
  put(__reduce_xor_sync(~0u, static_cast<unsigned>(v)));
  put(__match_any_sync(~0u, v));
  int same = 0;
  put(__match_all_sync(~0u, v, &same));
}

__global__ void barrier_votes_kernel(int const* in, int* out) {
  int const i = threadIdx.x;
  int const count = __syncthreads_count(in[i] > 0), all = __syncthreads_and(in[i] > 0),
            any = __syncthreads_or(in[i] > 0);
  if (i == static_cast<int>(blockDim.x) - 1) {
    out[0] = count;
    out[1] = all != 0;
    out[2] = any != 0;
  }
}

__global__ void async_copies_kernel(float const* in, float* out, int valid) {
  __shared__ __align__(16) float s[3][4];
  int const sizes[3] = {4, 8, 16};
  if (threadIdx.x == 0) {
    for (int i = 0; i < 12; ++i) { s[i / 4][i % 4] = -1.0f; }
    __pipeline_memcpy_async(s[0], in, 4, 4 - min(valid, sizes[0]));
    __pipeline_memcpy_async(s[1], in + 4, 8, 8 - min(valid, sizes[1]));
    __pipeline_memcpy_async(s[2], in + 8, 16, 16 - min(valid, sizes[2]));
    __pipeline_commit();
    __pipeline_wait_prior(0);
  }
  __syncthreads();
  if (threadIdx.x < 12) { out[threadIdx.x] = s[threadIdx.x / 4][threadIdx.x % 4]; }
}

}  // namespace

void mma_tf32(float const* a, float const* b, float const* c, float* d) {
  mma_tf32_kernel<<<1, 32>>>(a, b, c, d);
}
void mma_bf16_k16(float const* a, float const* b, float const* c, float* d) {
  mma_bf16_k16_kernel<<<1, 32>>>(a, b, c, d);
}
void mma_bf16_k8(float const* a, float const* b, float const* c, float* d) {
  mma_bf16_k8_kernel<<<1, 32>>>(a, b, c, d);
}
void mma_f16_k16(float const* a, float const* b, float const* c, float* d) {
  mma_f16_k16_kernel<<<1, 32>>>(a, b, c, d);
}
void mma_through_shared(float const* a, float const* b, float const* c, float* d) {
  void *na = nullptr, *nb = nullptr;
  cudaMalloc(&na, 512);
  cudaMalloc(&nb, 256);
  to_bf16_kernel<<<1, 64>>>(a, static_cast<__nv_bfloat16*>(na), 256);
  to_bf16_kernel<<<1, 64>>>(b, static_cast<__nv_bfloat16*>(nb), 128);
  mma_through_shared_kernel<<<1, 32>>>(static_cast<__nv_bfloat16*>(na),
                                       static_cast<__nv_bfloat16*>(nb), c, d);
  cudaFree(na);
  cudaFree(nb);
}
void shuffles(int const* in, int* out, int by, int width) {
  shuffles_kernel<<<1, 32>>>(in, out, by, width);
}
void votes(int const* in, unsigned* out) { votes_kernel<<<1, 32>>>(in, out); }
void barrier_votes(int const* in, int* out, int n) { barrier_votes_kernel<<<1, n>>>(in, out); }
void async_copies(float const* in, float* out, int valid) {
  async_copies_kernel<<<1, 32>>>(in, out, valid);
}

}  // namespace programs
