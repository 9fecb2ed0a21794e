// Allocation of device memory: addresses, states and descriptions for findings.
#include "tests/emulator/memory/device_memory.hpp"

#include "tests/emulator/settings.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace emulator {
namespace {

constexpr char const* kProgram = "the program";  // what the emulator itself allocates is no leak

void* map_or_exit(u64 bytes, int protection, int flags, int file) {
  void* const at = mmap(nullptr, bytes, protection, flags | MAP_NORESERVE, file, 0);
  if (at == MAP_FAILED) {
    std::perror("emulator: cannot reserve address space for the device's memory");
    std::_Exit(97);
  }
  return at;
}

}  // namespace

DeviceMemory& DeviceMemory::get() {
  static auto* memory =
      new DeviceMemory;  // never destroyed: used until the very end of the process
  return *memory;
}

DeviceMemory::DeviceMemory() {
  file_ = memfd_create("jetcal-emulator", MFD_CLOEXEC);
  if (file_ < 0 || ftruncate(file_, static_cast<off_t>(kSpace)) != 0) {
    std::perror("emulator: cannot make the device's memory");
    std::_Exit(97);
  }
  base_ = reinterpret_cast<u64>(map_or_exit(kSpace, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
  data_ = static_cast<u8*>(map_or_exit(kSpace, PROT_READ | PROT_WRITE, MAP_SHARED, file_));
  state_ = static_cast<u8*>(
      map_or_exit(kSpace, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
  next_ = kGuard + 256;
}

// Behind everything so far or, once the range has been used up, in the first gap there is.
// Addresses are odd multiples of 256: nothing may rely on more than cudaMalloc promises.
u64 DeviceMemory::find_gap(u64 bytes) {
  u64 const whole = (bytes + 511) / 512 * 512 + kGuard;
  if (next_ + whole < kSpace) {
    u64 const at = next_;
    next_ += whole;
    return at;
  }
  u64 at = kGuard + 256;
  for (auto const& [address, allocation] : living_) {
    u64 const begin = address - base_;
    if (at + whole <= begin) { break; }
    at = begin + (allocation.bytes + 511) / 512 * 512 + kGuard;
  }
  if (at + whole >= kSpace) { return 0; }
  while (!freed_.empty()) {  // forget what was freed where the new one lies
    auto const stale = freed_.lower_bound(base_ + at);
    if (stale == freed_.end() || stale->first >= base_ + at + whole) { break; }
    freed_.erase(stale);
  }
  return at;
}

u64 DeviceMemory::allocate(u64 bytes, std::string const& what) {
  std::scoped_lock const lock(mutex_);
  if (bytes > settings().memory || used_ + bytes > settings().memory) { return 0; }
  u64 const offset = find_gap(bytes);
  if (offset == 0) { return 0; }
  u64 const address = base_ + offset;
  living_[address] = {address, bytes, what, false};
  used_ += bytes;
  std::memset(state_ + offset, static_cast<int>(State::uninitialised), bytes);
  return address;
}

bool DeviceMemory::free(u64 address) {
  std::scoped_lock const lock(mutex_);
  auto const found = living_.find(address);
  if (found == living_.end()) { return false; }
  u64 const offset = address - base_, bytes = found->second.bytes;
  std::memset(state_ + offset, static_cast<int>(State::freed), bytes);
  u64 const page = 4096, first = (offset + page - 1) / page * page,
            last = (offset + bytes) / page * page;
  if (last > first) {
    // What lies there is gone: a stale pointer that gets through reads zeros. Failing to is
    // harmless.
    static_cast<void>(fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(first), static_cast<off_t>(last - first)));
  }
  found->second.freed = true;
  freed_[address] = found->second;
  living_.erase(found);
  used_ -= bytes;
  return true;
}

std::optional<DeviceMemory::Allocation> DeviceMemory::nearest(u64 address) const {
  std::scoped_lock const lock(mutex_);
  std::optional<Allocation> best;
  for (auto const* map : {&living_, &freed_}) {
    auto at = map->upper_bound(address);
    if (at == map->begin()) { continue; }
    --at;
    if (!best || at->first > best->address) { best = at->second; }
  }
  return best;
}

std::optional<DeviceMemory::Allocation> DeviceMemory::containing(u64 address, u64 bytes) const {
  auto found = nearest(address);
  if (!found || found->freed || address + bytes > found->address + found->bytes) {
    return std::nullopt;
  }
  return found;
}

std::string DeviceMemory::leaks() const {
  std::scoped_lock const lock(mutex_);
  std::string text;
  u64 count = 0, bytes = 0;
  for (auto const& [address, allocation] : living_) {
    if (allocation.what.rfind(kProgram, 0) == 0) { continue; }
    ++count;
    bytes += allocation.bytes;
    if (count <= 5) {
      text += (text.empty() ? "" : ", ") + std::to_string(allocation.bytes) + " bytes of " +
              allocation.what;
    }
  }
  if (count > 5) { text += ", ..."; }
  if (count != 0) {
    text = std::to_string(bytes) + " bytes in " + std::to_string(count) +
           " allocations were never freed: " + text;
  }
  return text;
}

void DeviceMemory::forgive_leaks() {
  std::vector<u64> addresses;
  {
    std::scoped_lock const lock(mutex_);
    for (auto const& [address, allocation] : living_) {
      if (allocation.what.rfind(kProgram, 0) != 0) { addresses.push_back(address); }
    }
  }
  for (u64 const address : addresses) { free(address); }
}

u64 DeviceMemory::used() const {
  std::scoped_lock const lock(mutex_);
  return used_;
}

std::string DeviceMemory::describe(u64 address, u64 bytes) const {
  if (!contains(address)) { return "no device address at all"; }
  auto const near = nearest(address);
  if (!near) { return "in no allocation"; }
  std::string const whose = "the " + std::to_string(near->bytes) + " bytes of " + near->what;
  u64 const into = address - near->address;
  if (into >= near->bytes) {
    // Perhaps it lies just below the next one.
    if (auto const next = nearest(address + kGuard / 2);
        next && next->address > address && next->address - address < into - near->bytes) {
      return std::to_string(next->address - address) + " bytes before the " +
             std::to_string(next->bytes) + " bytes of " + next->what;
    }
    return std::to_string(into - near->bytes) + " bytes behind " + whose +
           (near->freed ? " (freed)" : "");
  }
  if (near->freed) {
    return "at byte " + std::to_string(into) + " of " + whose + ", which was freed";
  }
  if (into + bytes > near->bytes) { return "across the end of " + whose; }
  return "at byte " + std::to_string(into) + " of " + whose;
}

}  // namespace emulator
