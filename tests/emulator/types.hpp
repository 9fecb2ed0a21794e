// The words everything in the emulator is written in: integers, PTX types, spaces, sets of lanes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace emulator {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

constexpr int kWarpSize = 32;
constexpr u32 kMaxThreadsPerBlock = 1024;

/// A set of lanes of one warp: bit l is lane l.
using Lanes = u32;
constexpr Lanes kAllLanes = ~Lanes(0);

inline int first_lane(Lanes lanes) { return std::countr_zero(lanes); }

/// Calls f(lane) for each lane of the set, in order.
template <class F>
inline void each_lane(Lanes lanes, F&& f) {
  for (; lanes != 0; lanes &= lanes - 1) { f(first_lane(lanes)); }
}

/// Fundamental types of PTX, and tf32 (a b32 as far as registers are concerned).
enum class Type : u8 {
  none,
  pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  TF32,
  F32,
  F64
};

/// The type with this PTX name ("f32"); none if there is none.
Type type_named(std::string const& name);
int bytes_of(Type type);
bool is_float(Type type);
bool is_signed(Type type);

/// State spaces of PTX.
enum class Space : u8 { generic, global, shared, local, param, constant };

/// Generic addresses of the spaces that are not global: base + address within the space.
constexpr u64 kSharedWindow = 0x7000000000000000ull;
constexpr u64 kLocalWindow = 0x7100000000000000ull;
constexpr u64 kParamWindow = 0x7200000000000000ull;
constexpr u64 kWindowMask = 0xff00000000000000ull;

struct Dim3 {
  u32 x = 1, y = 1, z = 1;
  u64 count() const { return u64(x) * y * z; }
};

/// An address the emulator counts with, as a pointer.
inline void* pointer_to(u64 address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

/// Coordinates of element `index` of a block or grid of this size, x fastest.
inline Dim3 coordinates(u64 index, Dim3 size) {
  return {u32(index % size.x), u32(index / size.x % size.y), u32(index / (u64(size.x) * size.y))};
}

/// Copies the bits of `from`, extended with zeros or cut to the size of T.
template <class T, class From>
inline T bits(From from) {
  T to{};
  std::memcpy(&to, &from, sizeof(T) < sizeof(From) ? sizeof(T) : sizeof(From));
  return to;
}

}  // namespace emulator
