// Every instruction form against the host: special numbers in all combinations, and random bits.
#include "tests/emulator/programs/forms.cuh"
#include "tests/catch.hpp"
#include "tests/emulator/device_buffer.cuh"
#include "tests/emulator/emulator.hpp"
#include "tests/emulator/forms_reference.hpp"

#include <cmath>
#include <cstring>
#include <random>

using programs::DeviceBuffer;
using u64 = std::uint64_t;
using u32 = std::uint32_t;

namespace {

template <class T>
u64 bits_of(T value) {
  u64 bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

bool ends_with(std::string const& text, std::string const& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<u64> special_integers() {
  return {0,
          1,
          2,
          3,
          5,
          7,
          8,
          15,
          16,
          31,
          32,
          33,
          63,
          64,
          65,
          127,
          128,
          255,
          256,
          0x7fff,
          0x8000,
          0xffff,
          0x10000,
          0x12345678,
          0x7fffffff,
          0x80000000,
          0x80000001,
          0xdeadbeef,
          0xfffffffe,
          0xffffffff,
          0x100000000,
          0x7fffffffffffffff,
          0x8000000000000000,
          0x8000000000000001,
          0x123456789abcdef0,
          0xfffffffffffffffe,
          0xffffffffffffffff};
}
std::vector<u64> special_f32() {
  std::vector<u64> values;
  for (float x :
       {0.0f,          1e-45f,        1.1754942e-38f, 1.17549435e-38f, 1e-30f,        0.25f,
        0.5f,          0.99999994f,   1.0f,           1.0000001f,      1.5f,          2.0f,
        2.5f,          3.0f,          1.00390625f,    1.01171875f,     65503.9f,      65519.0f,
        65520.0f,      5.9604645e-8f, 8388607.5f,     16777215.0f,     2147483520.0f, 2147483648.0f,
        4294967040.0f, 4294967296.0f, 9.2233715e18f,  9.223372e18f,    1.8446744e19f, 1e30f,
        3.4028235e38f, HUGE_VALF}) {
    values.push_back(bits_of(x));
    values.push_back(bits_of(-x));
  }
  values.insert(values.end(), {0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff, 0x3f801000,
                               0x3f800fff, 0x3f803000, 0x7f7ff000});
  return values;
}
std::vector<u64> special_f64() {
  std::vector<u64> values;
  for (double x : {0.0,
                   5e-324,
                   2.2250738585072009e-308,
                   2.2250738585072014e-308,
                   1e-300,
                   1e-45,
                   1.1754943e-38,
                   0.5,
                   1.0,
                   1.0 + 0x1p-52,
                   1.0 + 0x1p-24,
                   1.0 + 0x1.8p-23,
                   1.5,
                   2.5,
                   3.0,
                   3.4028235e38,
                   3.4028236e38,
                   2147483647.5,
                   2147483648.0,
                   4294967295.5,
                   9007199254740993.0,
                   9.2233720368547748e18,
                   9.2233720368547758e18,
                   1.8446744073709552e19,
                   1e300,
                   1.7976931348623157e308,
                   HUGE_VAL}) {
    values.push_back(bits_of(x));
    values.push_back(bits_of(-x));
  }
  values.insert(values.end(), {0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001});
  return values;
}
std::vector<u64> special_16_bits() {
  return {0,      0x8000, 1,      0x8001, 0x007f, 0x0080, 0x03ff, 0x0400, 0x3c00, 0x3c01,
          0xbc00, 0x3f80, 0x3f81, 0xbf80, 0x3f83, 0x4000, 0x4040, 0x7bff, 0x7c00, 0xfc00,
          0x7e00, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0x5540, 0x2000, 0x3b80, 0x3f00};
}

/// Operands that suit a form: by the type at the end of its name.
std::vector<u64> special_values(std::string const& name) {
  if (ends_with(name, "f32")) { return special_f32(); }
  if (ends_with(name, "f64")) { return special_f64(); }
  if (ends_with(name, "bf16") || ends_with(name, "f16")) { return special_16_bits(); }
  if (ends_with(name, "bf16x2")) {
    auto values = special_16_bits();
    for (u64& v : values) { v |= (v ^ 0x8100) << 16 & 0xffff0000; }
    return values;
  }
  return special_integers();
}

struct Operands {
  std::vector<u64> a, b, c;
};

Operands operands_of(std::string const& name) {
  std::vector<u64> const special = special_values(name);
  std::mt19937_64 random(std::hash<std::string>{}(name));
  Operands o;
  auto push = [&](u64 a, u64 b, u64 c) {
    o.a.push_back(a);
    o.b.push_back(b);
    o.c.push_back(c);
  };
  for (u64 const a : special) {
    for (u64 const b : special) { push(a, b, special[random() % special.size()]); }
  }
  for (int i = 0; i < 500; ++i) {
    push(random(), random(), random());
    push(special[random() % special.size()], random(), special[random() % special.size()]);
    push(random(), random() % 80, random() % 80);
  }
  return o;
}

u64 mask_of(char width) { return width == 'h' ? 0xffff : width == 'r' ? 0xffffffff : ~u64(0); }

/// The order of floats as integers, for distances in units in the last place.
std::int64_t ordered(u64 bits) {
  u32 const b = static_cast<u32>(bits);
  return (b & 0x80000000u) != 0 ? -std::int64_t(b & 0x7fffffffu) : std::int64_t(b);
}
bool is_nan32(u64 bits) { return (bits & 0x7fffffff) > 0x7f800000; }
bool is_nan64(u64 bits) { return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000; }

bool agree(forms::Result result, u64 got, u64 want) {
  switch (result) {
    case forms::Result::bits:
    case forms::Result::half:
      return got == want;
    case forms::Result::f32:
      return is_nan32(want) ? got == 0x7fffffff : got == want;
    case forms::Result::f64:
      return is_nan64(want) ? is_nan64(got) : got == want;
    case forms::Result::approximate:
      if (is_nan32(want)) { return got == 0x7fffffff; }
      return !is_nan32(got) && std::abs(ordered(got) - ordered(want)) <= 2;
  }
  return false;
}

}  // namespace

TEST_CASE("every instruction form computes what the host computes", "[emulator][forms]") {
  auto const references = forms::references();
  auto const all = programs::instruction_forms();
  CHECK(all.size() >= 350);
  for (programs::Form const& form : all) {
    CAPTURE(form.name);
    auto const reference = references.find(form.name);
    REQUIRE(reference != references.end());
    Operands const o = operands_of(form.name);
    DeviceBuffer<u64> const a(o.a), b(o.b), c(o.c), d(o.a.size());
    programs::launch(form, a.data(), b.data(), c.data(), d.data(), static_cast<int>(o.a.size()));
    auto const got = d.read();
    int compared = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      auto const want = reference->second.compute(o.a[i], o.b[i], o.c[i]);
      if (!want) { continue; }
      ++compared;
      if (agree(reference->second.result, got[i], *want & mask_of(form.widths[0]))) { continue; }
      CAPTURE(o.a[i], o.b[i], o.c[i], got[i], *want);
      REQUIRE(agree(reference->second.result, got[i], *want & mask_of(form.widths[0])));
    }
    CHECK(compared > 1000);
  }
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("approximate functions are off by as much as PTX allows where that is asked for",
          "[emulator][forms]") {
  std::map<std::string, int> const ulps{{"ex2_approx_f32", 2},
                                        {"ex2_approx_ftz_f32", 2},
                                        {"rcp_approx_f32", 1},
                                        {"rcp_approx_ftz_f32", 1},
                                        {"rsqrt_approx_f32", 2}};
  auto const references = forms::references();
  DeviceBuffer<u64> const a({bits_of(1.0f), bits_of(1.7f), bits_of(3.0f), bits_of(0.01f)}), d(4);
  auto const operands = a.read();
  int found = 0;
  for (programs::Form const& form : programs::instruction_forms()) {
    if (!ulps.contains(form.name)) { continue; }
    ++found;
    CAPTURE(form.name);
    for (int const to : {0, -1, 1}) {
      REQUIRE(emulator_client::set("APPROXIMATE", to == 0 ? 0 : to < 0 ? 1 : 2));
      programs::launch(form, a.data(), a.data(), a.data(), d.data(), 4);
      auto const got = d.read();
      for (std::size_t i = 0; i < got.size(); ++i) {
        auto const want = references.at(form.name).compute(operands[i], 0, 0);
        CHECK(ordered(got[i]) - ordered(*want) == to * ulps.at(form.name));
      }
    }
  }
  CHECK(found == 5);
  REQUIRE(emulator_client::set("APPROXIMATE", 0));
}
