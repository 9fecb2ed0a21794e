// From a function of the host's types to the reference of an instruction form.
#pragma once

#include <cstring>
#include <type_traits>
#include <utility>

#include "tests/emulator/forms_reference.hpp"

namespace forms {

using u64 = std::uint64_t;
using u32 = std::uint32_t;
using u16 = std::uint16_t;
using s64 = std::int64_t;
using s32 = std::int32_t;
using s16 = std::int16_t;
__extension__ typedef __int128 s128;
__extension__ typedef unsigned __int128 u128;
using Map = std::map<std::string, Reference>;

template <class T>
inline T as(u64 bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
inline u64 bits_of(T value) {
  u64 bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class... From, class F, std::size_t... Index>
Compute computing(F f, std::index_sequence<Index...>) {
  return [f](u64 a, u64 b, u64 c) -> std::optional<u64> {
    u64 const all[3] = {a, b, c};
    return bits_of(f(as<From>(all[Index])...));
  };
}
/// add<s32, s32>(map, "add_s32", [](s32 a, s32 b) { ... }): operands are taken from the low bits.
template <class... From, class F>
void add(Map& m, std::string const& name, F f, Result result = Result::bits) {
  m[name] = {result, computing<From...>(f, std::index_sequence_for<From...>{})};
}

template <class T>
std::string name_of() {
  std::string const sign = std::is_signed_v<T> ? "s" : "u";
  return sign + std::to_string(8 * sizeof(T));
}

/// Integers, bits, and comparisons of all types (forms_integers.cpp).
void add_integer_forms(Map& m);

}  // namespace forms
