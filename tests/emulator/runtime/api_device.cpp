// The one device there is, and its properties.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/settings.hpp"

#include <cstdio>
#include <stdexcept>
#include <thread>

using namespace emulator;

namespace {

u64 shared_optin() {
  int const c = settings().capability;
  return u64(c == 80 || c == 87 ? 163 : c >= 90 && c < 120 ? 227 : c == 75 ? 64 : 99) << 10;
}

/// cudaDeviceProp as far as it is filled in; the rest are zeros.
struct DeviceProperties {
  char name[256];
  char uuid[16], luid[8];
  unsigned luid_mask;
  size_t total_memory, shared_per_block;
  int registers_per_block, warp_size;
  size_t pitch;
  int max_threads, max_block[3], max_grid[3];
  size_t constant_memory;
  int major, minor;
  size_t texture[2];
  int multiprocessors, integrated, maps_host_memory, texture_limits[41];
  int concurrent_kernels, ecc, pci[3], tcc, async_engines, unified_addressing, bus_width, l2_bytes,
      persisting_l2;
  int threads_per_multiprocessor, stream_priorities, l1[2];
  size_t shared_per_multiprocessor;
  int registers_per_multiprocessor, others[9];
  size_t shared_per_block_optin;
  int more[2], blocks_per_multiprocessor, access_window;
  size_t reserved_shared;
  int rest[76];
};
static_assert(sizeof(DeviceProperties) == 1008);
static_assert(offsetof(DeviceProperties, multiprocessors) == 384 &&
              offsetof(DeviceProperties, concurrent_kernels) == 560);
static_assert(offsetof(DeviceProperties, shared_per_multiprocessor) == 624);
static_assert(offsetof(DeviceProperties, shared_per_block_optin) == 672 &&
              offsetof(DeviceProperties, reserved_shared) == 696);

constexpr int kMultiprocessors = 8;  // few, so that loops over them are short

}  // namespace

JETCAL_API int cudaGetDeviceCount(int* count) {
  *count = 1;
  return kSuccess;
}
JETCAL_API int cudaGetDevice(int* device) {
  *device = 0;
  return kSuccess;
}
JETCAL_API int cudaSetDevice(int device) {
  return api([&]() -> int { return device == 0 ? kSuccess : kErrorInvalidDevice; });
}
JETCAL_API int cudaInitDevice(int device, unsigned, unsigned) { return cudaSetDevice(device); }
JETCAL_API int cudaSetDeviceFlags(unsigned) { return kSuccess; }
JETCAL_API int cudaDeviceSynchronize() {
  Counters::all().add_call(Call::wait);
  return uncapturable([] {
    Queue::get().synchronise_all();
    return kSuccess;
  });
}
JETCAL_API int cudaDeviceReset() { return cudaDeviceSynchronize(); }
JETCAL_API int cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) { *least = 0; }
  if (greatest != nullptr) { *greatest = 0; }
  return kSuccess;
}

JETCAL_API int cudaGetDeviceProperties(DeviceProperties* p, int device) {
  return api([&]() -> int {
    if (device != 0) { return kErrorInvalidDevice; }
    *p = {};
    std::snprintf(p->name, sizeof p->name, "jetcal emulator (no GPU)");
    p->total_memory = settings().memory;
    p->shared_per_block = 48 << 10;
    p->registers_per_block = p->registers_per_multiprocessor = 65536;
    p->warp_size = kWarpSize;
    p->pitch = 0x7fffffff;
    p->max_threads = p->max_block[0] = p->max_block[1] = 1024;
    p->max_block[2] = 64;
    p->max_grid[0] = 0x7fffffff;
    p->max_grid[1] = p->max_grid[2] = 0xffff;
    p->constant_memory = 64 << 10;
    p->major = settings().capability / 10;
    p->minor = settings().capability % 10;
    p->multiprocessors = kMultiprocessors;
    p->concurrent_kernels = p->unified_addressing = 1;
    p->async_engines = 2;
    p->bus_width = 5120;
    p->l2_bytes = 40 << 20;
    p->threads_per_multiprocessor = 2048;
    p->shared_per_multiprocessor = shared_optin() + 1024;
    p->shared_per_block_optin = shared_optin();
    p->blocks_per_multiprocessor = 32;
    p->reserved_shared = 1024;
    return kSuccess;
  });
}

JETCAL_API int cudaDeviceGetAttribute(int* value, int attribute, int device) {
  return api([&]() -> int {
    if (device != 0) { return kErrorInvalidDevice; }
    switch (attribute) {  // cudaDeviceAttr
      case 1:
      case 2:
      case 3:
        *value = 1024;
        break;  // threads per block, block x and y
      case 4:
        *value = 64;
        break;
      case 5:
        *value = 0x7fffffff;
        break;
      case 6:
      case 7:
        *value = 0xffff;
        break;
      case 8:
        *value = 48 << 10;
        break;  // shared memory per block
      case 10:
        *value = kWarpSize;
        break;
      case 12:
      case 82:
        *value = 65536;
        break;  // registers per block and multiprocessor
      case 13:
        *value = 1410000;
        break;  // clock in kHz
      case 16:
        *value = kMultiprocessors;
        break;
      case 31:
      case 41:
        *value = 1;
        break;  // concurrent kernels, unified addressing
      case 33:
      case 34:
        *value = 0;
        break;  // PCI
      case 36:
        *value = 1215000;
        break;  // memory clock in kHz
      case 37:
        *value = 5120;
        break;  // bus width in bits
      case 38:
        *value = 40 << 20;
        break;  // L2
      case 39:
        *value = 2048;
        break;  // threads per multiprocessor
      case 40:
        *value = 2;
        break;  // copy engines
      case 75:
        *value = settings().capability / 10;
        break;
      case 76:
        *value = settings().capability % 10;
        break;
      case 81:
        *value = static_cast<int>(shared_optin()) + 1024;
        break;
      case 95:
        *value = 0;
        break;  // cooperative launch
      case 97:
        *value = static_cast<int>(shared_optin());
        break;
      case 106:
        *value = 32;
        break;  // blocks per multiprocessor
      case 111:
        *value = 1024;
        break;  // shared memory the system keeps of each block
      case 115:
        *value = 1;
        break;  // memory pools: cudaMallocAsync
      default:
        throw std::runtime_error("the device attribute " + std::to_string(attribute) +
                                 " is not known to the emulator");
    }
    return kSuccess;
  });
}
