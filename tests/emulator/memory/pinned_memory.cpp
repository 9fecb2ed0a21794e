// Pinned host memory: allocation, protection, and the handler of accesses that come too early.
#include "tests/emulator/memory/pinned_memory.hpp"

#include "tests/emulator/report.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace emulator {
namespace {

constexpr u64 kPage = 4096;
struct sigaction previous_action;

u64 down(u64 address) { return address / kPage * kPage; }
u64 up(u64 address) { return down(address + kPage - 1); }

}  // namespace

PinnedMemory& PinnedMemory::get() {
  static auto* memory = new PinnedMemory;  // used until the very end of the process
  return *memory;
}

void* PinnedMemory::allocate(u64 bytes) {
  std::scoped_lock const lock(mutex_);
  u64 const mapped = up(std::max<u64>(bytes, 1));
  int const file = memfd_create("jetcal-pinned", MFD_CLOEXEC);
  if (file < 0) { return nullptr; }
  void *user = MAP_FAILED, *alias = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(mapped)) == 0) {
    user = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    alias = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  close(file);
  if (user == MAP_FAILED || alias == MAP_FAILED) { return nullptr; }
  std::memset(alias, 0xff, mapped);  // new memory holds nothing useful
  allocations_[reinterpret_cast<u64>(user)] = {bytes, mapped, static_cast<u8*>(alias)};
  return user;
}

bool PinnedMemory::free(void* address) {
  std::scoped_lock const lock(mutex_);
  auto const found = allocations_.find(reinterpret_cast<u64>(address));
  if (found == allocations_.end()) { return false; }
  munmap(address, found->second.mapped);
  munmap(found->second.alias, found->second.mapped);
  allocations_.erase(found);
  return true;
}

bool PinnedMemory::add_registered(void* address, u64 bytes) {
  std::scoped_lock const lock(mutex_);
  return registered_.emplace(reinterpret_cast<u64>(address), bytes).second;
}

bool PinnedMemory::remove_registered(void* address) {
  std::scoped_lock const lock(mutex_);
  return registered_.erase(reinterpret_cast<u64>(address)) == 1;
}

PinnedMemory::Allocation const* PinnedMemory::find(u64 address, u64& base) const {
  auto at = allocations_.upper_bound(address);
  if (at == allocations_.begin()) { return nullptr; }
  --at;
  base = at->first;
  return address < at->first + at->second.mapped ? &at->second : nullptr;
}

bool PinnedMemory::contains(u64 address) const {
  std::scoped_lock const lock(mutex_);
  u64 base = 0;
  if (find(address, base) != nullptr) { return true; }
  auto at = registered_.upper_bound(address);
  return at != registered_.begin() && (--at, address < at->first + at->second);
}

u8* PinnedMemory::bytes_at(u64 address) const {
  std::scoped_lock const lock(mutex_);
  u64 base = 0;
  Allocation const* const allocation = find(address, base);
  return allocation != nullptr ? allocation->alias + (address - base)
                               : static_cast<u8*>(pointer_to(address));
}

// Every page gets the strictest protection any copy under way asks for.
void PinnedMemory::protect(u64 address, u64 bytes) {
  u64 base = 0;
  if (find(address, base) == nullptr) { return; }
  for (u64 page = down(address); page < up(address + bytes); page += kPage) {
    int protection = PROT_READ | PROT_WRITE;
    for (auto const& [id, copy] : in_flight_) {
      if (copy.address >= page + kPage || copy.address + copy.bytes <= page) { continue; }
      protection &= copy.device_writes ? PROT_NONE : PROT_READ;
    }
    mprotect(pointer_to(page), kPage, protection);
  }
}

u64 PinnedMemory::begin(InFlight copy) {
  std::scoped_lock const lock(mutex_);
  install_handler();
  u64 const id = next_id_++;
  auto const& added = in_flight_[id] = std::move(copy);
  protect(added.address, added.bytes);
  return id;
}

void PinnedMemory::end(u64 id) {
  std::scoped_lock const lock(mutex_);
  auto const found = in_flight_.find(id);
  if (found == in_flight_.end()) { return; }
  InFlight const copy = found->second;
  in_flight_.erase(found);
  protect(copy.address, copy.bytes);
}

bool PinnedMemory::busy(void* address) const {
  std::scoped_lock const lock(mutex_);
  auto const found = allocations_.find(reinterpret_cast<u64>(address));
  if (found == allocations_.end()) { return false; }
  return std::any_of(in_flight_.begin(), in_flight_.end(), [&](auto const& entry) {
    InFlight const& copy = entry.second;
    return copy.address < found->first + found->second.mapped &&
           copy.address + copy.bytes > found->first;
  });
}

// Before each copy: others (a test framework) set handlers of their own in between.
void PinnedMemory::install_handler() {
  static auto const ours = [](int signal, siginfo_t* info, void* context) {
    on_fault(signal, info, context);
  };
  struct sigaction action {};
  action.sa_sigaction = ours;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  struct sigaction now {};
  sigaction(SIGSEGV, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == action.sa_sigaction) { return; }
  previous_action = now;
  sigaction(SIGSEGV, &action, nullptr);
}

// The access is reported and then let through: the page is opened until the next copy.
void PinnedMemory::on_fault(int signal, void* info, void* context) {
  siginfo_t* const details = static_cast<siginfo_t*>(info);
  if (get().handle(reinterpret_cast<u64>(details->si_addr))) { return; }
  if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != nullptr) {
    previous_action.sa_sigaction(signal, details, context);
  } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(signal);
  } else {
    ::signal(SIGSEGV, SIG_DFL);  // the access is repeated and ends the program as usual
  }
}

bool PinnedMemory::handle(u64 address) {
  std::scoped_lock const lock(mutex_);
  u64 base = 0;
  if (find(address, base) == nullptr) { return false; }
  for (auto const& [id, copy] : in_flight_) {
    if (address < copy.address || address >= copy.address + copy.bytes) { continue; }
    Finding finding;
    finding.check = Check::host_access;
    finding.what = std::string("the host ") + (copy.device_writes ? "touches" : "writes") +
                   " byte " + std::to_string(address - base) + " of pinned memory while " +
                   copy.what + " is under way (nothing has waited for it)";
    Findings::all().add(finding);
    break;
  }
  mprotect(pointer_to(down(address)), kPage, PROT_READ | PROT_WRITE);
  return true;
}

}  // namespace emulator
