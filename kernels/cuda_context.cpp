#include "kernels/cuda_context.cuh"

#include <map>
#include <memory>
#include <mutex>

#include "engine/errors.hpp"
#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {
namespace {

std::size_t bytes_of(std::int64_t floats) {
  return static_cast<std::size_t>(floats) * sizeof(float);
}

}  // namespace

int device_count() {
  int count = 0;
  require_success(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return count;
}

Context& Context::of(int index) {
  static std::mutex mutex;
  static std::map<int, std::unique_ptr<Context>> contexts;
  std::lock_guard<std::mutex> const lock(mutex);
  std::unique_ptr<Context>& context = contexts[index];
  if (context == nullptr) { context = std::make_unique<Context>(index); }
  return *context;
}

Context::Context(int index) : index_(index) {
  int const count = device_count();
  JETCAL_REQUIRE(index < count, DeviceError,
                 "device cuda:" << index << ": there are " << count
                                << " CUDA devices (must be cuda:0 to cuda:" << count - 1
                                << "). Use another --device");
  make_current();
  require_success(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
}

Context::~Context() {
  // At the end of the process the runtime may be gone already: nothing is left to free then.
  static_cast<void>(cudaStreamDestroy(stream_));
}

void Context::make_current() const { require_success(cudaSetDevice(index_), "cudaSetDevice"); }

void Context::synchronize() const {
  require_success(cudaStreamSynchronize(stream_), "waiting for the device");
}

std::int64_t Context::free_bytes() const {
  make_current();
  std::size_t free = 0, total = 0;
  require_success(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<std::int64_t>(free);
}

float* Context::allocate(std::int64_t floats) {
  make_current();
  void* data = nullptr;
  cudaError_t const status = cudaMalloc(&data, bytes_of(floats));
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // the next call starts afresh
    std::ostringstream text;
    text << "device " << device().name() << ": no memory for " << (bytes_of(floats) >> 20)
         << " MiB (" << (free_bytes() >> 20)
         << " MiB are free). Use a smaller batch or fewer lanes";
    throw DeviceError(text.str());
  }
  require_success(status, "cudaMalloc");
  auto* const numbers = static_cast<float*>(data);
  fill_zero(numbers, floats);
  return numbers;
}

void Context::release(float* data) noexcept {
  // cudaFree waits for the device. What it may report is an earlier call's error, told there.
  static_cast<void>(cudaFree(data));
}

void Context::fill_zero(float* data, std::int64_t floats) {
  make_current();
  require_success(cudaMemsetAsync(data, 0, bytes_of(floats), stream_), "cudaMemset");
}

void Context::copy(float const* from, float* to, std::int64_t floats) {
  make_current();
  require_success(cudaMemcpyAsync(to, from, bytes_of(floats), cudaMemcpyDeviceToDevice, stream_),
                  "a copy within the device");
}

void Context::upload(float const* host, float* to, std::int64_t floats) {
  start_upload(host, to, bytes_of(floats));
  synchronize();
}

void Context::download(float const* from, float* host, std::int64_t floats) {
  start_download(from, host, bytes_of(floats));
  synchronize();
}

void Context::start_upload(void const* host, void* to, std::size_t bytes) const {
  if (bytes == 0) { return; }
  make_current();
  require_success(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream_),
                  "a copy to the device");
}

void Context::start_download(void const* from, void* host, std::size_t bytes) const {
  if (bytes == 0) { return; }
  make_current();
  require_success(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream_),
                  "a copy from the device");
}

}  // namespace jetcal::cuda
