// Wrong programs: cp.async that nobody waits for, copies the host does not wait for, streams
// without order.
#include <cuda_pipeline_primitives.h>

#include "tests/emulator/programs/corpus.cuh"

namespace programs {
namespace {

template <bool Wrong>
__global__ void no_wait_kernel(float const* x, float* y) {
  __shared__ __align__(16) float s[128];
  __pipeline_memcpy_async(s + 4 * threadIdx.x, x + 4 * threadIdx.x, 16);
  __pipeline_commit();
  if (!Wrong) { __pipeline_wait_prior(0); }
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
template <bool Wrong>
__global__ void no_barrier_kernel(float const* x, float* y) {
  __shared__ __align__(16) float s[256];
  __pipeline_memcpy_async(s + 4 * threadIdx.x, x + 4 * threadIdx.x, 16);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  if (!Wrong) { __syncthreads(); }
  y[threadIdx.x] = s[255 - threadIdx.x];
}
template <bool Wrong>
__global__ void wait_count_kernel(float const* x,
                                  float* y) {  // two groups, and the wait leaves one open
  __shared__ __align__(16) float s[2][128];
  for (int stage = 0; stage < 2; ++stage) {
    __pipeline_memcpy_async(&s[stage][4 * threadIdx.x], x + 128 * stage + 4 * threadIdx.x, 16);
    __pipeline_commit();
  }
  __pipeline_wait_prior(Wrong ? 1 : 0);
  __syncthreads();
  y[threadIdx.x] = s[1][threadIdx.x];
}
template <bool Wrong>
__global__ void refill_kernel(float const* x,
                              float* y) {  // the next copy into a stage others still read
  __shared__ __align__(16) float s[256];
  float sum = 0.0f;
  for (int k = 0; k < 2; ++k) {
    __pipeline_memcpy_async(s + 4 * threadIdx.x, x + 256 * k + 4 * threadIdx.x, 16);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
    sum += s[255 - threadIdx.x];
    if (!Wrong) { __syncthreads(); }
  }
  y[threadIdx.x] = sum;
}
template <bool Wrong>
__global__ void never_committed_kernel(float const* x, float* y) {
  __shared__ __align__(16) float s[128];
  __pipeline_memcpy_async(s + 4 * threadIdx.x, x + 4 * threadIdx.x, 16);
  if (!Wrong) { __pipeline_commit(); }
  __pipeline_wait_prior(0);
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void misaligned_copy_kernel(float const* x, float* y, int offset) {
  __shared__ __align__(16) float s[128];
  __pipeline_memcpy_async(s + 4 * threadIdx.x, x + offset + 4 * threadIdx.x, 16);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void fill_kernel(float* y, float value) { y[threadIdx.x] = value; }

template <class Kernel>
void run(Kernel kernel, int threads) {
  Scratch<float> x(512), y(256);
  kernel<<<1, threads>>>(x.get(), y.get());
}
void no_wait(bool wrong) { run(wrong ? no_wait_kernel<true> : no_wait_kernel<false>, 32); }
void no_barrier(bool wrong) { run(wrong ? no_barrier_kernel<true> : no_barrier_kernel<false>, 64); }
void wait_count(bool wrong) { run(wrong ? wait_count_kernel<true> : wait_count_kernel<false>, 32); }
void refill(bool wrong) { run(wrong ? refill_kernel<true> : refill_kernel<false>, 64); }
void never_committed(bool wrong) {
  run(wrong ? never_committed_kernel<true> : never_committed_kernel<false>, 32);
}
void misaligned_copy(bool wrong) {
  Scratch<float> x(512), y(32);
  misaligned_copy_kernel<<<1, 32>>>(x.get(), y.get(), wrong ? 2 : 4);
}
void copy_out_of_bounds(bool wrong) {
  Scratch<float> x(wrong ? 126 : 128), y(32);
  misaligned_copy_kernel<<<1, 32>>>(x.get(), y.get(), 0);
}

/// A stream and pinned memory, both gone at the end.
struct Pinned {
  explicit Pinned(std::size_t n) {
    cudaMallocHost(&memory, n * sizeof(float));
    data = static_cast<float*>(memory);
    for (std::size_t i = 0; i < n; ++i) { data[i] = 0.0f; }
    cudaStreamCreate(&stream);
  }
  Pinned(Pinned const&) = delete;
  Pinned& operator=(Pinned const&) = delete;
  ~Pinned() {
    cudaStreamSynchronize(stream);
    cudaFreeHost(memory);
    cudaStreamDestroy(stream);
  }
  void* memory = nullptr;
  float* data = nullptr;
  cudaStream_t stream = nullptr;
};

void read_too_early(bool wrong) {
  Scratch<float> x(64);
  Pinned pinned(64);
  cudaMemcpyAsync(pinned.data, x.get(), 256, cudaMemcpyDeviceToHost, pinned.stream);
  if (!wrong) { cudaStreamSynchronize(pinned.stream); }
  float volatile const value = pinned.data[5];
  static_cast<void>(value);
}
void write_too_early(bool wrong) {
  Scratch<float> x(64);
  Pinned pinned(64);
  cudaMemcpyAsync(x.get(), pinned.data, 256, cudaMemcpyHostToDevice, pinned.stream);
  if (!wrong) { cudaStreamSynchronize(pinned.stream); }
  pinned.data[63] = 1.0f;
}
void waits_for_the_wrong_event(bool wrong) {
  Scratch<float> x(64);
  Pinned pinned(64);
  cudaEvent_t before = nullptr, after = nullptr;
  cudaEventCreate(&before);
  cudaEventCreate(&after);
  cudaEventRecord(before, pinned.stream);
  cudaMemcpyAsync(pinned.data, x.get(), 256, cudaMemcpyDeviceToHost, pinned.stream);
  cudaEventRecord(after, pinned.stream);
  cudaEventSynchronize(wrong ? before : after);
  float volatile const value = pinned.data[0];
  static_cast<void>(value);
  cudaEventDestroy(before);
  cudaEventDestroy(after);
}
void freed_too_early(bool wrong) {
  Scratch<float> x(64);
  Pinned pinned(64);
  void* buffer = nullptr;
  cudaMallocHost(&buffer, 256);
  cudaMemcpyAsync(buffer, x.get(), 256, cudaMemcpyDeviceToHost, pinned.stream);
  if (!wrong) { cudaStreamSynchronize(pinned.stream); }
  cudaFreeHost(buffer);
}
void read_during_a_graph(bool wrong) {
  Scratch<float> x(64);
  Pinned pinned(64);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  cudaStreamBeginCapture(pinned.stream, cudaStreamCaptureModeGlobal);
  fill_kernel<<<1, 64, 0, pinned.stream>>>(x.get(), 3.0f);
  cudaMemcpyAsync(pinned.data, x.get(), 256, cudaMemcpyDeviceToHost, pinned.stream);
  cudaStreamEndCapture(pinned.stream, &graph);
  cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphLaunch(executable, pinned.stream);
  if (!wrong) { cudaStreamSynchronize(pinned.stream); }
  float volatile const value = pinned.data[0];
  static_cast<void>(value);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

}  // namespace

std::vector<Mistake> async_mistakes() {
  return {
      {"nobody waits for a cp.async", "missing cp.async wait", no_wait},
      {"no barrier behind the wait for a cp.async",
       "shared memory race",
       no_barrier,
       {"missing cp.async wait", "uninitialised"}},
      {"the wait leaves the wrong group open", "missing cp.async wait", wait_count},
      {"a cp.async into a stage that is still read",
       "shared memory race",
       refill,
       {"missing cp.async wait"}},
      {"a cp.async is never committed", "missing cp.async wait", never_committed},
      {"a cp.async from a misaligned address", "misaligned", misaligned_copy},
      {"a cp.async reads over the end", "out of bounds", copy_out_of_bounds},
      {"the host reads the target of a copy under way", "host access during a copy",
       read_too_early},
      {"the host writes the source of a copy under way", "host access during a copy",
       write_too_early},
      {"the host waits for the wrong event", "host access during a copy",
       waits_for_the_wrong_event},
      {"pinned memory is freed during a copy", "host access during a copy", freed_too_early},
      {"the host reads what a graph still writes", "host access during a copy",
       read_during_a_graph},
  };
}

}  // namespace programs
