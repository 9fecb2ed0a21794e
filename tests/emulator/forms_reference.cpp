// The host's arithmetic for floats and conversions (compiled with -frounding-math).
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

#include "tests/emulator/forms_computing.hpp"

namespace forms {
namespace {

__extension__ typedef __float128 float128;

class Rounded {
 public:
  explicit Rounded(std::string const& mode) : before_(std::fegetround()) {
    std::fesetround(mode == "rz"   ? FE_TOWARDZERO
                    : mode == "rm" ? FE_DOWNWARD
                    : mode == "rp" ? FE_UPWARD
                                   : FE_TONEAREST);
  }
  Rounded(Rounded const&) = delete;
  Rounded& operator=(Rounded const&) = delete;
  ~Rounded() { std::fesetround(before_); }

 private:
  int before_;
};

// --- f32 and f64

template <class T>
void add_rounded(Map& m, std::string const& t, Result result) {
  for (std::string const mode : {"rn", "rz", "rm", "rp"}) {
    auto with = [&](std::string const& name, auto f) {
      m[name + "_" + mode + "_" + t] = {result,
                                        [f, mode](u64 a, u64 b, u64 c) -> std::optional<u64> {
                                          Rounded const rounded(mode);
                                          T volatile const x = as<T>(a), y = as<T>(b), z = as<T>(c);
                                          T volatile const r = f(x, y, z);
                                          return bits_of(T(r));
                                        }};
    };
    with("add", [](T x, T y, T) { return x + y; });
    with("sub", [](T x, T y, T) { return x - y; });
    with("mul", [](T x, T y, T) { return x * y; });
    with("div", [](T x, T y, T) { return x / y; });
    with("fma", [](T x, T y, T z) { return std::fma(x, y, z); });
    with("sqrt", [](T x, T, T) { return std::sqrt(x); });
    with("rcp", [](T x, T, T) { return T(1) / x; });
  }
}

template <class T>
void add_simple(Map& m, std::string const& t, Result result) {
  auto order = [](T a, T b, bool least) {  // -0 before +0
    bool const first = a < b || (a == b && std::signbit(a));
    return first == least ? a : b;
  };
  for (bool const least : {true, false}) {
    std::string const name = least ? "min_" : "max_";
    add<T, T>(
        m, name + t, [=](T a, T b) { return a != a   ? b
                                            : b != b ? a
                                                     : order(a, b, least); },
        result);
    add<T, T>(
        m, name + "nan_" + t,
        [=](T a, T b) {
          return a != a || b != b ? std::numeric_limits<T>::quiet_NaN() : order(a, b, least);
        },
        result);
  }
  constexpr u64 kSign = u64(1) << (8 * sizeof(T) - 1);
  m["neg_" + t] = {Result::bits, [](u64 a, u64, u64) -> std::optional<u64> { return a ^ kSign; }};
  m["abs_" + t] = {Result::bits, [](u64 a, u64, u64) -> std::optional<u64> { return a & ~kSign; }};
  m["copysign_" + t] = {Result::bits, [](u64 a, u64 b, u64) -> std::optional<u64> {
                          return (b & ~kSign) | (a & kSign);
                        }};
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
float saturated(float x) { return std::isnan(x) || x <= 0 ? 0.0f : x > 1 ? 1.0f : x; }

void add_f32(Map& m) {
  add<float, float>(
      m, "add_ftz_f32", [](float a, float b) { return flushed(flushed(a) + flushed(b)); },
      Result::f32);
  add<float, float>(
      m, "mul_sat_f32", [](float a, float b) { return saturated(a * b); }, Result::f32);
  add<float, float, float>(
      m, "fma_ftz_sat_f32",
      [](float a, float b, float c) {
        return saturated(flushed(std::fma(flushed(a), flushed(b), flushed(c))));
      },
      Result::f32);
  auto property = [&](char const* name, auto f) {
    add<float>(m, std::string("testp_") + name + "_f32",
               [f](float x) { return u32(f(std::fpclassify(x)) ? 1 : 0); });
  };
  property("finite", [](int k) { return k != FP_NAN && k != FP_INFINITE; });
  property("infinite", [](int k) { return k == FP_INFINITE; });
  property("number", [](int k) { return k != FP_NAN; });
  property("notanumber", [](int k) { return k == FP_NAN; });
  property("normal", [](int k) { return k == FP_NORMAL; });
  property("subnormal", [](int k) { return k == FP_SUBNORMAL; });
  auto about = [&](std::string const& name, auto f) {
    add<float, float>(
        m, name, [f](float a, float b) { return float(f(double(a), double(b))); },
        Result::approximate);
  };
  about("ex2_approx_f32", [](double a, double) { return std::exp2(a); });
  about("lg2_approx_f32", [](double a, double) { return std::log2(a); });
  about("rcp_approx_f32", [](double a, double) { return 1 / a; });
  about("sqrt_approx_f32", [](double a, double) { return std::sqrt(a); });
  about("rsqrt_approx_f32", [](double a, double) { return 1 / std::sqrt(a); });
  about("sin_approx_f32", [](double a, double) { return std::sin(a); });
  about("cos_approx_f32", [](double a, double) { return std::cos(a); });
  about("tanh_approx_f32", [](double a, double) { return std::tanh(a); });
  about("div_approx_f32", [](double a, double b) { return a / b; });
  about("div_full_f32", [](double a, double b) { return a / b; });
  about("ex2_approx_ftz_f32", [](double a, double) {
    return double(flushed(float(std::exp2(double(flushed(float(a)))))));
  });
  about("rcp_approx_ftz_f32",
        [](double a, double) { return double(flushed(float(1 / double(flushed(float(a)))))); });
}

// --- conversions

template <class To, class From>
void add_float_to_integer(Map& m, std::string const& from) {
  for (std::string const mode : {"rni", "rzi", "rmi", "rpi"}) {
    add<From>(m, "cvt_" + mode + "_" + name_of<To>() + "_" + from, [mode](From x) -> To {
      if (std::isnan(x)) {
        if (sizeof(From) == 8 || sizeof(To) == 8) { return To(u64(1) << (8 * sizeof(To) - 1)); }
        return 0;
      }
      long double whole = 0;
      if (mode == "rni") {
        whole = std::nearbyint(x);
      } else if (mode == "rzi") {
        whole = std::trunc(x);
      } else {
        whole = mode == "rmi" ? std::floor(x) : std::ceil(x);
      }
      long double const most = static_cast<long double>(std::numeric_limits<To>::max());
      long double const least = static_cast<long double>(std::numeric_limits<To>::min());
      return whole >= most    ? std::numeric_limits<To>::max()
             : whole <= least ? std::numeric_limits<To>::min()
                              : To(whole);
    });
  }
}

template <class To, class From>
void add_to_float(Map& m, std::string const& to, std::string const& from, Result result) {
  for (std::string const mode : {"rn", "rz", "rm", "rp"}) {
    m["cvt_" + mode + "_" + to + "_" + from] = {result,
                                                [mode](u64 a, u64, u64) -> std::optional<u64> {
                                                  Rounded const rounded(mode);
                                                  From volatile const x = as<From>(a);
                                                  To volatile const r = static_cast<To>(x);
                                                  return bits_of(To(r));
                                                }};
  }
}

template <class T>
void add_integral_values(Map& m, std::string const& t, Result result) {
  add<T>(
      m, "cvt_rni_" + t + "_" + t, [](T x) { return std::nearbyint(x); }, result);
  add<T>(
      m, "cvt_rzi_" + t + "_" + t, [](T x) { return std::trunc(x); }, result);
  add<T>(
      m, "cvt_rmi_" + t + "_" + t, [](T x) { return std::floor(x); }, result);
  add<T>(
      m, "cvt_rpi_" + t + "_" + t, [](T x) { return std::ceil(x); }, result);
}

/// Result registers of 32 and 16 bits show the sign or zeros above a narrower result.
template <class To, class From, class Register>
void add_integer_conversion(Map& m, std::string const& name, bool saturating = false) {
  add<From>(m, name, [saturating](From x) {
    s128 value = +x;
    if (saturating) {
      s128 const least = +std::numeric_limits<To>::min();
      s128 const most = +std::numeric_limits<To>::max();
      value = value < least ? least : value > most ? most : value;
    }
    return Register(To(value));
  });
}

u16 to_bf16(float x) {
  u32 const bits = as<u32>(bits_of(x));
  return std::isnan(x) ? u16(0x7fff) : u16((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float from_bf16(u16 x) { return as<float>(u64(x) << 16); }

/// a b + c for numbers of 8 bits, rounded once: what is too far below the rest only has a sign.
u16 fma_bf16(u16 a, u16 b, u16 c) {
  double const product = double(from_bf16(a)) * double(from_bf16(b));
  double small = product, large = double(from_bf16(c));
  if (!std::isfinite(small) || !std::isfinite(large)) { return to_bf16(float(small + large)); }
  if (std::fabs(small) > std::fabs(large)) { std::swap(small, large); }
  if (small != 0 && std::fabs(small) < std::ldexp(std::fabs(large), -40)) {
    small = std::copysign(std::ldexp(std::fabs(large), -40), small);
  }
  double const sum = small + large;  // exact: 16 bits, 8 bits and at most 41 places between
  if (sum == 0) { return to_bf16(float(sum)); }
  int exponent = 0;
  std::frexp(sum, &exponent);
  double const unit = std::ldexp(1.0, std::max(exponent, -125) - 8);  // the last place of a bf16
  double const rounded = std::nearbyint(sum / unit) * unit;
  return to_bf16(float(std::copysign(std::fabs(rounded), sum)));
}

double from_f16(u16 x) {
  int const exponent = x >> 10 & 31, fraction = x & 1023;
  double const magnitude = exponent == 0   ? std::ldexp(fraction, -24)
                           : exponent < 31 ? std::ldexp(fraction + 1024, exponent - 25)
                           : fraction == 0 ? HUGE_VAL
                                           : std::nan("");
  return (x & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The nearest of all f16, found by bisection: their order is that of their bits. 65536 is what the
/// one behind the largest would be.
u16 to_f16(float128 x) {
  if (x != x) { return 0x7fff; }
  bool const negative = x < 0 || (x == 0 && 1 / x < 0);
  float128 const magnitude = negative ? -x : x;
  auto value = [](int bits) { return float128(bits == 0x7c00 ? 65536.0 : from_f16(u16(bits))); };
  int low = 0, high = 0x7c00;
  while (high - low > 1) {
    int const middle = (low + high) / 2;
    (value(middle) <= magnitude ? low : high) = middle;
  }
  float128 const below = magnitude - value(low), above = value(high) - magnitude;
  int const nearest = below < above ? low : above < below ? high : low % 2 == 0 ? low : high;
  return u16(nearest | (negative ? 0x8000 : 0));
}

u16 truncated_f16(float x) {
  u16 const nearest = to_f16(float128(x));
  if (std::isnan(x) || std::isinf(x)) { return nearest; }
  return std::fabs(from_f16(nearest)) > std::fabs(double(x)) ? u16(nearest - 1) : nearest;
}

void add_narrow(Map& m) {
  add<float>(m, "cvt_rn_bf16_f32", to_bf16, Result::half);
  add<float>(
      m, "cvt_rz_bf16_f32",
      [](float x) { return std::isnan(x) ? u16(0x7fff) : u16(as<u32>(bits_of(x)) >> 16); },
      Result::half);
  add<float>(
      m, "cvt_rn_relu_bf16_f32",
      [](float x) {
        return to_bf16(std::isnan(x) || x > 0 || bits_of(x) == 0x80000000u ? x : 0.0f);
      },
      Result::half);
  add<float, float>(
      m, "cvt_rn_bf16x2_f32", [](float a, float b) { return u32(to_bf16(a)) << 16 | to_bf16(b); },
      Result::half);
  add<float>(
      m, "cvt_rn_f16_f32", [](float x) { return to_f16(float128(x)); }, Result::half);
  add<float>(m, "cvt_rz_f16_f32", truncated_f16, Result::half);
  add<float, float>(
      m, "cvt_rn_f16x2_f32",
      [](float a, float b) { return u32(to_f16(float128(a))) << 16 | to_f16(float128(b)); },
      Result::half);
  add<u16>(
      m, "cvt_f32_f16", [](u16 x) { return float(from_f16(x)); }, Result::f32);
  add<float>(m, "cvt_rna_tf32_f32", [](float x) {  // half a unit is added to the magnitude
    u32 const bits = as<u32>(bits_of(x));
    return std::isnan(x) ? u32(0x7fffffff) : std::isinf(x) ? bits : (bits + 0x1000) & 0xffffe000u;
  });
  add<u16, u16, u16>(m, "fma_rn_bf16", fma_bf16, Result::half);
  add<u32, u32, u32>(
      m, "fma_rn_bf16x2",
      [](u32 a, u32 b, u32 c) {
        return u32(fma_bf16(u16(a >> 16), u16(b >> 16), u16(c >> 16))) << 16 |
               fma_bf16(u16(a), u16(b), u16(c));
      },
      Result::half);
  // Sums and products of f16 are exact in a double.
  add<u16, u16>(
      m, "add_f16", [](u16 a, u16 b) { return to_f16(float128(from_f16(a) + from_f16(b))); },
      Result::half);
  add<u16, u16>(
      m, "mul_f16", [](u16 a, u16 b) { return to_f16(float128(from_f16(a) * from_f16(b))); },
      Result::half);
  add<u16, u16, u16>(
      m, "fma_rn_f16",
      [](u16 a, u16 b, u16 c) {
        // 103 bits from the least to the greatest: exact in 113.
        return to_f16(float128(from_f16(a)) * float128(from_f16(b)) + float128(from_f16(c)));
      },
      Result::half);
  add<u32>(m, "neg_bf16x2", [](u32 a) { return a ^ 0x80008000u; });
  add<u16, u16>(
      m, "max_bf16",
      [](u16 a, u16 b) {
        float const x = from_bf16(a), y = from_bf16(b);
        if (std::isnan(x) && std::isnan(y)) { return u16(0x7fff); }
        return std::isnan(x)                           ? b
               : std::isnan(y)                         ? a
               : x > y || (x == y && !std::signbit(x)) ? a
                                                       : b;
      },
      Result::half);
  add<u16, u16>(m, "setp_lt_f16",
                [](u16 a, u16 b) { return u32(from_f16(a) < from_f16(b) ? 1 : 0); });
}

void add_conversions(Map& m) {
  add_float_to_integer<s32, float>(m, "f32");
  add_float_to_integer<u32, float>(m, "f32");
  add_float_to_integer<s64, float>(m, "f32");
  add_float_to_integer<u64, float>(m, "f32");
  add_float_to_integer<s32, double>(m, "f64");
  add_float_to_integer<u32, double>(m, "f64");
  add_float_to_integer<s64, double>(m, "f64");
  add_float_to_integer<u64, double>(m, "f64");
  add_to_float<float, s32>(m, "f32", "s32", Result::f32);
  add_to_float<float, u32>(m, "f32", "u32", Result::f32);
  add_to_float<float, s64>(m, "f32", "s64", Result::f32);
  add_to_float<float, u64>(m, "f32", "u64", Result::f32);
  add_to_float<float, double>(m, "f32", "f64", Result::f32);
  add_to_float<double, s64>(m, "f64", "s64", Result::f64);
  add_to_float<double, u64>(m, "f64", "u64", Result::f64);
  add_to_float<double, s32>(m, "f64", "s32", Result::f64);
  add_to_float<double, u32>(m, "f64", "u32", Result::f64);
  add_integral_values<float>(m, "f32", Result::f32);
  add_integral_values<double>(m, "f64", Result::f64);
  add<float>(m, "cvt_sat_f32_f32", saturated, Result::f32);
  add<float>(
      m, "cvt_f64_f32", [](float x) { return double(x); }, Result::f64);
  add_integer_conversion<s64, s32, s64>(m, "cvt_s64_s32");
  add_integer_conversion<u64, u32, u64>(m, "cvt_u64_u32");
  add_integer_conversion<u32, u64, u32>(m, "cvt_u32_u64");
  add_integer_conversion<s32, s16, s32>(m, "cvt_s32_s16");
  add_integer_conversion<u32, u16, u32>(m, "cvt_u32_u16");
  add_integer_conversion<u16, u32, u16>(m, "cvt_u16_u32");
  add_integer_conversion<s32, std::int8_t, s32>(m, "cvt_s32_s8");
  add_integer_conversion<u32, std::uint8_t, u32>(m, "cvt_u32_u8");
  add_integer_conversion<s16, std::int8_t, s16>(m, "cvt_s16_s8");
  add_integer_conversion<s64, s16, s64>(m, "cvt_s64_s16");
  add_integer_conversion<std::int8_t, s32, s32>(m, "cvt_sat_s8_s32", true);
  add_integer_conversion<std::uint8_t, s32, u32>(m, "cvt_sat_u8_s32", true);
  add_integer_conversion<s16, s32, s16>(m, "cvt_sat_s16_s32", true);
  add_integer_conversion<u16, u32, u16>(m, "cvt_sat_u16_u32", true);
  add_integer_conversion<s32, s64, s32>(m, "cvt_sat_s32_s64", true);
  add_integer_conversion<u32, s64, u32>(m, "cvt_sat_u32_s64", true);
}

}  // namespace

std::map<std::string, Reference> references() {
  Map m;
  add_integer_forms(m);
  add_rounded<float>(m, "f32", Result::f32);
  add_rounded<double>(m, "f64", Result::f64);
  add_simple<float>(m, "f32", Result::f32);
  add_simple<double>(m, "f64", Result::f64);
  add_f32(m);
  add_conversions(m);
  add_narrow(m);
  return m;
}

}  // namespace forms
