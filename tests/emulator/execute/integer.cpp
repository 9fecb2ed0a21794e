// Integer arithmetic: add, sub, mul, mad, div, rem, min, max, neg, abs, sad.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

// Sums and products wrap: computed without sign, where that is defined.
template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, s32, u32>,
                                std::conditional_t<std::is_signed_v<T>, s64, u64>>;
__extension__ typedef __int128 s128;
__extension__ typedef unsigned __int128 u128;

template <class T>
T high_product(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    if constexpr (std::is_signed_v<T>) {
      return static_cast<T>(static_cast<s128>(a) * b >> 64);
    } else {
      return static_cast<T>(static_cast<u128>(a) * b >> 64);
    }
  } else {
    return static_cast<T>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b) >> (8 * sizeof(T)));
  }
}

template <class T>
T low_product(T a, T b) {
  return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b));
}

// Division by zero is not defined; the hardware gives all ones, and the dividend as remainder.
template <class T>
T quotient(T a, T b) {
  if (b == 0) { return static_cast<T>(~T(0)); }
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
    return static_cast<T>(Unsigned<T>(0) - Unsigned<T>(a));
  }
  return static_cast<T>(a / b);
}
template <class T>
T remainder(T a, T b) {
  if (b == 0) { return a; }
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) { return 0; }
  return static_cast<T>(a % b);
}
template <class T>
T negated(T a) {
  return static_cast<T>(Unsigned<T>(0) - Unsigned<T>(a));
}

template <class T>
Execute multiply_add(ptx::Statement const& s) {
  if (s.has("wide")) {
    if constexpr (sizeof(T) < 8) {
      return elementwise<Wide<T>, T, T, Wide<T>>([](T a, T b, Wide<T> c) {
        return static_cast<Wide<T>>(
            Unsigned<Wide<T>>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b)) +
            Unsigned<Wide<T>>(c));
      });
    } else {
      return nullptr;
    }
  }
  if (s.has("hi")) {
    return ternary<T>([](T a, T b, T c) {
      return static_cast<T>(Unsigned<T>(high_product(a, b)) + Unsigned<T>(c));
    });
  }
  return ternary<T>([](T a, T b, T c) {
    return static_cast<T>(Unsigned<T>(low_product(a, b)) + Unsigned<T>(c));
  });
}

template <class T>
Execute multiply(ptx::Statement const& s) {
  if (s.has("wide")) {
    if constexpr (sizeof(T) < 8) {
      return elementwise<Wide<T>, T, T>(
          [](T a, T b) { return static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b); });
    } else {
      return nullptr;
    }
  }
  if (s.has("hi")) {
    return binary<T>([](T a, T b) { return high_product(a, b); });
  }
  return binary<T>([](T a, T b) { return low_product(a, b); });
}

template <class T>
Execute select_for(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "add" && s.has("sat")) {
    if constexpr (std::is_same_v<T, s32>) {
      return binary<s32>([](s32 a, s32 b) {
        s64 const sum = s64(a) + b;
        return static_cast<s32>(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
      });
    }
    return nullptr;
  }
  if (name == "add") {
    return binary<T>([](T a, T b) { return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b)); });
  }
  if (name == "sub" && !s.has("sat")) {
    return binary<T>([](T a, T b) { return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b)); });
  }
  if (name == "mul") { return multiply<T>(s); }
  if (name == "mad") { return multiply_add<T>(s); }
  if (name == "div") {
    return binary<T>([](T a, T b) { return quotient(a, b); });
  }
  if (name == "rem") {
    return binary<T>([](T a, T b) { return remainder(a, b); });
  }
  if (name == "min" && !s.has("relu")) {
    return binary<T>([](T a, T b) { return a < b ? a : b; });
  }
  if (name == "max" && !s.has("relu")) {
    return binary<T>([](T a, T b) { return a > b ? a : b; });
  }
  if (name == "neg") {
    return unary<T>([](T a) { return negated(a); });
  }
  if (name == "abs") {
    return unary<T>([](T a) { return a < 0 ? negated(a) : a; });
  }
  if (name == "sad") {
    return ternary<T>([](T a, T b, T c) {
      Unsigned<T> const difference =
          a < b ? Unsigned<T>(b) - Unsigned<T>(a) : Unsigned<T>(a) - Unsigned<T>(b);
      return static_cast<T>(Unsigned<T>(c) + difference);
    });
  }
  return nullptr;
}

}  // namespace

Choice select_integer(ptx::Statement const& s) {
  Execute run = nullptr;
  switch (types_of(s).first) {
    case Type::S16:
      run = select_for<s16>(s);
      break;
    case Type::U16:
      run = select_for<u16>(s);
      break;
    case Type::S32:
      run = select_for<s32>(s);
      break;
    case Type::U32:
      run = select_for<u32>(s);
      break;
    case Type::S64:
      run = select_for<s64>(s);
      break;
    case Type::U64:
      run = select_for<u64>(s);
      break;
    default:
      break;
  }
  return {run, Class::integer};
}

}  // namespace emulator
