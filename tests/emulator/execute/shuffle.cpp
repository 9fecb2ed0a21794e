// What the lanes of a warp do together: shfl, vote, match, redux, activemask, bar.warp.sync;
// barriers.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/select.hpp"

#include <algorithm>
#include <bit>

namespace emulator {
namespace {

// shfl.sync.mode d|p, a, b, c, mask: lane l gets a of the lane b says, within the segment c says.
// Variant: 0 up, 1 down, 2 bfly, 3 idx. from: a, b, c, mask.
void shuffle(Warp& w, Instruction const& i, Lanes lanes) {
  std::array<u32, kWarpSize> values{}, result{};
  std::memcpy(values.data(), w.cells<u32>(i.from[0]), sizeof values);
  Lanes in_range = 0;
  each_lane(lanes, [&](int lane) {
    int const b = static_cast<int>(w.value(i.from[1], lane) & 31);
    int const c = static_cast<int>(w.value(i.from[2], lane));
    int const clamp = c & 31, segment = c >> 8 & 31;
    int const most = (lane & segment) | (clamp & ~segment), least = lane & segment;
    int source = 0;
    bool fits = false;
    switch (i.variant) {
      case 0:
        source = lane - b;
        fits = source >= most;
        break;
      case 1:
        source = lane + b;
        fits = source <= most;
        break;
      case 2:
        source = lane ^ b;
        fits = source <= most;
        break;
      default:
        source = least | (b & ~segment);
        fits = source <= most;
        break;
    }
    if (!fits) { source = lane; }
    if ((lanes >> source & 1) == 0) {
      w.block.stop(Check::warp_sync, w, i, lane, [&] {
        return "it reads lane " + std::to_string(source) + ", which does not take part";
      });
    }
    in_range |= static_cast<Lanes>(fits) << lane;
    result[static_cast<std::size_t>(lane)] = values[static_cast<std::size_t>(source)];
  });
  each_lane(lanes, [&](int lane) {
    w.cells<u32>(i.to[0])[lane] = result[static_cast<std::size_t>(lane)];
  });
  if (i.to[1].there()) { w.set_predicate(i.to[1], lanes, in_range); }
}

// Lanes of different masks may stand at the same instruction: each mask by itself.
template <class F>
void each_mask(Warp& w, Slot mask, Lanes lanes, F f) {
  while (lanes != 0) {
    Lanes const own = static_cast<Lanes>(w.value(mask, first_lane(lanes))) & lanes;
    f(own);
    lanes &= ~own;
  }
}

// vote.sync: variant 0 all, 1 any, 2 uni, 3 ballot. from: p, mask.
void vote(Warp& w, Instruction const& i, Lanes lanes) {
  each_mask(w, i.from[1], lanes, [&](Lanes own) {
    Lanes const yes = w.predicate(i.from[0]) & own;
    bool const result = i.variant == 0   ? yes == own
                        : i.variant == 1 ? yes != 0
                                         : yes == 0 || yes == own;
    if (i.variant != 3) {
      w.set_predicate(i.to[0], own, result ? kAllLanes : 0);
    } else {
      each_lane(own, [&](int lane) { w.cells<u32>(i.to[0])[lane] = yes; });
    }
  });
}

// redux.sync: variant 0 add, 1 min, 2 max, 3 and, 4 or, 5 xor. from: a, mask.
template <class T>
void reduce(Warp& w, Instruction const& i, Lanes lanes) {
  each_mask(w, i.from[1], lanes, [&](Lanes own) {
    u32 const* const a = w.cells<u32>(i.from[0]);
    T result = bits<T>(a[first_lane(own)]);
    each_lane(own & (own - 1), [&](int lane) {
      T const x = bits<T>(a[lane]);
      switch (i.variant) {
        case 0:
          result = static_cast<T>(u32(result) + u32(x));
          break;
        case 1:
          result = std::min(result, x);
          break;
        case 2:
          result = std::max(result, x);
          break;
        case 3:
          result &= x;
          break;
        case 4:
          result |= x;
          break;
        default:
          result ^= x;
      }
    });
    each_lane(own, [&](int lane) { w.cells<u32>(i.to[0])[lane] = bits<u32>(result); });
  });
}

// match.any.sync d, a, mask: the lanes with the same a; match.all d|p: all of them if they agree.
template <class T>
void match(Warp& w, Instruction const& i, Lanes lanes) {
  each_mask(w, i.from[1], lanes, [&](Lanes own) {
    T const* const a = w.cells<T>(i.from[0]);
    each_lane(own, [&](int lane) {
      Lanes same = 0;
      each_lane(own, [&](int other) { same |= static_cast<Lanes>(a[other] == a[lane]) << other; });
      if (i.variant == 1) { same = same == own ? own : 0; }
      w.cells<u32>(i.to[0])[lane] = same;
      if (i.to[1].there()) {
        w.set_predicate(i.to[1], Lanes(1) << lane, same != 0 ? kAllLanes : 0);
      }
    });
  });
}

void active_mask(Warp& w, Instruction const& i, Lanes lanes) {
  each_lane(lanes, [&](int lane) { w.cells<u32>(i.to[0])[lane] = lanes; });
}

// __syncwarp: the one that orders memory accesses of the lanes.
void meet(Warp& w, Instruction const& i, Lanes lanes) {
  each_mask(w, i.from[0], lanes, [&](Lanes own) { w.clock.meet(own, own == w.alive); });
}

Choice synchronising(Execute run, int mask, u32 variant = 0) {
  Choice choice(run, Class::warp);
  choice.control = Control::warp_sync;
  choice.sync_operand = mask;
  choice.variant = variant;
  return choice;
}

template <std::size_t N>
int which(ptx::Statement const& s, std::array<char const*, N> const& names) {
  for (std::size_t n = 0; n < N; ++n) {
    if (s.has(names[n])) { return static_cast<int>(n); }
  }
  return -1;
}

void nothing(Warp&, Instruction const&, Lanes) {}

// bar.sync 0; bar.red.popc.u32 d, 0, p; barrier.sync 0. Only those of the whole block. Variant: 0
// sync, 1 and, 2 or, 3 popc.
Choice select_barrier(ptx::Statement const& s) {
  if (s.has("warp")) { return synchronising(meet, 0); }
  bool const reduces = s.has("red");
  std::size_t const number = reduces ? 1 : 0, expected = reduces ? 3 : 1;
  bool const plain = (s.has("sync") || reduces) && s.operands.size() == expected &&
                     s.operands[number].kind == ptx::Operand::Kind::number &&
                     s.operands[number].number == 0;
  if (!plain) { return {}; }
  Choice choice(nothing, Class::barrier);
  choice.control = Control::barrier;
  if (reduces) { choice.variant = static_cast<u32>(which<3>(s, {"and", "or", "popc"}) + 1); }
  return choice;
}

}  // namespace

Choice select_warp(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "bar" || name == "barrier") { return select_barrier(s); }
  if (name == "activemask") { return {active_mask, Class::warp}; }
  if (!s.has("sync")) { return {}; }
  if (name == "shfl") {
    int const mode = which<4>(s, {"up", "down", "bfly", "idx"});
    return mode < 0 ? Choice{} : synchronising(shuffle, 3, static_cast<u32>(mode));
  }
  if (name == "vote") {
    int const mode = which<4>(s, {"all", "any", "uni", "ballot"});
    return mode < 0 ? Choice{} : synchronising(vote, 1, static_cast<u32>(mode));
  }
  if (name == "redux") {
    int const operation = which<6>(s, {"add", "min", "max", "and", "or", "xor"});
    Type const type = types_of(s).first;
    if (operation < 0 || is_float(type)) { return {}; }
    return synchronising(type == Type::S32 ? reduce<s32> : reduce<u32>, 1,
                         static_cast<u32>(operation));
  }
  if (name == "match") {
    bool const wide = bytes_of(types_of(s).first) == 8;
    return synchronising(wide ? match<u64> : match<u32>, 1, s.has("all"));
  }
  return {};
}

}  // namespace emulator
