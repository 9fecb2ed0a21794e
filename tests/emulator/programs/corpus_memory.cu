// Wrong kernels: bounds, alignment, memory nobody has written, memory that is no longer there.
#undef NDEBUG
#include <cassert>

#include "tests/emulator/programs/corpus.cuh"

namespace programs {
namespace {

constexpr int kLineOfTheRead = __LINE__ + 3;
__global__ void read_kernel(float const* x, float* y, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { y[threadIdx.x % 32] = x[i]; }
}
__global__ void write_kernel(float* y, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { y[i] = 1.0f; }
}
__global__ void negative_kernel(float* y, int first) {
  y[first + static_cast<int>(threadIdx.x)] = 1.0f;
}
__global__ void vector_kernel(float* y, int offset) {
  *reinterpret_cast<float4*>(y + offset + 4 * threadIdx.x) = make_float4(1, 2, 3, 4);
}
__global__ void bytes_kernel(unsigned char const* x, unsigned char* y, int n) {
  for (int i = threadIdx.x; i < n; i += 32) { y[i] = x[i]; }
}
__global__ void double_kernel(char* y, int offset) { *reinterpret_cast<double*>(y + offset) = 1.0; }
__global__ void shared_index_kernel(float* y, int shift) {
  __shared__ float s[64];
  s[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x + shift];
}
__global__ void neighbour_kernel(float* y, int shift) {
  __shared__ float s[32], other[32];
  other[threadIdx.x] = 2.0f;
  s[threadIdx.x + shift] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x] + other[threadIdx.x];
}
__global__ void dynamic_shared_kernel(float* y) {
  extern __shared__ float dynamic[];
  dynamic[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = dynamic[63 - threadIdx.x];
}
__global__ void local_kernel(float* y, int shift) {
  float a[8];
  for (int i = 0; i < 8; ++i) { a[i] = y[i]; }
  y[threadIdx.x] = a[threadIdx.x % 8 + shift];
}
__global__ void local_unwritten_kernel(float* y, int n) {
  float a[8];
  for (int i = 0; i < n; ++i) { a[i * 5 % 8] = y[i]; }
  y[threadIdx.x] = a[threadIdx.x % 8];
}
__global__ void sum_kernel(float* y, float const* x) { y[threadIdx.x] += x[threadIdx.x]; }
__global__ void shared_unwritten_kernel(float* y, int n) {
  __shared__ float s[64];
  for (int i = threadIdx.x; i < n; i += 32) { s[i] = 1.0f; }
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x] + s[threadIdx.x + 32];
}
__global__ void one_block_writes_kernel(float* y, int reader) {
  __shared__ float s[32];
  if (static_cast<int>(blockIdx.x) != reader) { s[threadIdx.x] = 1.0f; }
  __syncthreads();
  y[blockIdx.x * 32 + threadIdx.x] = s[31 - threadIdx.x];
}
__global__ void null_kernel(float* y) { *y = 1.0f; }
__global__ void misaligned_shared_kernel(float* y, int offset) {
  __shared__ __align__(16) float s[72];
  s[threadIdx.x] = s[threadIdx.x + 32] = 0.0f;
  if (threadIdx.x < 8) { s[threadIdx.x + 64] = 0.0f; }
  __syncthreads();
  float2 const two = *reinterpret_cast<float2*>(s + offset + 2 * threadIdx.x);
  y[threadIdx.x] = two.x + two.y;
}
__global__ void atomic_kernel(int* y, int n) { atomicAdd(y + (n - 1), 1); }
__global__ void assert_kernel(int const* x) { assert(x[0] == 0); }

void guard_off_by_one(bool wrong) {
  Scratch<float> x(100), y(32);
  read_kernel<<<1, 128>>>(x.get(), y.get(), wrong ? 101 : 100);
}
void guard_missing(bool wrong) {
  Scratch<float> y(100);
  write_kernel<<<1, 128>>>(y.get(), wrong ? 128 : 100);
}
void before_the_beginning(bool wrong) {
  Scratch<float> y(64);
  negative_kernel<<<1, 32>>>(y.get(), wrong ? -1 : 0);
}
void vector_over_the_end(bool wrong) {
  Scratch<float> y(126);
  vector_kernel<<<1, wrong ? 32 : 31>>>(y.get(), 0);
}
void last_byte(bool wrong) {
  Scratch<unsigned char> x(33), y(40);
  bytes_kernel<<<1, 32>>>(x.get(), y.get(), wrong ? 34 : 33);
}
void null_pointer(bool wrong) {
  Scratch<float> y(1);
  null_kernel<<<1, 1>>>(wrong ? nullptr : y.get());
}
void host_pointer(bool wrong) {
  Scratch<float> y(1);
  static float on_host = 0;
  null_kernel<<<1, 1>>>(wrong ? &on_host : y.get());
}
void misaligned_vector(bool wrong) {
  Scratch<float> y(256);
  vector_kernel<<<1, 32>>>(y.get(), wrong ? 2 : 4);
}
void misaligned_double(bool wrong) {
  Scratch<char> y(32);
  double_kernel<<<1, 1>>>(y.get(), wrong ? 12 : 16);
}
void misaligned_shared(bool wrong) {
  Scratch<float> y(32);
  misaligned_shared_kernel<<<1, 32>>>(y.get(), wrong ? 1 : 2);
}
void shared_over_the_end(bool wrong) {
  Scratch<float> y(64);
  shared_index_kernel<<<1, 64>>>(y.get(), wrong ? 1 : 0);
}
void shared_into_the_neighbour(bool wrong) {
  Scratch<float> y(32);
  neighbour_kernel<<<1, 32>>>(y.get(), wrong ? 1 : 0);
}
void dynamic_shared_too_small(bool wrong) {
  Scratch<float> y(64);
  dynamic_shared_kernel<<<1, 64, wrong ? 128 : 256>>>(y.get());
}
void local_over_the_end(bool wrong) {
  Scratch<float> y(32);
  local_kernel<<<1, 32>>>(y.get(), wrong ? 1 : 0);
}
void local_unwritten(bool wrong) {
  Scratch<float> y(32);
  local_unwritten_kernel<<<1, 32>>>(y.get(), wrong ? 7 : 8);
}
void unwritten_sum(bool wrong) {
  Scratch<float> x(32), y(32, !wrong);
  sum_kernel<<<1, 32>>>(y.get(), x.get());
}
void unwritten_tail(bool wrong) {
  Scratch<float> x(100, false), y(32);
  cudaMemset(x.get(), 0, wrong ? 396 : 400);
  read_kernel<<<1, 128>>>(x.get(), y.get(), 100);
}
void shared_unwritten(bool wrong) {
  Scratch<float> y(32);
  shared_unwritten_kernel<<<1, 32>>>(y.get(), wrong ? 63 : 64);
}
void shared_is_not_kept(bool wrong) {  // the second block finds nothing of the first one's
  Scratch<float> y(32);
  shared_unwritten_kernel<<<1, 32>>>(y.get(), 64);
  shared_unwritten_kernel<<<1, 32>>>(y.get(), wrong ? 32 : 64);
}
void shared_of_another_block(bool wrong) {
  Scratch<float> y(16 * 32);
  one_block_writes_kernel<<<16, 32>>>(y.get(), wrong ? 7 : 16);
}
void freed_before_the_kernel(bool wrong) {
  Scratch<float> y(32);
  void* x = nullptr;
  cudaMalloc(&x, 128);
  cudaMemset(x, 0, 128);
  if (wrong) { cudaFree(x); }
  sum_kernel<<<1, 32>>>(y.get(), static_cast<float*>(x));
  if (!wrong) { cudaFree(x); }
}
void freed_in_the_stream(bool wrong) {
  Scratch<float> y(32);
  void* x = nullptr;
  cudaStream_t stream = nullptr;
  cudaStreamCreate(&stream);
  cudaMallocAsync(&x, 128, stream);
  cudaMemsetAsync(x, 0, 128, stream);
  if (wrong) { cudaFreeAsync(x, stream); }
  sum_kernel<<<1, 32, 0, stream>>>(y.get(), static_cast<float*>(x));
  if (!wrong) { cudaFreeAsync(x, stream); }
  cudaStreamSynchronize(stream);
  cudaStreamDestroy(stream);
}
void freed_twice(bool wrong) {
  void* x = nullptr;
  cudaMalloc(&x, 128);
  cudaFree(x);
  if (wrong) { cudaFree(x); }
}
void freed_in_the_middle(bool wrong) {
  char* x = nullptr;
  cudaMalloc(&x, 128);
  if (wrong) { cudaFree(x + 64); }
  cudaFree(x);
}
void never_freed(bool wrong) {
  void* x = nullptr;
  cudaMalloc(&x, 1000);
  if (!wrong) { cudaFree(x); }
}
void atomic_out_of_bounds(bool wrong) {
  Scratch<int> y(10);
  atomic_kernel<<<1, 32>>>(y.get(), wrong ? 11 : 10);
}
void assertion(bool wrong) {
  Scratch<int> x(1);
  if (wrong) { cudaMemset(x.get(), 1, 4); }
  assert_kernel<<<1, 1>>>(x.get());
}

}  // namespace

int line_of_the_read() { return kLineOfTheRead; }

std::vector<Mistake> memory_mistakes() {
  return {
      {"a guard is off by one", "out of bounds", guard_off_by_one},
      {"a guard is missing", "out of bounds", guard_missing},
      {"an index is negative", "out of bounds", before_the_beginning},
      {"a vector reaches over the end", "out of bounds", vector_over_the_end},
      {"one byte too many is read", "out of bounds", last_byte},
      {"a null pointer", "out of bounds", null_pointer},
      {"a host pointer", "out of bounds", host_pointer},
      {"a float4 at a multiple of 8", "misaligned", misaligned_vector},
      {"a double at a multiple of 4", "misaligned", misaligned_double},
      {"a float2 in shared memory at an odd index", "misaligned", misaligned_shared},
      {"an index beyond a shared array", "out of bounds", shared_over_the_end},
      {"a shared array runs into its neighbour", "out of bounds", shared_into_the_neighbour},
      {"too little dynamic shared memory", "out of bounds", dynamic_shared_too_small},
      {"an index beyond a local array", "out of bounds", local_over_the_end},
      {"a local array is written in part", "uninitialised", local_unwritten},
      {"a sum into memory that was never written", "uninitialised", unwritten_sum},
      {"the last element was never written", "uninitialised", unwritten_tail},
      {"the last shared element was never written", "uninitialised", shared_unwritten},
      {"shared memory of an earlier launch is used", "uninitialised", shared_is_not_kept},
      {"a block leaves to the others to write", "uninitialised", shared_of_another_block},
      {"memory is freed before the kernel", "use after free", freed_before_the_kernel},
      {"memory is freed before the kernel, in its stream", "use after free", freed_in_the_stream},
      {"memory is freed twice", "invalid free", freed_twice},
      {"an address inside an allocation is freed", "invalid free", freed_in_the_middle},
      {"memory is never freed", "device memory leak", never_freed},
      {"an atomic behind the end", "out of bounds", atomic_out_of_bounds},
      {"an assertion fails", "assertion", assertion},
  };
}

}  // namespace programs
