// Arithmetic in f32 and f64. The approximate functions (.approx) are computed exactly and rounded,
// some of them moved where Settings::approximate says so: their last bits are not those of a GPU.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/select.hpp"
#include "tests/emulator/settings.hpp"

#include <cfenv>

namespace emulator {
namespace {

/// A function of floats with .ftz (inputs and result flushed) and .sat (result into [0, 1]).
template <bool Ftz, bool Sat, class F>
struct Modified {
  template <class... X>
  float operator()(X... x) const {
    float result = canonical(F{}((Ftz ? flush(x) : x)...));
    if constexpr (Ftz) { result = flush(result); }
    if constexpr (Sat) { result = saturate(result); }
    return result;
  }
};

template <class... Arguments, class F>
Execute f32(ptx::Statement const& s, F) {
  bool const ftz = s.has("ftz"), sat = s.has("sat");
  if (ftz && sat) { return elementwise<float, Arguments...>(Modified<true, true, F>{}); }
  if (ftz) { return elementwise<float, Arguments...>(Modified<true, false, F>{}); }
  if (sat) { return elementwise<float, Arguments...>(Modified<false, true, F>{}); }
  return elementwise<float, Arguments...>(Modified<false, false, F>{});
}

/// An approximate function's result, which PTX lets be off by `ulps` units in the last place.
float approximately(double exact, int ulps) {
  float result = static_cast<float>(exact);
  int const to = settings().approximate;
  for (int i = 0; to != 0 && i < ulps && std::isnormal(result); ++i) {
    result = std::nextafter(result, to < 0 ? -HUGE_VALF : HUGE_VALF);
  }
  return result;
}

// A NaN loses against a number; -0 is less than +0.
template <class T>
T lesser(T a, T b) {
  if (a != a) { return b; }
  if (b != b) { return a; }
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
template <class T>
T greater(T a, T b) {
  if (a != a) { return b; }
  if (b != b) { return a; }
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}

Execute select_f32(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  using F = float;
  if (name == "add") {
    return f32<F, F>(s, [](F a, F b) { return a + b; });
  }
  if (name == "sub") {
    return f32<F, F>(s, [](F a, F b) { return a - b; });
  }
  if (name == "mul") {
    return f32<F, F>(s, [](F a, F b) { return a * b; });
  }
  if (name == "fma" || name == "mad") {
    return f32<F, F, F>(s, [](F a, F b, F c) { return std::fma(a, b, c); });
  }
  if (name == "div") {
    return f32<F, F>(s, [](F a, F b) { return a / b; });
  }
  if (name == "min" && s.has("NaN")) {
    return f32<F, F>(s, [](F a, F b) { return a != a || b != b ? a + b : lesser(a, b); });
  }
  if (name == "max" && s.has("NaN")) {
    return f32<F, F>(s, [](F a, F b) { return a != a || b != b ? a + b : greater(a, b); });
  }
  if (s.has("xorsign")) { return nullptr; }
  if (name == "min") {
    return f32<F, F>(s, [](F a, F b) { return lesser(a, b); });
  }
  if (name == "max") {
    return f32<F, F>(s, [](F a, F b) { return greater(a, b); });
  }
  if (name == "neg" && !s.has("ftz")) {
    return unary<u32>([](u32 a) { return a ^ 0x80000000u; });
  }
  if (name == "abs" && !s.has("ftz")) {
    return unary<u32>([](u32 a) { return a & 0x7fffffffu; });
  }
  if (name == "neg") {
    return f32<F>(s, [](F a) { return -a; });
  }
  if (name == "abs") {
    return f32<F>(s, [](F a) { return std::fabs(a); });
  }
  if (name == "copysign") {
    return binary<u32>([](u32 a, u32 b) { return (b & 0x7fffffffu) | (a & 0x80000000u); });
  }
  return nullptr;
}

Execute select_f32_special(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  using F = float;
  if (name == "sqrt") {
    return f32<F>(s, [](F a) { return std::sqrt(a); });
  }
  if (name == "rcp" && s.has("approx")) {
    return f32<F>(s, [](F a) { return approximately(1.0 / static_cast<double>(a), 1); });
  }
  if (name == "rcp") {
    return f32<F>(s, [](F a) { return 1.0f / a; });
  }
  if (name == "rsqrt") {
    return f32<F>(s, [](F a) { return approximately(1.0 / std::sqrt(static_cast<double>(a)), 2); });
  }
  if (name == "ex2") {
    return f32<F>(s, [](F a) { return approximately(std::exp2(static_cast<double>(a)), 2); });
  }
  if (name == "lg2") {
    return f32<F>(s, [](F a) { return static_cast<F>(std::log2(static_cast<double>(a))); });
  }
  if (name == "sin") {
    return f32<F>(s, [](F a) { return static_cast<F>(std::sin(static_cast<double>(a))); });
  }
  if (name == "cos") {
    return f32<F>(s, [](F a) { return static_cast<F>(std::cos(static_cast<double>(a))); });
  }
  if (name == "tanh") {
    return f32<F>(s, [](F a) { return static_cast<F>(std::tanh(static_cast<double>(a))); });
  }
  return nullptr;
}

Execute select_f64(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  using D = double;
  if (name == "add") {
    return binary<D>([](D a, D b) { return a + b; });
  }
  if (name == "sub") {
    return binary<D>([](D a, D b) { return a - b; });
  }
  if (name == "mul") {
    return binary<D>([](D a, D b) { return a * b; });
  }
  if (name == "fma" || name == "mad") {
    return ternary<D>([](D a, D b, D c) { return std::fma(a, b, c); });
  }
  if (name == "div") {
    return binary<D>([](D a, D b) { return a / b; });
  }
  if (name == "min") {
    return binary<D>([](D a, D b) { return lesser(a, b); });
  }
  if (name == "max") {
    return binary<D>([](D a, D b) { return greater(a, b); });
  }
  if (name == "neg") {
    return unary<u64>([](u64 a) { return a ^ (u64(1) << 63); });
  }
  if (name == "abs") {
    return unary<u64>([](u64 a) { return a & ~(u64(1) << 63); });
  }
  if (name == "copysign") {
    return binary<u64>([](u64 a, u64 b) { return (b & ~(u64(1) << 63)) | (a & (u64(1) << 63)); });
  }
  return nullptr;
}

Execute select_f64_special(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "sqrt") {
    return unary<double>([](double a) { return std::sqrt(a); });
  }
  if (name == "rsqrt") {
    return unary<double>([](double a) { return 1.0 / std::sqrt(a); });
  }
  if (name == "rcp" && !s.has("approx")) {
    return unary<double>([](double a) { return 1.0 / a; });
  }
  if (name == "rcp") {
    // The gross approximation: only the upper word is used (PTX ISA, rcp.approx.ftz.f64).
    return unary<double>(
        [](double a) { return bits<double>(bits<u64>(1.0 / a) & ~u64(0xffffffff)); });
  }
  return nullptr;
}

// testp.finite.f32 p, a: what kind of number it is.
template <class T>
void test_property(Warp& w, Instruction const& i, Lanes lanes) {
  Lanes result = 0;
  auto const* a = w.cells<Cell<T>>(i.from[0]);
  each_lane(lanes, [&](int lane) {
    T const x = load_cell<T>(a[lane]);
    bool const holds = i.variant == 0   ? std::isfinite(x)
                       : i.variant == 1 ? std::isinf(x)
                       : i.variant == 2 ? !std::isnan(x)
                       : i.variant == 3 ? std::isnan(x)
                       : i.variant == 4 ? std::isnormal(x)
                                        : std::fpclassify(x) == FP_SUBNORMAL;
    result |= static_cast<Lanes>(holds) << lane;
  });
  w.set_predicate(i.to[0], lanes, result);
}

Choice select_test(ptx::Statement const& s, Type type) {
  Choice choice(type == Type::F32 ? test_property<float> : test_property<double>, Class::compare);
  constexpr std::array<char const*, 6> kProperties = {"finite",     "infinite", "number",
                                                      "notanumber", "normal",   "subnormal"};
  for (u32 p = 0; p < kProperties.size(); ++p) {
    if (s.has(kProperties[p])) { choice.variant = p; }
  }
  return choice;
}

void run_rounded(Warp& w, Instruction const& i, Lanes lanes) {
  int const before = std::fegetround();
  std::fesetround(static_cast<int>(i.variant));
  i.inner(w, i, lanes);
  std::fesetround(before);
}

}  // namespace

Choice with_rounding(ptx::Statement const& s, Choice choice) {
  int const mode = s.has("rz")   ? FE_TOWARDZERO
                   : s.has("rm") ? FE_DOWNWARD
                   : s.has("rp") ? FE_UPWARD
                                 : FE_TONEAREST;
  if (mode == FE_TONEAREST || choice.run == nullptr) { return choice; }
  choice.inner = choice.run;
  choice.run = run_rounded;
  choice.variant = static_cast<u32>(mode);
  return choice;
}

Choice select_float(ptx::Statement const& s) {
  Type const type = types_of(s).first;
  if (type != Type::F32 && type != Type::F64) { return {}; }
  std::string const& name = s.opcode[0];
  if (name == "testp") { return select_test(s, type); }
  Class const cls = name == "fma" || name == "mad" ? Class::fma
                    : name == "div"                ? Class::special
                                                   : Class::arithmetic;
  Choice choice(type == Type::F32 ? select_f32(s) : select_f64(s), cls);
  if (choice.run == nullptr) {
    choice = {type == Type::F32 ? select_f32_special(s) : select_f64_special(s), Class::special};
  }
  return with_rounding(s, choice);
}

}  // namespace emulator
