// Bits: and, or, xor, not, lop3, shifts, bit fields, counts, permutations of bytes.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/select.hpp"

#include <algorithm>
#include <bit>

namespace emulator {
namespace {

// Amounts beyond the width are clamped to it.
template <class T>
T shifted_left(T a, u32 n) {
  return n >= 8 * sizeof(T) ? T(0) : static_cast<T>(static_cast<u64>(a) << n);
}
template <class T>
T shifted_right(T a, u32 n) {
  if (n >= 8 * sizeof(T)) { return static_cast<T>(std::is_signed_v<T> && a < 0 ? -1 : 0); }
  return static_cast<T>(a >> n);
}

template <class T>
T field(T a, u32 position, u32 length) {
  constexpr u32 kBits = 8 * sizeof(T);
  position &= 255;
  length &= 255;
  if (length == 0) { return 0; }
  // Bits beyond the most significant one are copies of the sign (signed) or zeros.
  u32 const top = std::min(position + length - 1, kBits - 1);
  bool const sign = std::is_signed_v<T> && (static_cast<u64>(a) >> top & 1) != 0;
  u64 result = 0;
  for (u32 i = 0; i < kBits; ++i) {
    bool const bit = i < length && position + i < kBits
                         ? (static_cast<u64>(a) >> (position + i) & 1) != 0
                         : sign;
    result |= static_cast<u64>(bit) << i;
  }
  return static_cast<T>(result);
}

template <class T>
T inserted(T a, T b, u32 position, u32 length) {
  constexpr u32 kBits = 8 * sizeof(T);
  position &= 255;
  length &= 255;
  T result = b;
  for (u32 i = 0; i < length && position + i < kBits; ++i) {
    T const bit = static_cast<T>(T(1) << (position + i));
    result = (a >> i & 1) != 0 ? static_cast<T>(result | bit) : static_cast<T>(result & ~bit);
  }
  return result;
}

u32 reversed(u32 x) {
  u32 r = 0;
  for (int i = 0; i < 32; ++i) { r |= (x >> i & 1) << (31 - i); }
  return r;
}

// Position of the most significant bit that is no copy of the sign; all ones if there is none.
template <class T>
u32 leading(T a) {
  u64 const value = std::is_signed_v<T> && a < 0 ? ~static_cast<u64>(a) : static_cast<u64>(a);
  return value == 0 ? ~u32(0) : 63 - static_cast<u32>(std::countl_zero(value));
}

u32 permuted(u32 a, u32 b, u32 selector) {
  u64 const all = static_cast<u64>(b) << 32 | a;
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    u32 const nibble = selector >> (4 * i) & 15;
    u32 byte = static_cast<u32>(all >> (8 * (nibble & 7)) & 255);
    if ((nibble & 8) != 0) { byte = (byte & 128) != 0 ? 255 : 0; }
    result |= byte << (8 * i);
  }
  return result;
}

// Bit k of the table is the result for (a, b, c) = the bits of k, a the highest.
u32 looked_up(u32 a, u32 b, u32 c, u32 table) {
  u32 result = 0;
  for (u32 k = 0; k < 8; ++k) {
    if ((table >> k & 1) != 0) {
      result |= ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
    }
  }
  return result;
}

template <u32 Operation>  // 0 and, 1 or, 2 xor
void predicates(Warp& w, Instruction const& i, Lanes lanes) {
  Lanes const a = w.predicate(i.from[0]), b = w.predicate(i.from[1]);
  w.set_predicate(i.to[0], lanes, Operation == 0 ? a & b : Operation == 1 ? a | b : a ^ b);
}
void not_predicate(Warp& w, Instruction const& i, Lanes lanes) {
  w.set_predicate(i.to[0], lanes, ~w.predicate(i.from[0]));
}

template <class T>
Execute select_logic(std::string const& name) {
  if (name == "and") {
    return binary<T>([](T a, T b) { return static_cast<T>(a & b); });
  }
  if (name == "or") {
    return binary<T>([](T a, T b) { return static_cast<T>(a | b); });
  }
  if (name == "xor") {
    return binary<T>([](T a, T b) { return static_cast<T>(a ^ b); });
  }
  if (name == "not") {
    return unary<T>([](T a) { return static_cast<T>(~a); });
  }
  if (name == "cnot") {
    return unary<T>([](T a) { return static_cast<T>(a == 0); });
  }
  if (name == "shl") {
    return elementwise<T, T, u32>([](T a, u32 n) { return shifted_left(a, n); });
  }
  return nullptr;
}

template <class T>
Execute select_shift_right() {
  return elementwise<T, T, u32>([](T a, u32 n) { return shifted_right(a, n); });
}

Execute select_shift(ptx::Statement const& s, Type type) {
  if (s.opcode[0] == "shf") {
    // d = the upper (l) or lower (r) half of b:a shifted by c, taken modulo 32 (wrap) or at
    // most 32.
    if (s.has("l")) {
      return s.has("wrap") ? ternary<u32>([](u32 a, u32 b, u32 c) {
        return u32((u64(b) << 32 | a) << (c & 31) >> 32);
      })
                           : ternary<u32>([](u32 a, u32 b, u32 c) {
                               return c >= 32 ? a : u32((u64(b) << 32 | a) << c >> 32);
                             });
    }
    return s.has("wrap") ? ternary<u32>([](u32 a, u32 b, u32 c) {
      return u32((u64(b) << 32 | a) >> (c & 31));
    })
                         : ternary<u32>([](u32 a, u32 b, u32 c) {
                             return c >= 32 ? b : u32((u64(b) << 32 | a) >> c);
                           });
  }
  switch (type) {
    case Type::S16:
      return select_shift_right<s16>();
    case Type::B16:
    case Type::U16:
      return select_shift_right<u16>();
    case Type::S32:
      return select_shift_right<s32>();
    case Type::B32:
    case Type::U32:
      return select_shift_right<u32>();
    case Type::S64:
      return select_shift_right<s64>();
    default:
      return select_shift_right<u64>();
  }
}

template <class T>
Execute select_field(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "bfe") {
    return elementwise<T, T, u32, u32>([](T a, u32 b, u32 c) { return field(a, b, c); });
  }
  if (name == "bfi") {
    return elementwise<T, T, T, u32, u32>(
        [](T a, T b, u32 c, u32 d) { return inserted(a, b, c, d); });
  }
  if (name == "bfind" && s.has("shiftamt")) {
    return elementwise<u32, T>([](T a) {
      u32 const at = leading(a);
      return at == ~u32(0) ? at : u32(8 * sizeof(T)) - 1 - at;
    });
  }
  if (name == "bfind") {
    return elementwise<u32, T>([](T a) { return leading(a); });
  }
  if (name == "popc") {
    return elementwise<u32, T>([](T a) { return u32(std::popcount(std::make_unsigned_t<T>(a))); });
  }
  if (name == "clz") {
    return elementwise<u32, T>(
        [](T a) { return u32(std::countl_zero(std::make_unsigned_t<T>(a))); });
  }
  if (name == "brev") {
    return unary<T>([](T a) {
      u64 const low = reversed(u32(a)), high = reversed(u32(u64(a) >> 32));
      return static_cast<T>(sizeof(T) == 4 ? low : low << 32 | high);
    });
  }
  return nullptr;
}

}  // namespace

Choice select_bits(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  Type const type = types_of(s).first;
  int const bytes = bytes_of(type);
  if (type == Type::pred) {
    Execute const run = name == "and"   ? predicates<0>
                        : name == "or"  ? predicates<1>
                        : name == "xor" ? predicates<2>
                        : name == "not" ? not_predicate
                                        : Execute{};
    return {run, Class::compare};
  }
  if (is_float(type)) { return {}; }
  if (name == "shr" || name == "shf") { return {select_shift(s, type), Class::integer}; }
  if (name == "lop3") {
    return {elementwise<u32, u32, u32, u32, u32>(
                [](u32 a, u32 b, u32 c, u32 t) { return looked_up(a, b, c, t); }),
            Class::integer};
  }
  if (name == "prmt" && s.opcode.size() == 2) {
    return {ternary<u32>([](u32 a, u32 b, u32 c) { return permuted(a, b, c); }), Class::integer};
  }
  Execute run = bytes == 8   ? select_logic<u64>(name)
                : bytes == 4 ? select_logic<u32>(name)
                : bytes == 2 ? select_logic<u16>(name)
                             : nullptr;
  if (run == nullptr && bytes == 4) {
    run = is_signed(type) ? select_field<s32>(s) : select_field<u32>(s);
  }
  if (run == nullptr && bytes == 8) {
    run = is_signed(type) ? select_field<s64>(s) : select_field<u64>(s);
  }
  return {run, Class::integer};
}

}  // namespace emulator
