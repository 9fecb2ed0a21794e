// Comparisons and selections: setp, set, selp, slct.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/formats.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

/// Narrow numbers compare as the floats they are.
struct HalfValue {
  u16 raw;
};
struct BrainValue {
  u16 raw;
};
template <class T>
T comparable(T x) {
  return x;
}
float comparable(HalfValue x) { return from_f16(x.raw); }
float comparable(BrainValue x) { return from_bf16(x.raw); }

enum class Relation : u8 { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Relation R, class T>
bool holds(T a, T b) {
  bool const unordered = a != a || b != b;  // never for integers
  switch (R) {
    case Relation::eq:
      return a == b;
    case Relation::ne:
      return !unordered && a != b;
    case Relation::lt:
      return a < b;
    case Relation::le:
      return a <= b;
    case Relation::gt:
      return a > b;
    case Relation::ge:
      return a >= b;
    case Relation::equ:
      return unordered || a == b;
    case Relation::neu:
      return unordered || a != b;
    case Relation::ltu:
      return unordered || a < b;
    case Relation::leu:
      return unordered || a <= b;
    case Relation::gtu:
      return unordered || a > b;
    case Relation::geu:
      return unordered || a >= b;
    case Relation::num:
      return !unordered;
    case Relation::nan:
      return unordered;
  }
  return false;
}

template <class T, Relation R>
Lanes compare(Warp& w, Instruction const& i) {
  auto const* a = w.cells<Cell<T>>(i.from[0]);
  auto const* b = w.cells<Cell<T>>(i.from[1]);
  Lanes result = 0;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    result |= static_cast<Lanes>(
                  holds<R>(comparable(load_cell<T>(a[lane])), comparable(load_cell<T>(b[lane]))))
              << lane;
  }
  return result;
}

// setp: p = relation [combined with a third predicate], q = its negation likewise. Variants: 0
// plain, 1 and, 2 or, 3 xor.
template <class T, Relation R>
void set_predicates(Warp& w, Instruction const& i, Lanes lanes) {
  Lanes p = compare<T, R>(w, i), q = ~p;
  if (i.variant != 0) {
    Lanes const c = w.predicate(i.from[2]);
    p = i.variant == 1 ? p & c : i.variant == 2 ? p | c : p ^ c;
    q = i.variant == 1 ? q & c : i.variant == 2 ? q | c : q ^ c;
  }
  if (i.to[0].there()) { w.set_predicate(i.to[0], lanes, p); }
  if (i.to[1].there()) { w.set_predicate(i.to[1], lanes, q); }
}

// set: all ones (or 1.0, variant 1) where the relation holds.
template <class T, Relation R>
void set_value(Warp& w, Instruction const& i, Lanes lanes) {
  Lanes const result = compare<T, R>(w, i);
  u32 const yes = i.variant == 1 ? bits<u32>(1.0f) : ~u32(0);
  each_lane(lanes,
            [&](int lane) { w.set_value(i.to[0], lane, (result >> lane & 1) != 0 ? yes : 0); });
}

struct Named {
  char const* name;
  Relation relation;
};
constexpr std::array<Named, 18> kRelations = {{{"eq", Relation::eq},
                                               {"ne", Relation::ne},
                                               {"lt", Relation::lt},
                                               {"le", Relation::le},
                                               {"gt", Relation::gt},
                                               {"ge", Relation::ge},
                                               {"lo", Relation::lt},
                                               {"ls", Relation::le},
                                               {"hi", Relation::gt},
                                               {"hs", Relation::ge},
                                               {"equ", Relation::equ},
                                               {"neu", Relation::neu},
                                               {"ltu", Relation::ltu},
                                               {"leu", Relation::leu},
                                               {"gtu", Relation::gtu},
                                               {"geu", Relation::geu},
                                               {"num", Relation::num},
                                               {"nan", Relation::nan}}};

template <class T, Relation R>
Execute form(bool predicate) {
  return predicate ? set_predicates<T, R> : set_value<T, R>;
}

template <class T>
Execute select_relation(Relation relation, bool p) {
  switch (relation) {
    case Relation::eq:
      return form<T, Relation::eq>(p);
    case Relation::ne:
      return form<T, Relation::ne>(p);
    case Relation::lt:
      return form<T, Relation::lt>(p);
    case Relation::le:
      return form<T, Relation::le>(p);
    case Relation::gt:
      return form<T, Relation::gt>(p);
    case Relation::ge:
      return form<T, Relation::ge>(p);
    case Relation::equ:
      return form<T, Relation::equ>(p);
    case Relation::neu:
      return form<T, Relation::neu>(p);
    case Relation::ltu:
      return form<T, Relation::ltu>(p);
    case Relation::leu:
      return form<T, Relation::leu>(p);
    case Relation::gtu:
      return form<T, Relation::gtu>(p);
    case Relation::geu:
      return form<T, Relation::geu>(p);
    case Relation::num:
      return form<T, Relation::num>(p);
    case Relation::nan:
      return form<T, Relation::nan>(p);
  }
  return nullptr;
}

Execute select_type(Type type, Relation relation, bool p) {
  switch (type) {
    case Type::F16:
      return select_relation<HalfValue>(relation, p);
    case Type::BF16:
      return select_relation<BrainValue>(relation, p);
    case Type::F32:
      return select_relation<float>(relation, p);
    case Type::F64:
      return select_relation<double>(relation, p);
    case Type::S16:
      return select_relation<s16>(relation, p);
    case Type::B16:
    case Type::U16:
      return select_relation<u16>(relation, p);
    case Type::S32:
      return select_relation<s32>(relation, p);
    case Type::B32:
    case Type::U32:
      return select_relation<u32>(relation, p);
    case Type::S64:
      return select_relation<s64>(relation, p);
    case Type::B64:
    case Type::U64:
      return select_relation<u64>(relation, p);
    default:
      return nullptr;
  }
}

template <class C>
void select_by_predicate(Warp& w, Instruction const& i, Lanes lanes) {
  C* const to = w.cells<C>(i.to[0]);
  C const* const a = w.cells<C>(i.from[0]);
  C const* const b = w.cells<C>(i.from[1]);
  Lanes const p = w.predicate(i.from[2]);
  each_lane(lanes, [&](int lane) { to[lane] = (p >> lane & 1) != 0 ? a[lane] : b[lane]; });
}

// slct: a if c >= 0, else b; c is s32 or (variant 1) f32.
template <class C>
void select_by_sign(Warp& w, Instruction const& i, Lanes lanes) {
  each_lane(lanes, [&](int lane) {
    u32 const c = w.cells<u32>(i.from[2])[lane];
    bool const first = i.variant == 1 ? bits<float>(c) >= 0.0f : bits<s32>(c) >= 0;
    w.cells<C>(i.to[0])[lane] = w.cells<C>(i.from[first ? 0 : 1])[lane];
  });
}

}  // namespace

Choice select_compare(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  Types const types = types_of(s);
  bool const wide = bytes_of(types.first) == 8;
  if (name == "selp") {
    return {wide ? select_by_predicate<u64> : select_by_predicate<u32>, Class::compare};
  }
  if (name == "slct") {
    Choice choice(wide ? select_by_sign<u64> : select_by_sign<u32>, Class::compare);
    choice.variant = types.second == Type::F32;
    return choice;
  }
  if ((name != "setp" && name != "set") || s.has("ftz")) { return {}; }
  Relation relation{};
  bool known = false;
  for (Named const& named : kRelations) {
    if (s.opcode[1] == named.name) {
      relation = named.relation;
      known = true;
    }
  }
  if (!known) { return {}; }
  if (name == "set") {
    Choice choice(select_type(types.second, relation, false), Class::compare);
    choice.variant = types.first == Type::F32;
    return s.operands.size() == 3 ? choice : Choice{};
  }
  Choice choice(select_type(types.first, relation, true), Class::compare);
  choice.variant = s.has("and") ? 1 : s.has("or") ? 2 : s.has("xor") ? 3 : 0;
  return choice;
}

}  // namespace emulator
