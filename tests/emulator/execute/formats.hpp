// The narrow floating-point formats: conversions with every rounding PTX has.
#pragma once

#include "tests/emulator/types.hpp"

namespace emulator {

enum class Rounding : u8 { nearest_even, nearest_away, zero, down, up };

/// x rounded to a binary format with `precision` bits of significand (the hidden one too) and the
/// exponents of normal numbers from `least` to `most`; beyond: infinity, or the largest number
/// where the rounding turns away from infinity. x must be exact, or rounded to odd.
double round_to(double x, int precision, int least, int most, Rounding rounding);

/// a + b rounded to odd: rounding the result again, to half the precision or less, is as good as
/// rounding the exact sum (S. Boldo, G. Melquiond, IEEE Trans. Comput. 57 (2008) 462).
double add_to_odd(double a, double b);

inline float from_bf16(u16 x) { return bits<float>(u32(x) << 16); }
float from_f16(u16 x);
u16 to_bf16(double x, Rounding rounding = Rounding::nearest_even);
u16 to_f16(double x, Rounding rounding = Rounding::nearest_even);
/// The bits of a tf32: those of a float whose 13 lowest bits are zero.
u32 to_tf32(float x, Rounding rounding);
/// What a tensor core sees of a register that holds a tf32.
inline float from_tf32(u32 x) { return bits<float>(x & 0xffffe000u); }

}  // namespace emulator
