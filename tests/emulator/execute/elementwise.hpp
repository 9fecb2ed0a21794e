// Instructions that compute each lane by itself: from a function of values to a function of a warp.
#pragma once

#include "tests/emulator/execute/warp.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

namespace emulator {

/// How a value lies in a register: in 4 bytes, or 8 if it has 8.
template <class T>
using Cell = std::conditional_t<sizeof(T) == 8, u64, u32>;

template <class T>
inline T load_cell(Cell<T> cell) {
  return bits<T>(cell);
}
template <class T>
inline Cell<T> store_cell(T value) {
  return bits<Cell<T>>(value);
}

/// to = f(a, b, ...) for each lane; A, B, ... are the types of the sources.
template <class To, class... From, class F, std::size_t... Index>
inline void apply(Warp& w, Instruction const& i, Lanes lanes, F f, std::index_sequence<Index...>) {
  Cell<To>* const to = w.cells<Cell<To>>(i.to[0]);
  auto const one = [&](int lane) {
    to[lane] = store_cell<To>(
        static_cast<To>(f(load_cell<From>(w.cells<Cell<From>>(i.from[Index])[lane])...)));
  };
  if (lanes == kAllLanes) {
#ifndef __clang__
#pragma GCC ivdep
#endif
    for (int lane = 0; lane < kWarpSize; ++lane) { one(lane); }
  } else {
    each_lane(lanes, one);
  }
}

/// The function of a warp for a stateless f: elementwise<To, From...>([](From... x) { ... }).
template <class To, class... From, class F>
constexpr Execute elementwise(F) {
  return [](Warp& w, Instruction const& i, Lanes lanes) {
    apply<To, From...>(w, i, lanes, F{}, std::index_sequence_for<From...>{});
  };
}
template <class T, class F>
constexpr Execute unary(F f) {
  return elementwise<T, T>(f);
}
template <class T, class F>
constexpr Execute binary(F f) {
  return elementwise<T, T, T>(f);
}
template <class T, class F>
constexpr Execute ternary(F f) {
  return elementwise<T, T, T, T>(f);
}

/// Every float instruction gives this NaN, whatever NaN went in (PTX ISA, "Floating-Point
/// Instructions").
inline float canonical(float x) { return x == x ? x : bits<float>(u32(0x7fffffff)); }
inline double canonical(double x) { return x; }

/// Subnormal numbers become zeros of their sign.
inline float flush(float x) {
  return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x;
}
/// Into [0, 1]; NaN becomes 0.
inline float saturate(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

}  // namespace emulator
