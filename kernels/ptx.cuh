#pragma once

// All the inline PTX there is: tensor-core products, the loads of their operands, asynchronous
// copies, roundings and approximate functions that CUDA C++ has no words for (PTX ISA 9.0, sections
// 9.7.3, 9.7.9 and 9.7.14 to 9.7.16).
// From compute capability 8.0 on. Addresses are those of one space, made once; an offset in bytes
// that the compiler knows is part of the instruction and costs nothing.

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/storage.hpp"

namespace jetcal::cuda::ptx {

inline __device__ std::uint32_t shared_address(void const* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

inline __device__ std::uint64_t global_address(void const* p) {
  return __cvta_generic_to_global(p);
}

// ---- tensor-core products ----

/// c [16, 8] += a [16, 8] b [8, 8], sums in float32. In thread 4 g + t of a warp:
///   a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)       b: (t, g), (t + 4, g)
///   c: (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1)
__device__ inline void mma(float (&c)[4], std::uint32_t const (&a)[4], std::uint32_t b0,
                           std::uint32_t b1, Tf32) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// c [16, 8] += a [16, 16] b [16, 8]. As above with two neighbours of the depth, 2 t and 2 t + 1,
/// in the place of one, and 8 in the place of 4.
__device__ inline void mma(float (&c)[4], std::uint32_t const (&a)[4], std::uint32_t b0,
                           std::uint32_t b1, Bf16) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// ---- operands from shared memory ----

/// Four matrices of 8 rows of 16 bytes. Threads 8 i to 8 i + 7 name the rows of matrix i; thread
/// 4 g + t gets the 4 bytes at 4 t of row g of each.
template <int kOffset>
__device__ inline void load_matrices(std::uint32_t (&m)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4+%5];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address), "n"(kOffset)
               : "memory");
}

/// The same, transposed, of elements of 2 bytes: thread 4 g + t gets column g of rows 2 t, 2 t + 1.
template <int kOffset>
__device__ inline void load_matrices_transposed(std::uint32_t (&m)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4+%5];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address), "n"(kOffset)
               : "memory");
}

// ---- copies from global to shared memory that go on beside the computing ----

/// Copies `bytes` (0 to 16) bytes from global memory and fills up to 16 with zeros; nothing else is
/// read. Both addresses are multiples of 16.
template <int kOffset>
__device__ inline void copy_async(std::uint32_t to, std::uint64_t from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0+%1], [%2], 16, %3;"
               :
               : "r"(to), "n"(kOffset), "l"(from), "r"(bytes)
               : "memory");
}

/// Closes a group of copies.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" : : : "memory"); }

/// Waits until at most the last `kGroups` groups of this thread are on their way.
template <int kGroups>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" : : "n"(kGroups) : "memory");
}

// ---- roundings ----

/// To tf32 (8 bits of exponent, 10 of fraction), to nearest, ties away from 0.
__device__ inline float round_to_tf32(float x) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
}

/// Two numbers rounded to bfloat16, to nearest even, `low` in the lower half.
inline __device__ std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}

// ---- approximate functions, one instruction each; numbers below 2^-126 are 0 ----

/// 2^x, to 2 ulp.
__device__ inline float approximate_power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 1 / x, to 1 ulp.
__device__ inline float approximate_inverse(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace jetcal::cuda::ptx
