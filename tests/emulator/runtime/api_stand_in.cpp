// What stand-ins of other CUDA libraries ask of the emulator.
#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/stand_in.hpp"

#include <algorithm>
#include <cstring>

namespace emulator {
namespace {

void report(Check check, std::string const& what) {
  Finding finding;
  finding.check = check;
  finding.what = what;
  Findings::all().add(finding);
}

/// True if the bytes are there; else a finding.
bool reachable(std::string const& what, u64 address, u64 bytes, u64 alignment) {
  DeviceMemory const& device = DeviceMemory::get();
  std::string const access =
      what + " of " + std::to_string(bytes) + " bytes: " + device.describe(address, bytes);
  if (address % alignment != 0) {
    report(Check::misaligned,
           access + " (must be a multiple of " + std::to_string(alignment) + ")");
    return false;
  }
  if (device.contains(address) && device.containing(address, bytes)) { return true; }
  bool const freed = device.contains(address) && device.nearest(address).has_value() &&
                     device.nearest(address)->freed;
  report(freed ? Check::use_after_free : Check::out_of_bounds, access);
  return false;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

JETCAL_API int jetcal_emulator_enqueue(void* handle, char const* what,
                                       std::function<void()> const& run) {
  return on_stream(handle, [&](Stream& stream) {
    auto unless_lost = [run] {
      if (Findings::all().sticky_error() == kSuccess) { run(); }
    };
    constexpr int kKernelNode = 0;
    return Queue::get().enqueue(stream, {what, unless_lost, {}}, kKernelNode);
  });
}

JETCAL_API bool jetcal_emulator_captures(void* handle) {
  std::scoped_lock const lock(runtime_mutex());
  Stream const* const stream = Queue::get().stream(handle);
  return stream != nullptr && stream->capture != nullptr;
}

JETCAL_API void const* jetcal_emulator_read(char const* what, void const* pointer,
                                            std::size_t bytes, std::size_t alignment) {
  u64 const address = reinterpret_cast<u64>(pointer);
  DeviceMemory const& device = DeviceMemory::get();
  if (!reachable(std::string(what) + ", a read", address, bytes, alignment)) { return nullptr; }
  State const* const state = device.state_at(address);
  State const* const unwritten =
      std::find_if(state, state + bytes, [](State s) { return s != State::initialised; });
  if (unwritten != state + bytes) {
    u64 const at = address + static_cast<u64>(unwritten - state);
    report(Check::uninitialised,
           std::string(what) + ", a read: nobody has written the byte " + device.describe(at, 1));
    return nullptr;
  }
  return device.bytes_at(address);
}

JETCAL_API void* jetcal_emulator_write(char const* what, void* pointer, std::size_t bytes,
                                       std::size_t alignment) {
  u64 const address = reinterpret_cast<u64>(pointer);
  DeviceMemory const& device = DeviceMemory::get();
  if (!reachable(std::string(what) + ", a write", address, bytes, alignment)) { return nullptr; }
  std::memset(device.state_at(address), static_cast<int>(State::initialised), bytes);
  return device.bytes_at(address);
}
