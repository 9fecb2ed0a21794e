// The checks of one access to memory: bounds, alignment, state, races.
#include "tests/emulator/execute/warp.hpp"

#include <algorithm>
#include <cstdio>

namespace emulator {
namespace {

char const* name_of(Touch kind) {
  return kind == Touch::read ? "read" : kind == Touch::write ? "write" : "atomic access";
}

std::string hexadecimal(u64 value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string access(Touch kind, int bytes, char const* space, u64 address) {
  return std::string(name_of(kind)) + " of " + std::to_string(bytes) + " bytes at " + space +
         " address " + hexadecimal(address);
}

/// The least of the states and whether all are the same, for up to 16 bytes.
struct States {
  bool all(State wanted) const { return same && first == wanted; }
  bool any(State wanted) const { return std::find(begin, begin + count, wanted) != begin + count; }
  State const* begin;
  int count;
  State first;
  bool same;
};

States states_of(State const* begin, int count) {
  bool same = true;
  for (int i = 1; i < count; ++i) { same &= begin[i] == begin[0]; }
  return {begin, count, begin[0], same};
}

u8* touch_global(Warp& w, Instruction const& i, int lane, u64 address, int bytes, Touch kind) {
  DeviceMemory& memory = DeviceMemory::get();
  Block& block = w.block;
  if (!memory.contains(address)) {
    block.stop(Check::out_of_bounds, w, i, lane, [&] {
      return access(kind, bytes, "global", address) + ": " + memory.describe(address, u64(bytes));
    });
  }
  State* const state = memory.state_at(address);
  States const states = states_of(state, bytes);
  if (!states.all(State::initialised)) {
    auto text = [&] {
      return access(kind, bytes, "global", address) + ": " + memory.describe(address, u64(bytes));
    };
    if (states.any(State::freed)) { block.stop(Check::use_after_free, w, i, lane, text); }
    if (states.any(State::outside)) { block.stop(Check::out_of_bounds, w, i, lane, text); }
    if (kind != Touch::write) { block.find(Check::uninitialised, w, i, lane, text); }
    if (kind != Touch::read) {
      std::memset(state, static_cast<int>(State::initialised), u64(bytes));
    }
  }
  block.accesses.touch(memory.offset_of(address), bytes, kind, w.index_of(i));
  return memory.bytes_at(address);
}

void report_race(Warp& w, Instruction const& i, int lane, u64 address, int bytes, Touch kind,
                 SharedConflict const& conflict) {
  w.block.find(Check::shared_race, w, i, lane, [&] {
    Instruction const& other =
        w.block.kernel.code[static_cast<std::size_t>(conflict.other_instruction)];
    bool const same_warp = conflict.other_warp == w.index;
    return access(kind, bytes, "shared", address) + " races with the " +
           (conflict.other_wrote ? "write" : "read") + " by thread " +
           std::to_string(conflict.other_warp * kWarpSize + conflict.other_lane) +
           (same_warp ? " of the same warp" : "") + " at PTX line " + std::to_string(other.line) +
           (same_warp ? " (no __syncwarp or barrier between them)" : " (no barrier between them)");
  });
}

u8* touch_shared(Warp& w, Instruction const& i, int lane, u64 address, int bytes, Touch kind,
                 Lanes readers) {
  Block& block = w.block;
  SharedMemory& shared = block.shared;
  auto text = [&](char const* what) {
    return [&, what] { return access(kind, bytes, "shared", address) + ": " + what; };
  };
  if (!shared.inside(address, bytes)) {
    block.stop(Check::out_of_bounds, w, i, lane, text("outside the block's shared memory"));
  }
  State* const state = shared.state_at(address);
  States const states = states_of(state, bytes);
  if (!states.all(State::initialised)) {
    if (states.any(State::outside)) {
      block.stop(Check::out_of_bounds, w, i, lane, text("outside of every shared variable"));
    }
    if (states.any(State::in_flight)) {
      block.find(Check::async_wait, w, i, lane, text("a cp.async to it has not been waited for"));
    } else if (kind != Touch::write) {
      block.find(Check::uninitialised, w, i, lane, text("nobody has written it in this block"));
    }
    if (kind != Touch::read) {
      std::memset(state, static_cast<int>(State::initialised), u64(bytes));
    }
  }
  SharedConflict conflict;
  u64 const offset = shared.offset_of(address);
  int const index = w.index_of(i);
  bool const atomic = kind == Touch::atomic;
  bool race = false;
  if (kind != Touch::write) {
    race = shared.races.read(offset, bytes, w.index, readers != 0 ? readers : Lanes(1) << lane,
                             index, w.clock, conflict, atomic);
  }
  if (kind != Touch::read) {
    race =
        shared.races.write(offset, bytes, w.index, lane, index, w.clock, conflict, atomic) || race;
  }
  if (race) { report_race(w, i, lane, address, bytes, kind, conflict); }
  return shared.bytes_at(address);
}

u8* touch_local(Warp& w, Instruction const& i, int lane, u64 address, int bytes, Touch kind) {
  u64 const size = w.block.kernel.local_bytes;
  auto text = [&](char const* what) {
    return [&, what] { return access(kind, bytes, "local", address) + ": " + what; };
  };
  if (address + static_cast<u64>(bytes) > size || address > size) {
    w.block.stop(Check::out_of_bounds, w, i, lane, text("outside the thread's local memory"));
  }
  u64 const at = static_cast<u64>(lane) * size + address;
  State* const state = &w.local_state[at];
  if (!states_of(state, bytes).all(State::initialised)) {
    if (kind == Touch::read) {
      w.block.find(Check::uninitialised, w, i, lane, text("the thread has not written it"));
    } else {
      std::memset(state, static_cast<int>(State::initialised), static_cast<u64>(bytes));
    }
  }
  return &w.local[at];
}

}  // namespace

u8* touch(Warp& w, Instruction const& i, int lane, Space space, u64 address, int bytes, Touch kind,
          Lanes readers) {
  if (space == Space::generic) {
    switch (address & kWindowMask) {
      case kSharedWindow:
        space = Space::shared;
        break;
      case kLocalWindow:
        space = Space::local;
        break;
      case kParamWindow:
        space = Space::param;
        break;
      default:
        space = Space::global;
    }
    if (space != Space::global) { address &= ~kWindowMask; }
  }
  if (address % static_cast<u64>(bytes) != 0) {
    w.block.stop(Check::misaligned, w, i, lane, [&] {
      return access(kind, bytes, "an", address) + " (must be a multiple of " +
             std::to_string(bytes) + ")";
    });
  }
  switch (space) {
    case Space::shared:
      return touch_shared(w, i, lane, address, bytes, kind, readers);
    case Space::local:
      return touch_local(w, i, lane, address, bytes, kind);
    case Space::param: {
      std::vector<u8>& parameters = w.block.launch.parameters;
      if (address + static_cast<u64>(bytes) > parameters.size() || kind != Touch::read) {
        w.block.stop(Check::out_of_bounds, w, i, lane, [&] {
          return access(kind, bytes, "parameter", address) + ": not the kernel's to do";
        });
      }
      return parameters.data() + address;
    }
    default:
      return touch_global(w, i, lane, address, bytes, kind);
  }
}

}  // namespace emulator
