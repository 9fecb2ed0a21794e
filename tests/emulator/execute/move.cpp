// mov in all its forms, and cvta between a space and generic addresses.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

void move_predicate(Warp& w, Instruction const& i, Lanes lanes) {
  w.set_predicate(i.to[0], lanes, w.predicate(i.from[0]));
}

// {a, b} = x and x = {a, b}: equal parts, the first the lowest.
void unpack(Warp& w, Instruction const& i, Lanes lanes) {
  int const width = 8 * bytes_of(i.type) / i.vector;
  each_lane(lanes, [&](int lane) {
    u64 const x = w.value(i.from[0], lane);
    for (std::size_t part = 0; part < i.vector; ++part) {
      if (!i.to[part].there()) { continue; }
      u64 const mask = (u64(1) << width) - 1;
      w.set_value(i.to[part], lane, x >> (static_cast<int>(part) * width) & mask);
    }
  });
}
void pack(Warp& w, Instruction const& i, Lanes lanes) {
  int const width = 8 * bytes_of(i.type) / i.vector;
  each_lane(lanes, [&](int lane) {
    u64 x = 0;
    u64 const mask = (u64(1) << width) - 1;
    for (std::size_t part = 0; part < i.vector; ++part) {
      x |= (w.value(i.from[part], lane) & mask) << (static_cast<int>(part) * width);
    }
    w.set_value(i.to[0], lane, x);
  });
}

u64 window_of(ptx::Statement const& s) {
  bool const shared = s.has("shared") || s.has("shared::cta");
  return shared ? kSharedWindow : s.has("local") ? kLocalWindow : s.has("param") ? kParamWindow : 0;
}

template <u64 Window>
Execute select_window(bool to_space) {
  if (to_space) {
    return unary<u64>([](u64 a) { return a & ~kWindowMask; });
  }
  return unary<u64>([](u64 a) { return a | Window; });
}

// isspacep.shared p, a: whether a generic address lies in the space; the variant is the window's
// top byte.
void is_in_space(Warp& w, Instruction const& i, Lanes lanes) {
  Lanes result = 0;
  each_lane(lanes, [&](int lane) {
    u64 const window = w.value(i.from[0], lane) & kWindowMask;
    bool const special =
        window == kSharedWindow || window == kLocalWindow || window == kParamWindow;
    bool const holds = i.variant == 0 ? !special : window >> 56 == i.variant;
    result |= static_cast<Lanes>(holds) << lane;
  });
  w.set_predicate(i.to[0], lanes, result);
}

}  // namespace

Choice select_move(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  Type const type = types_of(s).first;
  bool const wide = bytes_of(type) == 8;
  Execute const plain =
      wide ? unary<u64>([](u64 a) { return a; }) : unary<u32>([](u32 a) { return a; });
  if (name == "cvta") {
    if (!wide) { return {}; }
    switch (window_of(s)) {
      case kSharedWindow:
        return {select_window<kSharedWindow>(s.has("to")), Class::integer};
      case kLocalWindow:
        return {select_window<kLocalWindow>(s.has("to")), Class::integer};
      case kParamWindow:
        return {select_window<kParamWindow>(s.has("to")), Class::integer};
      default:
        return {plain, Class::move};
    }
  }
  if (name == "isspacep") {
    Choice choice(is_in_space, Class::compare);
    choice.variant = static_cast<u32>(window_of(s) >> 56);
    return choice;
  }
  if (name != "mov" || s.operands.size() != 2) { return {}; }
  if (type == Type::pred) { return {move_predicate, Class::move}; }
  if (s.operands[0].kind == ptx::Operand::Kind::list) { return {unpack, Class::move}; }
  if (s.operands[1].kind == ptx::Operand::Kind::list) { return {pack, Class::move}; }
  return {plain, Class::move};
}

}  // namespace emulator
