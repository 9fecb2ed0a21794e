// Registration of the program's kernels, and their launches.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/execute/warp.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/runtime/modules.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace emulator {
namespace {

constexpr u64 kSharedPerBlock = 48 << 10;
u64 launches = 0;

u64 shared_limit() {  // per block, with cudaFuncSetAttribute (CUDA C++ Programming Guide, compute
                      // capabilities)
  int const c = settings().capability;
  return u64(c == 80 || c == 87 ? 163 : c >= 90 && c < 120 ? 227 : c == 75 ? 64 : 99) << 10;
}

HostFunction* function_of(void const* host) {
  auto& functions = Registry::get().functions;
  auto const found = functions.find(host);
  return found == functions.end() ? nullptr : &found->second;
}

int check_configuration(Kernel const& kernel, Dim3 grid, Dim3 block, u64 dynamic, u64 limit) {
  bool const shape = grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && block.x >= 1 && block.y >= 1 &&
                     block.z >= 1 && grid.x <= 0x7fffffff && grid.y <= 0xffff && grid.z <= 0xffff &&
                     block.x <= 1024 && block.y <= 1024 && block.z <= 64 &&
                     block.count() <= kMaxThreadsPerBlock;
  if (!shape) { return kErrorInvalidConfiguration; }
  if (block.count() > kernel.max_threads) { return kErrorLaunchOutOfResources; }
  return kernel.shared_bytes + dynamic > std::max(limit, kSharedPerBlock) ? kErrorInvalidValue
                                                                          : kSuccess;
}

int enqueue_launch(void const* host, Dim3 grid, Dim3 block, void** arguments, u64 dynamic,
                   void* handle) {
  Counters::all().add_call(Call::kernel_launch);
  HostFunction* const f = function_of(host);
  if (f == nullptr) { return kErrorInvalidDeviceFunction; }
  Stream* const stream = Queue::get().stream(handle);
  if (stream == nullptr) { return kErrorInvalidResourceHandle; }
  Kernel const& kernel = f->image->kernel(f->symbol);
  if (int const error = check_configuration(kernel, grid, block, dynamic, f->dynamic_shared_limit);
      error != kSuccess) {
    return error;
  }
  // The arguments are copied now, as the runtime does.
  std::vector<u8> parameters(kernel.parameter_bytes);
  for (std::size_t p = 0; p < kernel.parameters.size(); ++p) {
    std::memcpy(parameters.data() + kernel.parameters[p].offset, arguments[p],
                kernel.parameters[p].bytes);
  }
  Work work;
  work.what = "the kernel " + kernel.name;
  work.run = [&kernel, grid, block, dynamic, parameters = std::move(parameters)] {
    if (Findings::all().sticky_error() != kSuccess) { return; }  // the device is lost
    Launch launch{kernel,  grid,       block,
                  dynamic, parameters, settings().seed + 0x9E3779B97F4A7C15ull * ++launches,
                  {}};
    run_launch(launch);
  };
  return Queue::get().enqueue(*stream, std::move(work), 0);
}

/// What <<<...>>> pushes and the stub of the kernel pops.
struct CallConfiguration {
  Dim3 grid, block;
  size_t dynamic;
  void* stream;
};
thread_local std::vector<CallConfiguration> call_configurations;

}  // namespace
}  // namespace emulator

using namespace emulator;

JETCAL_API void** __cudaRegisterFatBinary(void* wrapper) {
  std::scoped_lock const lock(runtime_mutex());
  return reinterpret_cast<void**>(new Image(wrapper));
}
JETCAL_API void __cudaRegisterFatBinaryEnd(void**) {}
// Images live as long as the process: counters and findings name their kernels at its very end.
JETCAL_API void __cudaUnregisterFatBinary(void**) {}
JETCAL_API char __cudaInitModule(void**) { return 1; }
JETCAL_API void __cudaRegisterFunction(void** image, char const* host, char*, char const* name, int,
                                       void*, void*, void*, void*, int*) {
  std::scoped_lock const lock(runtime_mutex());
  Registry::get().functions[host] = {reinterpret_cast<Image*>(image), name};
}
JETCAL_API void __cudaRegisterVar(void** image, char* host, char*, char const* name, int, size_t,
                                  int, int) {
  std::scoped_lock const lock(runtime_mutex());
  Registry::get().variables[host] = {reinterpret_cast<Image*>(image), name};
}
JETCAL_API unsigned __cudaPushCallConfiguration(Dim3 grid, Dim3 block, size_t dynamic,
                                                void* stream) {
  call_configurations.push_back({grid, block, dynamic, stream});
  return 0;
}
JETCAL_API int __cudaPopCallConfiguration(Dim3* grid, Dim3* block, size_t* dynamic, void** stream) {
  if (call_configurations.empty()) { return kErrorInvalidConfiguration; }
  CallConfiguration const& c = call_configurations.back();
  *grid = c.grid;
  *block = c.block;
  *dynamic = c.dynamic;
  *stream = c.stream;
  call_configurations.pop_back();
  return kSuccess;
}
JETCAL_API int __cudaGetKernel(void const** kernel, void const* host) {
  *kernel = host;
  return kSuccess;
}
JETCAL_API int cudaLaunchKernel(void const* host, Dim3 grid, Dim3 block, void** arguments,
                                size_t dynamic, void* stream) {
  return api([&] { return enqueue_launch(host, grid, block, arguments, dynamic, stream); });
}
JETCAL_API int __cudaLaunchKernel(void const* host, Dim3 grid, Dim3 block, void** arguments,
                                  size_t dynamic, void* stream) {
  return cudaLaunchKernel(host, grid, block, arguments, dynamic, stream);
}

/// cudaLaunchConfig_t.
struct LaunchConfiguration {
  Dim3 grid, block;
  size_t dynamic;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};
JETCAL_API int cudaLaunchKernelExC(LaunchConfiguration const* c, void const* host,
                                   void** arguments) {
  return api([&]() -> int {
    if (c->attribute_count != 0) {
      throw std::runtime_error("launch attributes are not supported by the emulator");
    }
    return enqueue_launch(host, c->grid, c->block, arguments, c->dynamic, c->stream);
  });
}

JETCAL_API int cudaFuncSetAttribute(void const* host, int attribute, int value) {
  return api([&]() -> int {
    constexpr int kDynamicShared = 8;
    HostFunction* const f = function_of(host);
    if (f == nullptr) { return kErrorInvalidDeviceFunction; }
    if (attribute != kDynamicShared) { return kSuccess; }
    u64 const fixed = f->image->kernel(f->symbol).shared_bytes;
    if (value < 0 || static_cast<u64>(value) + fixed > shared_limit()) {
      return kErrorInvalidValue;
    }
    f->dynamic_shared_limit = static_cast<u64>(value) + fixed;
    return kSuccess;
  });
}
JETCAL_API int cudaFuncSetCacheConfig(void const*, int) { return kSuccess; }

/// cudaFuncAttributes.
struct FunctionAttributes {
  size_t shared, constant, local;
  int max_threads, registers, ptx_version, binary_version, cache_mode, max_dynamic_shared, carveout;
  int rest[22];
};
JETCAL_API int cudaFuncGetAttributes(FunctionAttributes* attributes, void const* host) {
  return api([&]() -> int {
    HostFunction* const f = function_of(host);
    if (f == nullptr) { return kErrorInvalidDeviceFunction; }
    Kernel const& kernel = f->image->kernel(f->symbol);
    *attributes = {};
    attributes->shared = kernel.shared_bytes;
    attributes->local = kernel.local_bytes;
    attributes->max_threads = static_cast<int>(kernel.max_threads);
    attributes->registers = 32;  // what ptxas would use is not known here
    attributes->ptx_version = attributes->binary_version = settings().capability;
    attributes->max_dynamic_shared = static_cast<int>(
        std::max(f->dynamic_shared_limit, kernel.shared_bytes) - kernel.shared_bytes);
    return kSuccess;
  });
}
// By threads and shared memory only: registers are not known here.
JETCAL_API int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, void const* host,
                                                                      int block_size,
                                                                      size_t dynamic, unsigned) {
  return api([&]() -> int {
    HostFunction* const f = function_of(host);
    if (f == nullptr) { return kErrorInvalidDeviceFunction; }
    if (block_size < 1 || block_size > 1024) { return kErrorInvalidValue; }
    u64 const shared = f->image->kernel(f->symbol).shared_bytes + dynamic + 1024;
    *blocks = static_cast<int>(
        std::min<u64>(2048 / static_cast<u64>(block_size), (shared_limit() + 1024) / shared));
    return kSuccess;
  });
}
JETCAL_API int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void const* host,
                                                             int block_size, size_t dynamic) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, host, block_size, dynamic,
                                                                0);
}
