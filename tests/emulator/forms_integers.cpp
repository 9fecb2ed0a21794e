// The host's arithmetic for integers and bits, and comparisons.
#include <bit>

#include "tests/emulator/forms_computing.hpp"

namespace forms {
namespace {

// --- integers

template <class T>
void add_integers(Map& m) {
  using U = std::make_unsigned_t<T>;
  using Wide = std::conditional_t<std::is_signed_v<T>, s128, u128>;
  std::string const t = name_of<T>(), b = "b" + std::to_string(8 * sizeof(T));
  add<T, T>(m, "add_" + t, [](T x, T y) { return T(U(x) + U(y)); });
  add<T, T>(m, "sub_" + t, [](T x, T y) { return T(U(x) - U(y)); });
  add<T, T>(m, "mul_lo_" + t, [](T x, T y) { return T(u128(s128(x)) * u128(s128(y))); });
  add<T, T, T>(m, "mad_lo_" + t,
               [](T x, T y, T z) { return T(u128(s128(x)) * u128(s128(y)) + u128(s128(z))); });
  add<T>(m, "neg_" + t, [](T x) { return T(U(0) - U(x)); });
  add<T>(m, "abs_" + t, [](T x) { return s128(x) < 0 ? T(U(0) - U(x)) : x; });
  add<T, T>(m, "min_" + t, [](T x, T y) { return x < y ? x : y; });
  add<T, T>(m, "max_" + t, [](T x, T y) { return x < y ? y : x; });
  for (bool const remainder : {false, true}) {
    m[(remainder ? "rem_" : "div_") + t] = {Result::bits,
                                            [remainder](u64 x, u64 y, u64) -> std::optional<u64> {
                                              s128 const a = as<T>(x), d = as<T>(y);
                                              if (d == 0) { return std::nullopt; }
                                              return bits_of(T(remainder ? a % d : a / d));
                                            }};
  }
  add<T, T>(m, "mul_hi_" + t, [](T x, T y) { return T((Wide(x) * Wide(y)) >> (8 * sizeof(T))); });
  add<T, T, T>(m, "mad_hi_" + t,
               [](T x, T y, T z) { return T(U((Wide(x) * Wide(y)) >> (8 * sizeof(T))) + U(z)); });
  add<T, T, T>(m, "sad_" + t,
               [](T x, T y, T z) { return T(U(z) + U(x < y ? U(y) - U(x) : U(x) - U(y))); });
  add<T, u32>(m, "shr_" + t, [](T x, u32 n) { return T(s128(x) >> (n > 64 ? 64 : n)); });
  add<U, U>(m, "and_" + b, [](U x, U y) { return U(x & y); });
  add<U, U>(m, "or_" + b, [](U x, U y) { return U(x | y); });
  add<U, U>(m, "xor_" + b, [](U x, U y) { return U(x ^ y); });
  add<U>(m, "not_" + b, [](U x) { return U(~x); });
  add<U, u32>(m, "shl_" + b, [](U x, u32 n) { return n >= 8 * sizeof(U) ? U(0) : U(u64(x) << n); });
  add<U>(m, "popc_" + b, [](U x) { return u32(std::popcount(x)); });
  add<U>(m, "clz_" + b, [](U x) { return u32(std::countl_zero(x)); });
  add<T>(m, "bfind_" + t, [](T x) {
    U const magnitude = s128(x) < 0 ? U(~x) : U(x);
    return magnitude == 0 ? ~u32(0) : u32(8 * sizeof(T) - 1) - u32(std::countl_zero(magnitude));
  });
  add<T>(m, "bfind_shiftamt_" + t, [](T x) {
    U const magnitude = s128(x) < 0 ? U(~x) : U(x);
    return magnitude == 0 ? ~u32(0) : u32(std::countl_zero(magnitude));
  });
  add<U>(m, "brev_" + b, [](U x) {
    U r = 0;
    for (std::size_t i = 0; i < 8 * sizeof(U); ++i) { r = U(r << 1 | (x >> i & 1)); }
    return r;
  });
  // The field's bits, then copies of its highest bit (signed) or zeros; beyond the number its sign.
  add<T, u32, u32>(m, "bfe_" + t, [](T x, u32 position, u32 length) {
    position &= 255;
    length &= 255;
    if (length == 0) { return T(0); }
    s128 const shifted = position >= 64 ? (s128(x) < 0 ? s128(-1) : s128(0)) : s128(x) >> position;
    if (length >= 100 || position + length >= 8 * sizeof(T)) { return T(shifted); }
    s128 const field = shifted & ((s128(1) << length) - 1);
    bool const negative = std::is_signed_v<T> && (field >> (length - 1) & 1) != 0;
    return T(negative ? field - (s128(1) << length) : field);
  });
}

template <class T, class Wide>
void add_wide(Map& m) {
  std::string const t = name_of<T>();
  add<T, T>(m, "mul_wide_" + t, [](T x, T y) { return Wide(s128(x) * s128(y)); });
  add<T, T, Wide>(m, "mad_wide_" + t,
                  [](T x, T y, Wide z) { return Wide(u128(s128(x) * s128(y)) + u128(z)); });
}

void add_bits(Map& m) {
  add<s32, s32>(m, "add_sat_s32", [](s32 a, s32 b) {
    s64 const sum = s64(a) + b;
    return s32(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
  });
  add<u32, u32, u32>(m, "lop3_b32",
                     [](u32 a, u32 b, u32 c) { return (a & b) | (~a & c); });  // 0xCA
  add<u32, u32, u32>(m, "prmt_b32", [](u32 a, u32 b, u32 c) {
    u32 r = 0;
    for (u32 i = 0; i < 4; ++i) {
      u32 const which = c >> (4 * i) & 7;
      u32 byte = (which < 4 ? a >> (8 * which) : b >> (8 * (which - 4))) & 255;
      if ((c >> (4 * i) & 8) != 0) { byte = byte >= 128 ? 255 : 0; }
      r |= byte << (8 * i);
    }
    return r;
  });
  auto left = [](u32 a, u32 b, u32 n) {
    return n == 0 ? b : n >= 32 ? a : (b << n | a >> (32 - n));
  };
  auto right = [](u32 a, u32 b, u32 n) {
    return n == 0 ? a : n >= 32 ? b : (a >> n | b << (32 - n));
  };
  add<u32, u32, u32>(m, "shf_l_wrap", [=](u32 a, u32 b, u32 c) { return left(a, b, c % 32); });
  add<u32, u32, u32>(m, "shf_l_clamp", left);
  add<u32, u32, u32>(m, "shf_r_wrap", [=](u32 a, u32 b, u32 c) { return right(a, b, c % 32); });
  add<u32, u32, u32>(m, "shf_r_clamp", right);
  add<u32, u32, u32>(m, "bfi_b32", [](u32 a, u32 b, u32 c) {
    u64 const position = c & 255, mask = position >= 32 ? 0 : u64(127) << position;
    return u32((b & ~mask) | ((u64(a) << (position & 63)) & mask));
  });
  add<u32, u32, u32>(m, "selp_b32", [](u32 a, u32 b, u32 c) { return c != 0 ? a : b; });
  add<u32, u32, s32>(m, "slct_s32", [](u32 a, u32 b, s32 c) { return c >= 0 ? a : b; });
  add<s32, s32, s32>(m, "predicates", [](s32 a, s32 b, s32 c) {
    bool const p = a < b, q = !p, r = b < c && !p;
    return u32(q != r ? 9 : 7);
  });
  add<u32, u32>(m, "mov_pack", [](u32 a, u32 b) { return u64(b) << 32 | a; });
  add<u64>(m, "mov_unpack", [](u64 a) { return u32(a >> 32); });
  add<u16, u16>(m, "mov_pack_16", [](u16 a, u16 b) { return u32(b) << 16 | a; });
  add<u16>(m, "mov_zero_16", [](u16 a) { return u32(a) << 16; });
}

// --- comparisons

template <class T>
void add_comparisons(Map& m, std::string const& t) {
  auto flag = [&](char const* name, auto f) {
    add<T, T>(m, std::string("setp_") + name + "_" + t,
              [f](T a, T b) { return u32(f(a, b) ? 1 : 0); });
  };
  flag("eq", [](T a, T b) { return a == b; });
  flag("ne", [](T a, T b) { return a < b || a > b; });
  flag("lt", [](T a, T b) { return a < b; });
  flag("le", [](T a, T b) { return a <= b; });
  flag("gt", [](T a, T b) { return a > b; });
  flag("ge", [](T a, T b) { return a >= b; });
  flag("equ", [](T a, T b) { return !(a < b || a > b); });
  flag("neu", [](T a, T b) { return !(a == b); });
  flag("ltu", [](T a, T b) { return !(a >= b); });
  flag("leu", [](T a, T b) { return !(a > b); });
  flag("gtu", [](T a, T b) { return !(a <= b); });
  flag("geu", [](T a, T b) { return !(a < b); });
  flag("num", [](T a, T b) { return a == a && b == b; });
  flag("nan", [](T a, T b) { return a != a || b != b; });
}

}  // namespace

void add_integer_forms(Map& m) {
  add_integers<s16>(m);
  add_integers<s32>(m);
  add_integers<u32>(m);
  add_integers<s64>(m);
  add_integers<u64>(m);
  add_wide<s16, s32>(m);
  add_wide<u16, u32>(m);
  add_wide<s32, s64>(m);
  add_wide<u32, u64>(m);
  add_bits(m);
  add_comparisons<float>(m, "f32");
  add_comparisons<double>(m, "f64");
  add_comparisons<s16>(m, "s16");
  add_comparisons<u16>(m, "u16");
  add_comparisons<s32>(m, "s32");
  add_comparisons<u32>(m, "u32");
  add_comparisons<s64>(m, "s64");
  add_comparisons<u64>(m, "u64");
}

}  // namespace forms
