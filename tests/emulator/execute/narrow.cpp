// Arithmetic in f16, bf16 and pairs of them: one rounding of the exact result.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/formats.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

struct Half {
  static double from(u16 x) { return static_cast<double>(from_f16(x)); }
  static u16 to(double x) { return to_f16(x); }
};
struct Brain {
  static double from(u16 x) { return static_cast<double>(from_bf16(x)); }
  static u16 to(double x) { return to_bf16(x); }
};

double lesser(double a, double b) {
  return a != a ? b : b != b ? a : a < b || (a == b && std::signbit(a)) ? a : b;
}
double greater(double a, double b) {
  return a != a ? b : b != b ? a : a > b || (a == b && !std::signbit(a)) ? a : b;
}

// The result for one number, exact or rounded to odd. Operations are numbered as in kNames.
constexpr std::array<char const*, 10> kNames = {"add", "sub", "mul", "fma", "min",
                                                "max", "neg", "abs", "ex2", "tanh"};
double result_of(u32 operation, double a, double b, double c) {
  switch (operation) {
    case 0:
      return add_to_odd(a, b);
    case 1:
      return add_to_odd(a, -b);
    case 2:
      return a * b;
    case 3:
      return add_to_odd(a * b, c);
    case 4:
      return lesser(a, b);
    case 5:
      return greater(a, b);
    case 6:
      return -a;
    case 7:
      return std::fabs(a);
    case 8:
      return std::exp2(a);
    default:
      return std::tanh(a);
  }
}

constexpr u32 kRelu = 32, kNan = 64, kSat = 128;

template <class Format>
u16 one(u32 variant, u16 a, u16 b, u16 c) {
  u32 const operation = variant & 31;
  double const x = Format::from(a), y = Format::from(b);
  if (operation == 6) { return a ^ 0x8000; }
  if (operation == 7) { return a & 0x7fff; }
  double result = result_of(operation, x, y, Format::from(c));
  if ((variant & kNan) != 0 && (x != x || y != y)) { result = std::nan(""); }
  if ((variant & kRelu) != 0 && result < 0) { result = 0.0; }
  if ((variant & kSat) != 0) { result = result > 0 ? std::fmin(result, 1.0) : 0.0; }
  return Format::to(result);
}

template <class Format, bool Pair>
void narrow(Warp& w, Instruction const& i, Lanes lanes) {
  auto operand = [&](std::size_t index, int lane) {
    return i.from[index].there() ? w.cells<u32>(i.from[index])[lane] : u32(0);
  };
  each_lane(lanes, [&](int lane) {
    u32 const a = operand(0, lane), b = operand(1, lane), c = operand(2, lane);
    u32 result = one<Format>(i.variant, u16(a), u16(b), u16(c));
    if (Pair) {
      result |= u32(one<Format>(i.variant, u16(a >> 16), u16(b >> 16), u16(c >> 16))) << 16;
    }
    w.cells<u32>(i.to[0])[lane] = result;
  });
}

}  // namespace

Choice select_narrow(ptx::Statement const& s) {
  Type const type = types_of(s).first;
  Execute const run = type == Type::F16      ? narrow<Half, false>
                      : type == Type::F16x2  ? narrow<Half, true>
                      : type == Type::BF16   ? narrow<Brain, false>
                      : type == Type::BF16x2 ? narrow<Brain, true>
                                             : Execute{};
  if (run == nullptr || s.has("rz") || s.has("rm") || s.has("rp")) { return {}; }
  for (u32 operation = 0; operation < kNames.size(); ++operation) {
    if (s.opcode[0] != kNames[operation]) { continue; }
    Choice choice(run, operation == 3   ? Class::fma
                       : operation >= 8 ? Class::special
                                        : Class::arithmetic);
    choice.variant = operation | (s.has("relu") ? kRelu : 0) | (s.has("NaN") ? kNan : 0) |
                     (s.has("sat") ? kSat : 0);
    return choice;
  }
  return {};
}

}  // namespace emulator
