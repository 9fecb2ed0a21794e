// cudaMemcpy, cudaMemset and their relatives.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/memory/pinned_memory.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/runtime/modules.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace emulator {
namespace {

u64 address_of(void const* p) { return reinterpret_cast<u64>(p); }
bool on_device(void const* p) { return DeviceMemory::get().contains(address_of(p)); }

/// A rectangle of bytes, as cudaMemcpy2D copies them; one row for the others.
struct Rectangle {
  u64 width = 0, rows = 1;
  u64 to_pitch = 0, from_pitch = 0;
};

u64 span(u64 pitch, Rectangle const& r) { return r.rows == 0 ? 0 : pitch * (r.rows - 1) + r.width; }

/// True if a copy between these places is of this kind, and fits.
bool fits(void const* p, u64 bytes, bool device) {
  if (device != on_device(p)) { return false; }
  return !device || DeviceMemory::get().containing(address_of(p), bytes).has_value();
}

/// Host bytes as the emulator reaches them; device bytes where they are.
u8* reach(u64 address) {
  DeviceMemory& device = DeviceMemory::get();
  return device.contains(address) ? device.bytes_at(address)
                                  : PinnedMemory::get().bytes_at(address);
}

// When it is executed: freed meanwhile is a finding. The states travel with the bytes; what the
// device has never written arrives as NaN.
void copy_row(u64 to, u64 from, u64 bytes) {
  DeviceMemory& device = DeviceMemory::get();
  for (u64 const address : {to, from}) {
    if (device.contains(address) && !device.containing(address, bytes)) {
      Finding finding;
      finding.check = Check::use_after_free;
      finding.what =
          "a copy of " + std::to_string(bytes) + " bytes: " + device.describe(address, bytes);
      Findings::all().add(finding);
      return;
    }
  }
  std::memmove(reach(to), reach(from), bytes);
  if (device.contains(to)) {
    if (device.contains(from)) {
      std::memmove(device.state_at(to), device.state_at(from), bytes);
    } else {
      std::memset(device.state_at(to), static_cast<int>(State::initialised), bytes);
    }
  } else if (device.contains(from)) {
    State const* const state = device.state_at(from);
    u8* const out = reach(to);
    for (u64 i = 0; i < bytes; ++i) {
      if (state[i] != State::initialised) { out[i] = 0xff; }
    }
  }
}

int copy(void* to, void const* from, Rectangle r, int kind, Stream& stream, bool synchronous) {
  if (r.width == 0 || r.rows == 0) { return kSuccess; }
  bool const to_device =
      kind == kCopyDefault ? on_device(to) : kind == kHostToDevice || kind == kDeviceToDevice;
  bool const from_device =
      kind == kCopyDefault ? on_device(from) : kind == kDeviceToHost || kind == kDeviceToDevice;
  if (r.to_pitch < r.width || r.from_pitch < r.width || kind < 0 || kind > 4) {
    return kErrorInvalidValue;
  }
  if (!fits(to, span(r.to_pitch, r), to_device) ||
      !fits(from, span(r.from_pitch, r), from_device)) {
    return kErrorInvalidValue;
  }
  u64 const source = address_of(from), target = address_of(to), bytes = r.width * r.rows;
  Work work;
  work.what = "an asynchronous copy of " + std::to_string(bytes) + " bytes";
  auto rows = [=](u64 first_to, u64 first_from, u64 from_pitch) {
    for (u64 row = 0; row < r.rows; ++row) {
      copy_row(first_to + row * r.to_pitch, first_from + row * from_pitch, r.width);
    }
  };
  // From pageable memory the bytes are taken at once (into a staging buffer of the driver's); a
  // copy into it has ended when the call returns. Only pinned memory is truly asynchronous.
  bool const pageable_from = !from_device && !PinnedMemory::get().contains(source);
  bool const pageable_to = !to_device && !PinnedMemory::get().contains(target);
  if (stream.capture && (pageable_from || pageable_to)) {
    stream.capture->invalid = true;
    return kErrorStreamCaptureUnsupported;
  }
  if (pageable_from && to_device) {
    auto staged = std::make_shared<std::vector<u8>>(bytes);
    for (u64 row = 0; row < r.rows; ++row) {
      std::memcpy(staged->data() + row * r.width, pointer_to(source + row * r.from_pitch), r.width);
    }
    work.run = [=] { rows(target, address_of(staged->data()), r.width); };
  } else {
    work.run = [=] { rows(target, source, r.from_pitch); };
  }
  if (!synchronous) {
    if (!from_device && !pageable_from) {
      work.copies.push_back({source, span(r.from_pitch, r), false, work.what});
    }
    if (!to_device && !pageable_to) {
      work.copies.push_back({target, span(r.to_pitch, r), true, work.what});
    }
  }
  if (!synchronous && (pageable_from || pageable_to)) {
    Counters::all().add_call(Call::pageable_copy);
  }
  int const error = Queue::get().enqueue(stream, std::move(work), 1);
  if (error == kSuccess && !stream.capture && (synchronous || pageable_to)) {
    Counters::all().add_call(Call::wait);
    Queue::get().synchronise(stream.last);
  }
  return error;
}

int fill(void* to, int value, u64 width, u64 rows, u64 pitch, Stream& stream) {
  if (width == 0 || rows == 0) { return kSuccess; }
  u64 const target = address_of(to), bytes = pitch * (rows - 1) + width;
  if (pitch < width || !fits(to, bytes, true)) { return kErrorInvalidValue; }
  Work work;
  work.what = "a memset of " + std::to_string(bytes) + " bytes";
  work.run = [=] {
    DeviceMemory& device = DeviceMemory::get();
    if (!device.containing(target, bytes)) {
      Finding finding;
      finding.check = Check::use_after_free;
      finding.what = "a memset: " + device.describe(target, bytes);
      Findings::all().add(finding);
      return;
    }
    for (u64 row = 0; row < rows; ++row) {
      std::memset(device.bytes_at(target + row * pitch), value, width);
      std::memset(device.state_at(target + row * pitch), static_cast<int>(State::initialised),
                  width);
    }
  };
  return Queue::get().enqueue(stream, std::move(work), 2);
}

/// Address and size of a __device__ or __constant__ variable.
Image::Variable variable_of(void const* symbol) {
  auto& variables = Registry::get().variables;
  auto const found = variables.find(symbol);
  if (found == variables.end()) { return {}; }
  return found->second.first->variable(found->second.second);
}

}  // namespace
}  // namespace emulator

using namespace emulator;

JETCAL_API int cudaMemcpy(void* to, void const* from, size_t bytes, int kind) {
  return uncapturable([&]() -> int {
    return copy(to, from, {bytes, 1, bytes, bytes}, kind, *Queue::get().stream(nullptr), true);
  });
}
JETCAL_API int cudaMemcpyAsync(void* to, void const* from, size_t bytes, int kind, void* handle) {
  return on_stream(handle, [&](Stream& stream) {
    return copy(to, from, {bytes, 1, bytes, bytes}, kind, stream, false);
  });
}
JETCAL_API int cudaMemcpy2D(void* to, size_t to_pitch, void const* from, size_t from_pitch,
                            size_t width, size_t height, int kind) {
  return uncapturable([&]() -> int {
    return copy(to, from, {width, height, to_pitch, from_pitch}, kind,
                *Queue::get().stream(nullptr), true);
  });
}
JETCAL_API int cudaMemcpy2DAsync(void* to, size_t to_pitch, void const* from, size_t from_pitch,
                                 size_t width, size_t height, int kind, void* handle) {
  return on_stream(handle, [&](Stream& stream) {
    return copy(to, from, {width, height, to_pitch, from_pitch}, kind, stream, false);
  });
}
JETCAL_API int cudaMemset(void* to, int value, size_t bytes) {
  return uncapturable(
      [&]() -> int { return fill(to, value, bytes, 1, bytes, *Queue::get().stream(nullptr)); });
}
JETCAL_API int cudaMemsetAsync(void* to, int value, size_t bytes, void* handle) {
  return on_stream(handle,
                   [&](Stream& stream) { return fill(to, value, bytes, 1, bytes, stream); });
}
JETCAL_API int cudaMemset2D(void* to, size_t pitch, int value, size_t width, size_t height) {
  return uncapturable([&]() -> int {
    return fill(to, value, width, height, pitch, *Queue::get().stream(nullptr));
  });
}
JETCAL_API int cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height,
                                 void* handle) {
  return on_stream(handle,
                   [&](Stream& stream) { return fill(to, value, width, height, pitch, stream); });
}
JETCAL_API int cudaMemcpyToSymbolAsync(void const* symbol, void const* from, size_t bytes,
                                       size_t offset, int kind, void* handle) {
  return on_stream(handle, [&](Stream& stream) -> int {
    Image::Variable const v = variable_of(symbol);
    if (v.address == 0 || offset + bytes > v.bytes) {
      return v.address == 0 ? kErrorInvalidSymbol : kErrorInvalidValue;
    }
    return copy(pointer_to(v.address + offset), from, {bytes, 1, bytes, bytes}, kind, stream,
                false);
  });
}
JETCAL_API int cudaMemcpyFromSymbolAsync(void* to, void const* symbol, size_t bytes, size_t offset,
                                         int kind, void* handle) {
  return on_stream(handle, [&](Stream& stream) -> int {
    Image::Variable const v = variable_of(symbol);
    if (v.address == 0 || offset + bytes > v.bytes) {
      return v.address == 0 ? kErrorInvalidSymbol : kErrorInvalidValue;
    }
    return copy(to, pointer_to(v.address + offset), {bytes, 1, bytes, bytes}, kind, stream, false);
  });
}
JETCAL_API int cudaMemcpyToSymbol(void const* symbol, void const* from, size_t bytes, size_t offset,
                                  int kind) {
  int const error = cudaMemcpyToSymbolAsync(symbol, from, bytes, offset, kind, nullptr);
  return error != kSuccess ? error : uncapturable([] {
    Queue::get().synchronise(*Queue::get().stream(nullptr));
    return kSuccess;
  });
}
JETCAL_API int cudaMemcpyFromSymbol(void* to, void const* symbol, size_t bytes, size_t offset,
                                    int kind) {
  int const error = cudaMemcpyFromSymbolAsync(to, symbol, bytes, offset, kind, nullptr);
  return error != kSuccess ? error : uncapturable([] {
    Queue::get().synchronise(*Queue::get().stream(nullptr));
    return kSuccess;
  });
}
JETCAL_API int cudaGetSymbolAddress(void** p, void const* symbol) {
  return api([&]() -> int {
    *p = pointer_to(variable_of(symbol).address);
    return *p != nullptr ? kSuccess : kErrorInvalidSymbol;
  });
}
JETCAL_API int cudaGetSymbolSize(size_t* bytes, void const* symbol) {
  return api([&]() -> int {
    Image::Variable const v = variable_of(symbol);
    *bytes = v.bytes;
    return v.address != 0 ? kSuccess : kErrorInvalidSymbol;
  });
}
