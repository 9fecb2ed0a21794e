// Wrong kernels: barriers not all threads reach, masks that name the wrong lanes, threads that wait
// for ever.
#include "tests/emulator/programs/corpus.cuh"

namespace programs {
namespace {

__global__ void exit_before_barrier_kernel(float* y, int n) {
  if (static_cast<int>(threadIdx.x) >= n) { return; }
  y[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] += 1.0f;
}
__global__ void two_barriers_kernel(float* y, int n) {
  if (static_cast<int>(threadIdx.x) < n) {
    y[threadIdx.x] = 1.0f;
    __syncthreads();
  } else {
    y[threadIdx.x] = 2.0f;
    __syncthreads();
  }
}
__global__ void barrier_in_loop_kernel(float* y, int each) {
  for (int i = 0; i < 4 + each * static_cast<int>(threadIdx.x / 32); ++i) {
    y[threadIdx.x] = static_cast<float>(i);
    __syncthreads();
  }
}
__global__ void divergent_warp_kernel(float* y, int n) {
  float sum = 0.0f;
  for (int i = 0; i < static_cast<int>(threadIdx.x) % n + 1; ++i) {
    sum += 1.0f;
    __syncthreads();
  }
  y[threadIdx.x] = sum;
}
__global__ void full_mask_kernel(float* y, int n) {
  float v = static_cast<float>(threadIdx.x);
  if (static_cast<int>(threadIdx.x) < n) { v += __shfl_xor_sync(~0u, v, 1); }
  y[threadIdx.x] = v;
}
__global__ void exited_lane_kernel(float* y, int n) {
  if (static_cast<int>(threadIdx.x) >= n) { return; }
  y[threadIdx.x] = __shfl_down_sync(~0u, 1.0f, 1);
}
__global__ void foreign_mask_kernel(float* y, unsigned mask) {
  if (threadIdx.x < 16) { y[threadIdx.x] = __shfl_xor_sync(mask, 1.0f, 1); }
}
__global__ void reads_outside_kernel(float* y, int distance) {
  if (threadIdx.x < 16) { y[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.0f, distance); }
}
__global__ void short_block_kernel(float* y) { y[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1); }
__global__ void wait_for_other_kernel(volatile int* flag, int wait) {
  if (threadIdx.x == 0) {
    while (wait != 0 && *flag == 0) {}
  }
  __syncthreads();
  if (threadIdx.x == 32) { *flag = 1; }
}
__global__ void ballot_in_branch_kernel(unsigned* y, int n) {
  if (static_cast<int>(threadIdx.x) < n) { y[threadIdx.x] = __ballot_sync(~0u, 1); }
}
__global__ void vote_or_barrier_kernel(int* y, int n) {
  if (static_cast<int>(threadIdx.x) < n) { y[threadIdx.x] = __any_sync(~0u, 1); }
  __syncthreads();
}

template <bool Wrong>
__global__ void unknown_instruction_kernel(unsigned* y) {
  unsigned x = threadIdx.x;
  if (Wrong) { asm volatile("bar.arrive 1, 64;"); }
  y[x] = x;
}

void exit_before_barrier(bool wrong) {
  Scratch<float> y(64);
  exit_before_barrier_kernel<<<1, 64>>>(y.get(), wrong ? 32 : 64);
}
void two_barriers(bool wrong) {
  Scratch<float> y(64);
  two_barriers_kernel<<<1, 64>>>(y.get(), wrong ? 32 : 64);
}
void two_barriers_in_a_warp(bool wrong) {
  Scratch<float> y(64);
  two_barriers_kernel<<<1, 64>>>(y.get(), wrong ? 7 : 64);
}
void barrier_in_loop(bool wrong) {
  Scratch<float> y(64);
  barrier_in_loop_kernel<<<1, 64>>>(y.get(), wrong ? 1 : 0);
}
void divergent_loop(bool wrong) {
  Scratch<float> y(32);
  divergent_warp_kernel<<<1, 32>>>(y.get(), wrong ? 3 : 1);
}
void shuffle_in_branch(bool wrong) {
  Scratch<float> y(32);
  full_mask_kernel<<<1, 32>>>(y.get(), wrong ? 16 : 32);
}
void shuffle_after_exit(bool wrong) {
  Scratch<float> y(32);
  exited_lane_kernel<<<1, 32>>>(y.get(), wrong ? 31 : 32);
}
void own_lane_not_in_mask(bool wrong) {
  Scratch<float> y(32);
  foreign_mask_kernel<<<1, 32>>>(y.get(), wrong ? 0x000000ffu : 0x0000ffffu);
}
void shuffle_from_outside(bool wrong) {
  Scratch<float> y(32);
  reads_outside_kernel<<<1, 32>>>(y.get(), wrong ? 16 : 8);
}
void short_block(bool wrong) {
  Scratch<float> y(32);
  short_block_kernel<<<1, wrong ? 24 : 32>>>(y.get());
}
void endless_wait(bool wrong) {
  Scratch<int> flag(1);
  wait_for_other_kernel<<<1, 64>>>(flag.get(), wrong ? 1 : 0);
}
void ballot_in_branch(bool wrong) {
  Scratch<unsigned> y(32);
  ballot_in_branch_kernel<<<1, 32>>>(y.get(), wrong ? 5 : 32);
}
void unknown_instruction(bool wrong) {
  Scratch<unsigned> y(32);
  wrong ? unknown_instruction_kernel<true><<<1, 32>>>(y.get())
        : unknown_instruction_kernel<false><<<1, 32>>>(y.get());
}
void vote_against_barrier(bool wrong) {
  Scratch<int> y(64);
  vote_or_barrier_kernel<<<1, 64>>>(y.get(), wrong ? 40 : 64);
}

}  // namespace

std::vector<Mistake> synchronisation_mistakes() {
  return {
      {"a warp leaves before the barrier", "barrier divergence", exit_before_barrier},
      {"warps wait at different barriers", "barrier divergence", two_barriers},
      {"lanes of a warp wait at different barriers", "barrier divergence", two_barriers_in_a_warp},
      {"a barrier in a loop of different lengths", "barrier divergence", barrier_in_loop},
      {"a barrier in a loop of different lengths within a warp", "barrier divergence",
       divergent_loop},
      {"a shuffle of all lanes in a branch of some", "warp synchronisation", shuffle_in_branch},
      {"a shuffle with a lane that has exited", "warp synchronisation", shuffle_after_exit},
      {"a thread is not in its own mask", "warp synchronisation", own_lane_not_in_mask},
      {"a shuffle reads a lane outside its mask", "warp synchronisation", shuffle_from_outside},
      {"a shuffle in a block that is no multiple of 32", "warp synchronisation", short_block},
      {"a thread waits for one behind the barrier", "step limit", endless_wait},
      {"a ballot of all lanes in a branch of some", "warp synchronisation", ballot_in_branch},
      {"some lanes vote while the others wait at a barrier", "deadlock", vote_against_barrier},
      {"an instruction the emulator does not know", "unsupported", unknown_instruction},
  };
}

}  // namespace programs
