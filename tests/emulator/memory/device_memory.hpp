// The device's memory: allocations between guard bands, and one byte of state for each byte of it.
#pragma once

#include "tests/emulator/types.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace emulator {

/// State of a byte of memory.
enum class State : u8 { outside = 0, uninitialised = 1, initialised = 2, freed = 3, in_flight = 4 };

/// Device addresses lie in a range the host can neither read nor write (as on a real system); the
/// bytes themselves are mapped a second time elsewhere. Addresses are not used again before the
/// whole range has been, so that a stale pointer is recognised.
class DeviceMemory {
 public:
  static DeviceMemory& get();

  /// Address of `bytes` bytes (a multiple of 256), or 0 if the device is full.
  u64 allocate(u64 bytes, std::string const& what);
  /// False if no allocation begins there.
  bool free(u64 address);

  struct Allocation {
    u64 address = 0, bytes = 0;
    std::string what;
    bool freed = false;
  };
  /// The allocation, living or freed, nearest below or at `address`.
  std::optional<Allocation> nearest(u64 address) const;
  /// The living allocation that contains all of it.
  std::optional<Allocation> containing(u64 address, u64 bytes) const;
  /// Living allocations made by cudaMalloc and its relatives, as text; empty if there are none.
  std::string leaks() const;
  /// Forgets the leaks that there are now.
  void forgive_leaks();

  bool contains(u64 address) const { return address - base_ < kSpace; }
  u8* bytes_at(u64 address) const { return data_ + (address - base_); }
  State* state_at(u64 address) const {
    return reinterpret_cast<State*>(state_ + (address - base_));
  }
  u64 offset_of(u64 address) const { return address - base_; }
  u64 address_of(u64 offset) const { return base_ + offset; }
  u64 used() const;

  /// What is wrong with accessing these bytes, e.g. "4 bytes behind the 400 bytes of cudaMalloc".
  std::string describe(u64 address, u64 bytes) const;

 private:
  DeviceMemory();
  static constexpr u64 kSpace = u64(256) << 30;
  static constexpr u64 kGuard = 64 << 10;
  u64 find_gap(u64 bytes);

  u64 base_ = 0;
  u8* data_ = nullptr;
  u8* state_ = nullptr;
  int file_ = -1;
  mutable std::mutex mutex_;
  std::map<u64, Allocation> living_, freed_;
  u64 next_ = 0, used_ = 0;
};

}  // namespace emulator
