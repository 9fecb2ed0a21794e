// atom, red: one read-modify-write for each lane, in the order of the lanes.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/formats.hpp"
#include "tests/emulator/execute/select.hpp"

#include <algorithm>

namespace emulator {
namespace {

enum class Update : u32 { add, exch, min, max, land, lor, lxor, cas, inc, dec };
constexpr std::array<char const*, 10> kNames = {"add", "exch", "min", "max", "and",
                                                "or",  "xor",  "cas", "inc", "dec"};
constexpr u32 kNoResult = 64;  // red

template <class T>
T updated(Update update, T old, T b, T c) {
  if constexpr (std::is_integral_v<T>) {
    switch (update) {
      case Update::add:
        return static_cast<T>(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(b));
      case Update::exch:
        return b;
      case Update::min:
        return std::min(old, b);
      case Update::max:
        return std::max(old, b);
      case Update::land:
        return old & b;
      case Update::lor:
        return old | b;
      case Update::lxor:
        return old ^ b;
      case Update::cas:
        return old == b ? c : old;
      case Update::inc:
        return old >= b ? T(0) : static_cast<T>(old + 1);
      case Update::dec:
        return old == 0 || old > b ? b : static_cast<T>(old - 1);
    }
    return b;
  } else {
    return update == Update::add ? canonical(old + b) : b;  // PTX has no other for floats but exch
  }
}

/// Pairs of narrow numbers: each half by itself.
struct HalfPair {
  u32 raw;
};
struct BrainPair {
  u32 raw;
};
HalfPair updated(Update, HalfPair old, HalfPair b, HalfPair) {
  auto sum = [&](int shift) {
    return to_f16(static_cast<double>(from_f16(u16(old.raw >> shift))) +
                  static_cast<double>(from_f16(u16(b.raw >> shift))));
  };
  return {sum(0) | u32(sum(16)) << 16};
}
BrainPair updated(Update, BrainPair old, BrainPair b, BrainPair) {
  auto sum = [&](int shift) {
    return to_bf16(add_to_odd(static_cast<double>(from_bf16(u16(old.raw >> shift))),
                              static_cast<double>(from_bf16(u16(b.raw >> shift)))));
  };
  return {sum(0) | u32(sum(16)) << 16};
}

// Blocks run in several threads of the host: the memory is changed atomically there too.
template <class T>
T update_memory(u8* at, Update update, T b, T c) {
  using Bits = std::conditional_t<sizeof(T) == 2, u16, Cell<T>>;
  Bits* const word = reinterpret_cast<Bits*>(at);
  Bits old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  while (!__atomic_compare_exchange_n(word, &old, bits<Bits>(updated(update, bits<T>(old), b, c)),
                                      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
  return bits<T>(old);
}

template <class T>
void atomic(Warp& w, Instruction const& i, Lanes lanes) {
  Update const update = static_cast<Update>(i.variant & ~kNoResult);
  std::array<u64, kWarpSize> addresses{};
  each_lane(lanes, [&](int lane) {
    u64 const base = i.from[0].there() ? w.value(i.from[0], lane) : 0;
    addresses[static_cast<std::size_t>(lane)] = base + static_cast<u64>(i.offset[0]);
  });
  if (i.space != Space::shared) {
    count_global(w.block.counters[static_cast<std::size_t>(w.index_of(i))], addresses.data(), lanes,
                 sizeof(T));
  }
  each_lane(lanes, [&](int lane) {
    u8* const at = touch(w, i, lane, i.space, addresses[static_cast<std::size_t>(lane)], sizeof(T),
                         Touch::atomic);
    T const b = load_cell<T>(w.cells<Cell<T>>(i.from[1])[lane]);
    T const c = i.from[2].there() ? load_cell<T>(w.cells<Cell<T>>(i.from[2])[lane]) : b;
    T const old = update_memory<T>(at, update, b, c);
    if (i.to[0].there()) { w.cells<Cell<T>>(i.to[0])[lane] = store_cell<T>(old); }
  });
}

}  // namespace

Choice select_atomic(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name != "atom" && name != "red") { return {}; }
  Execute run = nullptr;
  switch (types_of(s).first) {
    case Type::F32:
      run = atomic<float>;
      break;
    case Type::F64:
      run = atomic<double>;
      break;
    case Type::F16x2:
      run = atomic<HalfPair>;
      break;
    case Type::BF16x2:
      run = atomic<BrainPair>;
      break;
    case Type::S32:
      run = atomic<s32>;
      break;
    case Type::U32:
    case Type::B32:
      run = atomic<u32>;
      break;
    case Type::S64:
      run = atomic<s64>;
      break;
    case Type::U64:
    case Type::B64:
      run = atomic<u64>;
      break;
    case Type::B16:
      run = atomic<u16>;
      break;
    default:
      return {};
  }
  bool const other = !s.has("add") && !s.has("exch") && !s.has("cas");
  if (s.has("v2") || s.has("v4") || (is_float(types_of(s).first) && other)) { return {}; }
  for (u32 update = 0; update < kNames.size(); ++update) {
    if (!s.has(kNames[update])) { continue; }
    Choice choice(run, Class::atomic);
    choice.variant = update | (name == "red" ? kNoResult : 0);
    return choice;
  }
  return {};
}

}  // namespace emulator
