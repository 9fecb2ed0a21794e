// cvt: between integers and numbers of every width, with every rounding.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/formats.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

__extension__ typedef __int128 s128;

// Variant: the rounding in the low bits, then flags.
constexpr u32 kRoundingMask = 7, kToInteger = 8, kSaturate = 16, kFlush = 32, kRelu = 64;

Rounding rounding_of(u32 variant) { return static_cast<Rounding>(variant & kRoundingMask); }

s128 integer_from(u64 cell, Type type) {
  switch (type) {
    case Type::S8:
      return bits<s8>(cell);
    case Type::S16:
      return bits<s16>(cell);
    case Type::S32:
      return bits<s32>(cell);
    case Type::S64:
      return bits<s64>(cell);
    case Type::U8:
      return bits<u8>(cell);
    case Type::U16:
      return bits<u16>(cell);
    case Type::U32:
      return bits<u32>(cell);
    default:
      return cell;
  }
}

s128 least_of(Type type) { return is_signed(type) ? -(s128(1) << (8 * bytes_of(type) - 1)) : 0; }
s128 most_of(Type type) {
  return (s128(1) << (8 * bytes_of(type) - (is_signed(type) ? 1 : 0))) - 1;
}

double float_from(u64 cell, Type type) {
  switch (type) {
    case Type::F16:
      return static_cast<double>(from_f16(bits<u16>(cell)));
    case Type::BF16:
      return static_cast<double>(from_bf16(bits<u16>(cell)));
    case Type::F32:
      return static_cast<double>(bits<float>(cell));
    default:
      return bits<double>(cell);
  }
}

double to_integral(double x, Rounding rounding) {
  switch (rounding) {
    case Rounding::zero:
      return std::trunc(x);
    case Rounding::down:
      return std::floor(x);
    case Rounding::up:
      return std::ceil(x);
    default:
      return std::nearbyint(x);
  }
}

u64 integer_of_float(double x, Type from, Type to, Rounding rounding) {
  if (std::isnan(x)) {
    bool const zero = from != Type::F64 && bytes_of(to) != 8;
    return zero ? 0 : u64(1) << (8 * bytes_of(to) - 1);
  }
  double const whole = to_integral(x, rounding);
  double const above =
      std::ldexp(1.0, 8 * bytes_of(to) - (is_signed(to) ? 1 : 0));  // the largest is one less
  if (whole >= above) { return static_cast<u64>(most_of(to)); }
  if (whole <= static_cast<double>(least_of(to))) { return static_cast<u64>(least_of(to)); }
  return static_cast<u64>(static_cast<s128>(whole));
}

u64 float_of(double x, Type from, Type to, u32 variant) {
  Rounding const rounding = rounding_of(variant);
  if ((variant & kToInteger) != 0) { x = to_integral(x, rounding); }
  if ((variant & kSaturate) != 0) { x = x > 0 ? std::fmin(x, 1.0) : 0.0; }
  if ((variant & kRelu) != 0 && x < 0) { x = 0.0; }
  switch (to) {
    case Type::F16:
      return to_f16(x, rounding);
    case Type::BF16:
      return to_bf16(x, rounding);
    case Type::TF32:
      return to_tf32(static_cast<float>(x), rounding);
    case Type::F32: {
      float result = canonical(static_cast<float>(x));  // rounds as the processor is told to
      if ((variant & kFlush) != 0) { result = flush(result); }
      return bits<u64>(result);
    }
    default:
      return bits<u64>(from == Type::F64 ? x
                       : std::isnan(x)   ? bits<double>(u64(0x7fffffffffffffff))
                                         : x);
  }
}

u64 convert(u64 cell, Type from, Type to, u32 variant) {
  if (is_float(from)) {
    double x = float_from(cell, from);
    if ((variant & kFlush) != 0 && from == Type::F32) {
      x = static_cast<double>(flush(static_cast<float>(x)));
    }
    return is_float(to) ? float_of(x, from, to, variant)
                        : integer_of_float(x, from, to, rounding_of(variant));
  }
  s128 value = integer_from(cell, from);
  if (to == Type::F32) {
    return bits<u64>(is_signed(from) ? static_cast<float>(s64(value))
                                     : static_cast<float>(u64(value)));
  }
  if (to == Type::F64) {
    return bits<u64>(is_signed(from) ? static_cast<double>(s64(value))
                                     : static_cast<double>(u64(value)));
  }
  if (is_float(to)) {
    // Rounded to odd on the way: 64 bits do not fit into a double.
    double const exact = add_to_odd(static_cast<double>(s64(value >> 32)) * 4294967296.0,
                                    static_cast<double>(u32(value)));
    return to == Type::F16 ? to_f16(exact, rounding_of(variant))
                           : to_bf16(exact, rounding_of(variant));
  }
  if ((variant & kSaturate) != 0) {
    value = value < least_of(to) ? least_of(to) : value > most_of(to) ? most_of(to) : value;
  }
  // A narrow result fills its register with its sign or zeros.
  u64 const mask = bytes_of(to) == 8 ? ~u64(0) : (u64(1) << (8 * bytes_of(to))) - 1;
  return static_cast<u64>(integer_from(static_cast<u64>(value) & mask, to));
}

void convert_lanes(Warp& w, Instruction const& i, Lanes lanes) {
  each_lane(lanes, [&](int lane) {
    w.set_value(i.to[0], lane, convert(w.value(i.from[0], lane), i.source_type, i.type, i.variant));
  });
}
// Under a directed rounding the variant is the processor's mode; only f32 and f64 from integers and
// f64.
void convert_rounded(Warp& w, Instruction const& i, Lanes lanes) {
  each_lane(lanes, [&](int lane) {
    w.set_value(i.to[0], lane, convert(w.value(i.from[0], lane), i.source_type, i.type, 0));
  });
}

// cvt.rn.bf16x2.f32 d, a, b: a goes to the upper half.
void convert_pair(Warp& w, Instruction const& i, Lanes lanes) {
  Type const half = i.type == Type::F16x2 ? Type::F16 : Type::BF16;
  each_lane(lanes, [&](int lane) {
    u64 const upper = convert(w.value(i.from[0], lane), Type::F32, half, i.variant);
    u64 const lower = convert(w.value(i.from[1], lane), Type::F32, half, i.variant);
    w.set_value(i.to[0], lane, upper << 16 | lower);
  });
}

u32 variant_of(ptx::Statement const& s) {
  bool const whole = s.has("rni") || s.has("rzi") || s.has("rmi") || s.has("rpi");
  Rounding const rounding = s.has("rna")                  ? Rounding::nearest_away
                            : s.has("rz") || s.has("rzi") ? Rounding::zero
                            : s.has("rm") || s.has("rmi") ? Rounding::down
                            : s.has("rp") || s.has("rpi") ? Rounding::up
                                                          : Rounding::nearest_even;
  return static_cast<u32>(rounding) | (whole ? kToInteger : 0) |
         (s.has("sat") || s.has("satfinite") ? kSaturate : 0) | (s.has("ftz") ? kFlush : 0) |
         (s.has("relu") ? kRelu : 0);
}

// The frequent ones, a whole warp at once.
Execute select_frequent(Types t) {
  if (t.first == Type::F32 && t.second == Type::S32) {
    return elementwise<float, s32>([](s32 x) { return static_cast<float>(x); });
  }
  if (t.first == Type::F32 && t.second == Type::U32) {
    return elementwise<float, u32>([](u32 x) { return static_cast<float>(x); });
  }
  if (t.first == Type::F64 && t.second == Type::F32) {
    return elementwise<double, float>([](float x) { return static_cast<double>(canonical(x)); });
  }
  if (t.first == Type::F32 && t.second == Type::F64) {
    return elementwise<float, double>([](double x) { return canonical(static_cast<float>(x)); });
  }
  bool const to64 = t.first == Type::S64 || t.first == Type::U64,
             to32 = t.first == Type::S32 || t.first == Type::U32;
  bool const from64 = t.second == Type::S64 || t.second == Type::U64;
  if (to64 && t.second == Type::S32) {
    return elementwise<s64, s32>([](s32 x) { return s64(x); });
  }
  if (to64 && t.second == Type::U32) {
    return elementwise<u64, u32>([](u32 x) { return u64(x); });
  }
  if (to32 && from64) {
    return elementwise<u32, u64>([](u64 x) { return u32(x); });
  }
  return nullptr;
}

}  // namespace

Choice select_convert(ptx::Statement const& s) {
  if (s.opcode[0] != "cvt") { return {}; }
  Types const types = types_of(s);
  Choice choice(convert_lanes, Class::convert);
  choice.variant = variant_of(s);
  if (types.first == Type::BF16x2 || types.first == Type::F16x2) {
    choice.run = convert_pair;
    return types.second == Type::F32 && s.operands.size() == 3 ? choice : Choice{};
  }
  if (types.second == Type::none || types.first == Type::pred || types.second == Type::pred) {
    return {};
  }
  if (s.has("satfinite") || (types.first == Type::TF32 && types.second != Type::F32)) { return {}; }
  bool const by_processor =
      (types.first == Type::F32 || types.first == Type::F64) &&
      (!is_float(types.second) || (types.second == Type::F64 && types.first == Type::F32));
  if (by_processor && (s.has("rz") || s.has("rm") || s.has("rp"))) {
    if (s.has("sat") || s.has("ftz")) { return {}; }
    choice.run = convert_rounded;
    return with_rounding(s, choice);
  }
  bool const plain = (choice.variant & ~kRoundingMask) == 0;
  if (Execute const frequent = select_frequent(types); plain && frequent != nullptr) {
    choice.run = frequent;
  }
  return choice;
}

}  // namespace emulator
