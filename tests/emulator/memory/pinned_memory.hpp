// Pinned host memory, and which bytes of it copies are under way to or from.
//
// It is mapped twice: the program's mapping is protected while a copy is in flight, so that a host
// access too early is caught as it happens; the emulator uses the other one.
#pragma once

#include "tests/emulator/types.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace emulator {

/// Host bytes of a copy that the host has not yet waited for.
struct InFlight {
  u64 address = 0, bytes = 0;
  bool device_writes = false;  ///< else the host may read them, but not write
  std::string what;
};

class PinnedMemory {
 public:
  static PinnedMemory& get();

  /// nullptr if there is no memory.
  void* allocate(u64 bytes);
  bool free(void* address);
  /// Memory of the program's that it registers: pinned, but accesses are not watched.
  bool add_registered(void* address, u64 bytes);
  bool remove_registered(void* address);

  bool contains(u64 address) const;
  /// The emulator's way to these bytes: never protected.
  u8* bytes_at(u64 address) const;

  /// The copy is under way from now on, until end(id).
  u64 begin(InFlight copy);
  void end(u64 id);
  /// Whether any copy to or from an allocation is under way.
  bool busy(void* address) const;

 private:
  struct Allocation {
    u64 bytes = 0, mapped = 0;
    u8* alias = nullptr;
  };
  static void on_fault(int signal, void* info, void* context);
  void install_handler();
  bool handle(u64 address);
  void protect(u64 address, u64 bytes);
  Allocation const* find(u64 address, u64& base) const;

  mutable std::recursive_mutex mutex_;
  std::map<u64, Allocation> allocations_;
  std::map<u64, u64> registered_;
  std::map<u64, InFlight> in_flight_;
  u64 next_id_ = 1;
};

}  // namespace emulator
