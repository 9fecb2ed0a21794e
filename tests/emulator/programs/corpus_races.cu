// Wrong kernels: races in shared memory and between blocks.
#include "tests/emulator/programs/corpus.cuh"

namespace programs {
namespace {

template <bool Wrong>
__global__ void missing_barrier_kernel(float* y) {
  __shared__ float s[64];
  s[threadIdx.x] = 1.0f;
  if (!Wrong) { __syncthreads(); }
  y[threadIdx.x] = s[63 - threadIdx.x];
}
template <bool Wrong>
__global__ void missing_second_barrier_kernel(float* y) {
  __shared__ float s[64];
  float sum = 0.0f;
  for (int k = 0; k < 3; ++k) {
    s[threadIdx.x] = static_cast<float>(k);
    __syncthreads();
    sum += s[(threadIdx.x + 40) % 64];
    if (!Wrong) { __syncthreads(); }
  }
  y[threadIdx.x] = sum;
}
template <bool Wrong>
__global__ void missing_syncwarp_kernel(float* y) {
  __shared__ float s[32];
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (!Wrong) { __syncwarp(); }
  y[threadIdx.x] = s[31 - threadIdx.x];
}
template <bool Wrong>
__global__ void reduction_in_warp_kernel(float* y) {
  __shared__ float s[64];
  s[threadIdx.x] = 1.0f;
  __syncthreads();
  if (threadIdx.x < 32) {
    float v = s[threadIdx.x] + s[threadIdx.x + 32];
    for (int distance = 16; distance > 0; distance /= 2) {
      s[threadIdx.x] = v;
      __syncwarp();
      v += s[(threadIdx.x + distance) % 32];
      if (!Wrong) { __syncwarp(); }
    }
    if (threadIdx.x == 0) { y[0] = v; }
  }
}
template <bool Wrong>
__global__ void partial_syncwarp_kernel(float* y) {
  __shared__ float s[32];
  unsigned const mine = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
  s[threadIdx.x] = 1.0f;
  if (Wrong) {
    __syncwarp(mine);
  } else {
    __syncwarp();
  }
  y[threadIdx.x] = s[(threadIdx.x + 16) % 32];
}
template <bool Wrong>
__global__ void same_word_kernel(float* y) {
  __shared__ float total;
  if (Wrong || threadIdx.x == 0) { total = static_cast<float>(threadIdx.x); }
  __syncthreads();
  y[threadIdx.x] = total;
}
template <bool Wrong>
__global__ void shared_counter_kernel(int* y) {
  __shared__ int count;
  if (threadIdx.x == 0) { count = 0; }
  __syncthreads();
  if (Wrong) {
    count = count + 1;
  } else {
    atomicAdd(&count, 1);
  }
  __syncthreads();
  if (threadIdx.x == 0) { y[0] = count; }
}
template <bool Wrong>
__global__ void reset_too_late_kernel(int* y) {
  __shared__ int count;
  if (threadIdx.x == 0) { count = 0; }
  if (!Wrong) { __syncthreads(); }
  atomicAdd(&count, 1);
  __syncthreads();
  if (threadIdx.x == 0) { y[0] = count; }
}
template <bool Wrong>
__global__ void halves_kernel(
    unsigned short* y) {  // neighbours in one word are no race, the same half is
  __shared__ unsigned short s[66];
  s[threadIdx.x] = 1;
  if (Wrong) { s[threadIdx.x + 1] = 2; }
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
template <bool Wrong>
__global__ void stage_kernel(float* y) {  // a pipeline of two stages that fills the one being read
  __shared__ float s[2][64];
  s[0][threadIdx.x] = 1.0f;
  __syncthreads();
  float sum = 0.0f;
  for (int k = 0; k < 4; ++k) {
    s[(k + (Wrong ? 0 : 1)) % 2][threadIdx.x] = 2.0f;
    sum += s[k % 2][63 - threadIdx.x];
    __syncthreads();
  }
  y[threadIdx.x] = sum;
}
template <bool Wrong>
__global__ void tile_kernel(float const* x,
                            float* y) {  // the transpose reads columns other warps wrote
  __shared__ float tile[32][33];
  for (int row = threadIdx.y; row < 32; row += 8) {
    tile[row][threadIdx.x] = x[row * 32 + threadIdx.x];
  }
  if (Wrong) {
    __syncwarp();
  } else {
    __syncthreads();
  }
  for (int row = threadIdx.y; row < 32; row += 8) {
    y[row * 32 + threadIdx.x] = tile[threadIdx.x][row];
  }
}

__global__ void overlap_kernel(float* y, int stride) {
  y[blockIdx.x * stride + threadIdx.x] = 1.0f;
}
__global__ void same_element_kernel(float* y, int stride) {
  if (threadIdx.x == 0) { y[blockIdx.x * stride] = static_cast<float>(blockIdx.x); }
}
__global__ void neighbour_block_kernel(float* x, float* y, int shift) {
  int const i = blockIdx.x * 32 + threadIdx.x;
  x[i] = 1.0f;
  y[i] = x[(i + shift) % (gridDim.x * 32)];
}
__global__ void one_reads_kernel(float* x, float* y,
                                 int shift) {  // block 1 reads, and writes elsewhere
  if (blockIdx.x == 0) { x[threadIdx.x] = 1.0f; }
  if (blockIdx.x == 1) { y[threadIdx.x] = x[threadIdx.x + shift]; }
}
template <bool Wrong>
__global__ void sum_kernel(float* y) {
  if (threadIdx.x != 0) { return; }
  if (Wrong) {
    *y += 1.0f;
  } else {
    atomicAdd(y, 1.0f);
  }
}
template <bool Wrong>
__global__ void last_block_kernel(int* count, int* y) {  // a plain store beside the others' atomics
  if (threadIdx.x != 0) { return; }
  if (Wrong && blockIdx.x == 0) {
    *count = 0;
  } else {
    y[blockIdx.x] = atomicAdd(count, 1);
  }
}
__global__ void narrow_kernel(unsigned char* y,
                              int width) {  // bytes of one word by two blocks: no race
  if (static_cast<int>(threadIdx.x) < width) { y[blockIdx.x * 2 + threadIdx.x] = 1; }
}

void missing_barrier(bool wrong) {
  Scratch<float> y(64);
  wrong ? missing_barrier_kernel<true><<<1, 64>>>(y.get())
        : missing_barrier_kernel<false><<<1, 64>>>(y.get());
}
void missing_second_barrier(bool wrong) {
  Scratch<float> y(64);
  wrong ? missing_second_barrier_kernel<true><<<1, 64>>>(y.get())
        : missing_second_barrier_kernel<false><<<1, 64>>>(y.get());
}
void missing_syncwarp(bool wrong) {
  Scratch<float> y(32);
  wrong ? missing_syncwarp_kernel<true><<<1, 32>>>(y.get())
        : missing_syncwarp_kernel<false><<<1, 32>>>(y.get());
}
void reduction_in_warp(bool wrong) {
  Scratch<float> y(1);
  wrong ? reduction_in_warp_kernel<true><<<1, 64>>>(y.get())
        : reduction_in_warp_kernel<false><<<1, 64>>>(y.get());
}
void partial_syncwarp(bool wrong) {
  Scratch<float> y(32);
  wrong ? partial_syncwarp_kernel<true><<<1, 32>>>(y.get())
        : partial_syncwarp_kernel<false><<<1, 32>>>(y.get());
}
void same_word(bool wrong) {
  Scratch<float> y(64);
  wrong ? same_word_kernel<true><<<1, 64>>>(y.get()) : same_word_kernel<false><<<1, 64>>>(y.get());
}
void shared_counter(bool wrong) {
  Scratch<int> y(1);
  wrong ? shared_counter_kernel<true><<<1, 64>>>(y.get())
        : shared_counter_kernel<false><<<1, 64>>>(y.get());
}
void reset_too_late(bool wrong) {
  Scratch<int> y(1);
  wrong ? reset_too_late_kernel<true><<<1, 64>>>(y.get())
        : reset_too_late_kernel<false><<<1, 64>>>(y.get());
}
void halves(bool wrong) {
  Scratch<unsigned short> y(64);
  wrong ? halves_kernel<true><<<1, 64>>>(y.get()) : halves_kernel<false><<<1, 64>>>(y.get());
}
void stage(bool wrong) {
  Scratch<float> y(64);
  wrong ? stage_kernel<true><<<1, 64>>>(y.get()) : stage_kernel<false><<<1, 64>>>(y.get());
}
void tile(bool wrong) {
  Scratch<float> x(1024), y(1024);
  wrong ? tile_kernel<true><<<1, dim3(32, 8)>>>(x.get(), y.get())
        : tile_kernel<false><<<1, dim3(32, 8)>>>(x.get(), y.get());
}
void overlapping_blocks(bool wrong) {
  Scratch<float> y(256);
  overlap_kernel<<<4, 64>>>(y.get(), wrong ? 63 : 64);
}
void all_blocks_one_element(bool wrong) {
  Scratch<float> y(8);
  same_element_kernel<<<8, 32>>>(y.get(), wrong ? 0 : 1);
}
void neighbour_block(bool wrong) {
  Scratch<float> x(128), y(128);
  neighbour_block_kernel<<<4, 32>>>(x.get(), y.get(), wrong ? 1 : 0);
}
void one_reads(bool wrong) {
  Scratch<float> x(64), y(32);
  one_reads_kernel<<<2, 32>>>(x.get(), y.get(), wrong ? 31 : 32);
}
void plain_sum(bool wrong) {
  Scratch<float> y(1);
  wrong ? sum_kernel<true><<<4, 32>>>(y.get()) : sum_kernel<false><<<4, 32>>>(y.get());
}
void store_beside_atomics(bool wrong) {
  Scratch<int> count(1), y(4);
  wrong ? last_block_kernel<true><<<4, 32>>>(count.get(), y.get())
        : last_block_kernel<false><<<4, 32>>>(count.get(), y.get());
}
void bytes_of_one_word(bool wrong) {
  Scratch<unsigned char> y(9);
  narrow_kernel<<<4, 32>>>(y.get(), wrong ? 3 : 2);
}

}  // namespace

std::vector<Mistake> race_mistakes() {
  return {
      {"no barrier between write and read",
       "shared memory race",
       missing_barrier,
       {"uninitialised"}},
      {"no barrier between read and the next write", "shared memory race", missing_second_barrier},
      {"no __syncwarp between write and read",
       "shared memory race",
       missing_syncwarp,
       {"uninitialised"}},
      {"no __syncwarp between read and the next write", "shared memory race", reduction_in_warp},
      {"a __syncwarp of each half of the warp",
       "shared memory race",
       partial_syncwarp,
       {"uninitialised"}},
      {"all threads write one word", "shared memory race", same_word},
      {"a counter without atomics", "shared memory race", shared_counter},
      {"a counter is reset while others count",
       "shared memory race",
       reset_too_late,
       {"uninitialised"}},
      {"two threads write the same half of a word", "shared memory race", halves},
      {"the wrong stage of a pipeline is filled", "shared memory race", stage, {"uninitialised"}},
      {"a transpose with __syncwarp for __syncthreads",
       "shared memory race",
       tile,
       {"uninitialised"}},
      {"blocks overlap by one element", "race between blocks", overlapping_blocks},
      {"all blocks write one element", "race between blocks", all_blocks_one_element},
      {"a block reads what its neighbour writes", "race between blocks", neighbour_block},
      {"a block reads one element another writes", "race between blocks", one_reads},
      {"blocks sum without atomics", "race between blocks", plain_sum},
      {"a plain store beside the others' atomics", "race between blocks", store_beside_atomics},
      {"blocks overlap by one byte", "race between blocks", bytes_of_one_word},
  };
}

}  // namespace programs
