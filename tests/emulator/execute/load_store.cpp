// ld, st: every space, width, vector and caching hint.
#include "tests/emulator/execute/select.hpp"
#include "tests/emulator/execute/warp.hpp"

namespace emulator {
namespace {

using Addresses = std::array<u64, kWarpSize>;

Addresses addresses_of(Warp& w, Slot base, s64 offset, Lanes lanes) {
  Addresses addresses{};
  if (!base.there()) {
    addresses.fill(static_cast<u64>(offset));
  } else {
    each_lane(lanes, [&](int lane) {
      addresses[static_cast<std::size_t>(lane)] = w.value(base, lane) + static_cast<u64>(offset);
    });
  }
  return addresses;
}

void count(Warp& w, Instruction const& i, Addresses const& addresses, Lanes lanes, int bytes) {
  InstructionCounter& counter = w.block.counters[static_cast<std::size_t>(w.index_of(i))];
  if (i.space == Space::shared) {
    count_shared(counter, addresses.data(), lanes, bytes);
  } else if (i.space == Space::global || i.space == Space::generic || i.space == Space::constant) {
    count_global(counter, addresses.data(), lanes, bytes);
  }
}

template <class T>
u64 loaded(u8 const* from, Type type) {
  T raw;
  std::memcpy(&raw, from, sizeof raw);
  if (!is_signed(type)) { return raw; }
  return static_cast<u64>(static_cast<s64>(static_cast<std::make_signed_t<T>>(raw)));
}

// Variant: 1 if the access is an atomic one to the other threads (relaxed, acquire, release).
template <class T>
void load(Warp& w, Instruction const& i, Lanes lanes) {
  Addresses const addresses = addresses_of(w, i.from[0], i.offset[0], lanes);
  int const bytes = static_cast<int>(sizeof(T)) * i.vector;
  count(w, i, addresses, lanes, bytes);
  Touch const kind = i.variant != 0 ? Touch::atomic : Touch::read;
  each_lane(lanes, [&](int lane) {
    u8 const* const from =
        touch(w, i, lane, i.space, addresses[static_cast<std::size_t>(lane)], bytes, kind);
    for (std::size_t part = 0; part < i.vector; ++part) {
      if (i.to[part].there()) {
        w.set_value(i.to[part], lane, loaded<T>(from + part * sizeof(T), i.type));
      }
    }
  });
}

// The same for every lane, and nobody else's: no checks beyond the bounds.
template <class T>
void load_parameter(Warp& w, Instruction const& i, Lanes lanes) {
  std::vector<u8> const& parameters = w.block.launch.parameters;
  int const bytes = static_cast<int>(sizeof(T)) * i.vector;
  Addresses const addresses = addresses_of(w, i.from[0], i.offset[0], lanes);
  each_lane(lanes, [&](int lane) {
    u64 const at = addresses[static_cast<std::size_t>(lane)];
    if (at + static_cast<u64>(bytes) > parameters.size()) {
      touch(w, i, lane, Space::param, at, bytes, Touch::read);
    }
    for (std::size_t part = 0; part < i.vector; ++part) {
      if (i.to[part].there()) {
        w.set_value(i.to[part], lane, loaded<T>(parameters.data() + at + part * sizeof(T), i.type));
      }
    }
  });
}

template <class T>
void store(Warp& w, Instruction const& i, Lanes lanes) {
  Addresses const addresses = addresses_of(w, i.to[0], i.offset[0], lanes);
  int const bytes = static_cast<int>(sizeof(T)) * i.vector;
  count(w, i, addresses, lanes, bytes);
  Touch const kind = i.variant != 0 ? Touch::atomic : Touch::write;
  each_lane(lanes, [&](int lane) {
    u8* const to =
        touch(w, i, lane, i.space, addresses[static_cast<std::size_t>(lane)], bytes, kind);
    for (std::size_t part = 0; part < i.vector; ++part) {
      T const value = static_cast<T>(w.value(i.from[part], lane));
      std::memcpy(to + part * sizeof(T), &value, sizeof value);
    }
  });
}

template <class T>
Execute form(bool is_load, Space space) {
  return !is_load ? store<T> : space == Space::param ? load_parameter<T> : load<T>;
}

Class class_of(bool is_load, Space space) {
  switch (space) {
    case Space::shared:
      return is_load ? Class::load_shared : Class::store_shared;
    case Space::local:
      return is_load ? Class::load_local : Class::store_local;
    case Space::param:
      return Class::load_param;
    default:
      return is_load ? Class::load_global : Class::store_global;
  }
}

void nothing(Warp&, Instruction const&, Lanes) {}

}  // namespace

Space space_of(ptx::Statement const& s) {
  for (std::size_t part = 1; part < s.opcode.size(); ++part) {
    std::string const& name = s.opcode[part];
    if (name == "global") { return Space::global; }
    if (name == "shared" || name == "shared::cta") { return Space::shared; }
    if (name == "local") { return Space::local; }
    if (name == "param" || name == "param::entry") { return Space::param; }
    if (name == "const") { return Space::constant; }
  }
  return Space::generic;
}

Choice select_memory(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "prefetch" || name == "prefetchu") { return {nothing, Class::control}; }
  if (name == "membar" || name == "fence") { return {nothing, Class::barrier}; }
  bool const is_load = name == "ld" || name == "ldu";
  if (!is_load && name != "st") { return {}; }
  Space const space = space_of(s);
  Execute run = nullptr;
  switch (bytes_of(types_of(s).first)) {
    case 1:
      run = form<u8>(is_load, space);
      break;
    case 2:
      run = form<u16>(is_load, space);
      break;
    case 4:
      run = form<u32>(is_load, space);
      break;
    case 8:
      run = form<u64>(is_load, space);
      break;
    default:
      return {};
  }
  Choice choice(run, class_of(is_load, space));
  choice.variant = s.has("relaxed") || s.has("acquire") || s.has("release");
  return choice;
}

}  // namespace emulator
