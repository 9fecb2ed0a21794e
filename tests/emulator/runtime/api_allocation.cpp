// cudaMalloc, cudaMallocHost, cudaFree and their relatives.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/memory/pinned_memory.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <string>

namespace emulator {
namespace {

u64 address_of(void const* p) { return reinterpret_cast<u64>(p); }

int invalid_free(void const* p, char const* what) {
  Finding finding;
  finding.check = Check::invalid_free;
  finding.what = std::string(what) + " of an address that is none of its allocations: " +
                 DeviceMemory::get().describe(address_of(p), 1);
  Findings::all().add(finding);
  return kErrorInvalidValue;
}

int free_device(void* p, char const* what) {
  if (p == nullptr || DeviceMemory::get().free(address_of(p))) { return kSuccess; }
  return invalid_free(p, what);
}

}  // namespace
}  // namespace emulator

using namespace emulator;

JETCAL_API int cudaMalloc(void** p, size_t bytes) {
  Counters::all().add_call(Call::allocation);
  return uncapturable([&]() -> int {
    *p = nullptr;
    if (bytes == 0) { return kSuccess; }
    u64 const address = DeviceMemory::get().allocate(bytes, "cudaMalloc");
    *p = pointer_to(address);
    return address != 0 ? kSuccess : kErrorMemoryAllocation;
  });
}
JETCAL_API int cudaFree(void* p) {
  Counters::all().add_call(Call::wait);
  return uncapturable([&]() -> int {
    Queue::get().drain();  // it waits for the device, though nobody may rely on it
    return free_device(p, "cudaFree");
  });
}
JETCAL_API int cudaMallocAsync(void** p, size_t bytes, void* handle) {
  Counters::all().add_call(Call::allocation);
  return on_stream(handle, [&](Stream& stream) -> int {
    if (stream.capture) { return kErrorNotSupported; }
    *p = nullptr;
    if (bytes == 0) { return kErrorInvalidValue; }
    u64 const address = DeviceMemory::get().allocate(bytes, "cudaMallocAsync");
    *p = pointer_to(address);
    return address != 0 ? kSuccess : kErrorMemoryAllocation;
  });
}
JETCAL_API int cudaFreeAsync(void* p, void* handle) {
  return on_stream(handle, [&](Stream& stream) -> int {
    if (stream.capture) { return kErrorNotSupported; }
    return Queue::get().enqueue(stream,
                                {"cudaFreeAsync", [p] { free_device(p, "cudaFreeAsync"); }, {}}, 0);
  });
}
JETCAL_API int cudaHostAlloc(void** p, size_t bytes, unsigned) {
  Counters::all().add_call(Call::allocation);
  return uncapturable([&]() -> int {
    *p = bytes == 0 ? nullptr : PinnedMemory::get().allocate(bytes);
    return bytes == 0 || *p != nullptr ? kSuccess : kErrorMemoryAllocation;
  });
}
JETCAL_API int cudaMallocHost(void** p, size_t bytes) { return cudaHostAlloc(p, bytes, 0); }
JETCAL_API int cudaFreeHost(void* p) {
  Counters::all().add_call(Call::wait);
  return uncapturable([&]() -> int {
    if (p == nullptr) { return kSuccess; }
    if (PinnedMemory::get().busy(p)) {
      Finding finding;
      finding.check = Check::host_access;
      finding.what = "cudaFreeHost of pinned memory while a copy to or from it is under way";
      Findings::all().add(finding);
    }
    Queue::get().drain();
    return PinnedMemory::get().free(p) ? kSuccess : invalid_free(p, "cudaFreeHost");
  });
}
JETCAL_API int cudaHostRegister(void* p, size_t bytes, unsigned) {
  Counters::all().add_call(Call::allocation);
  return api([&]() -> int {
    if (p == nullptr || bytes == 0) { return kErrorInvalidValue; }
    return PinnedMemory::get().add_registered(p, bytes) ? kSuccess
                                                        : kErrorHostMemoryAlreadyRegistered;
  });
}
JETCAL_API int cudaHostUnregister(void* p) {
  return api([&]() -> int {
    Queue::get().drain();
    return PinnedMemory::get().remove_registered(p) ? kSuccess : kErrorHostMemoryNotRegistered;
  });
}
JETCAL_API int cudaMemGetInfo(size_t* free, size_t* total) {
  return api([&]() -> int {
    *total = settings().memory;
    *free = settings().memory - std::min(settings().memory, DeviceMemory::get().used());
    return kSuccess;
  });
}

/// cudaPointerAttributes; type: 0 unregistered, 1 host, 2 device.
struct PointerAttributes {
  int type, device;
  void *device_pointer, *host_pointer;
  long reserved[8];
};
JETCAL_API int cudaPointerGetAttributes(PointerAttributes* attributes, void const* p) {
  return api([&]() -> int {
    *attributes = {};
    attributes->type = DeviceMemory::get().contains(address_of(p))   ? 2
                       : PinnedMemory::get().contains(address_of(p)) ? 1
                                                                     : 0;
    attributes->device = attributes->type == 0 ? -2 : 0;
    (attributes->type == 2 ? attributes->device_pointer : attributes->host_pointer) =
        const_cast<void*>(p);
    return kSuccess;
  });
}
