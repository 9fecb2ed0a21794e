#include "data/features.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/data/shard_files.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::compare_bits;
using jetcal::test::error_text;
using jetcal::test::has;

constexpr float kInf = std::numeric_limits<float>::infinity();

Shard shard_with(std::map<std::string, std::string> units) {
  Shard shard;
  shard.path = "a.h5";
  shard.fields = {{"mass", kFloat32, 0}, {"name", {FieldKind::other, 5, false}, 4}};
  shard.units = std::move(units);
  return shard;
}

FeatureMap map_of(std::string const& unit, Transform transform, double floor = 0) {
  return FeatureMap({"m", "mass", unit, transform, floor}, shard_with({{"mass", "MeV"}}));
}

TEST_CASE("features: unit, then transform, then one rounding to float32", "[features]") {
  for (double const v : {0.1, 40000.0, 123456.789, -2.5}) {
    CAPTURE(v);
    CHECK(map_of("", Transform::none)(v) == static_cast<float>(v));
    CHECK(map_of("GeV", Transform::none)(v) == static_cast<float>(v / 1000));
    CHECK(map_of("TeV", Transform::abs)(v) == static_cast<float>(std::abs(v) / 1e6));
    CHECK(map_of("GeV", Transform::log_floor, 40)(v) ==
          static_cast<float>(std::log(static_cast<long double>(std::max(v / 1000, 40.0)))));
  }
  CHECK(map_of("GeV", Transform::log)(1000.0) == 0);
  CHECK(map_of("GeV", Transform::log)(123456.789) ==
        static_cast<float>(std::log(123456.789L / 1000)));
  CHECK(map_of("GeV", Transform::log_floor, 40)(40000.1) > static_cast<float>(std::log(40.0L)));
}

TEST_CASE("features: what is not finite stays so", "[features]") {
  double const nan = std::nan("");
  for (auto const transform :
       {Transform::none, Transform::log, Transform::log_floor, Transform::abs}) {
    CHECK(std::isnan(map_of("GeV", transform, 40)(nan)));
  }
  CHECK(map_of("GeV", Transform::log)(0) == -kInf);
  CHECK(std::isnan(map_of("GeV", Transform::log)(-1)));
  CHECK(map_of("GeV", Transform::log_floor, 40)(-1) == static_cast<float>(std::log(40.0L)));
  CHECK(map_of("", Transform::none)(1e300) == kInf);
  CHECK(map_of("", Transform::abs)(-HUGE_VAL) == kInf);
}

TEST_CASE("features: columns and single values are the same", "[features]") {
  auto in = test::ramp(1001, -1e4, 1e6);
  for (std::size_t i = 0; i < in.size(); i += 7) {
    double const odd[] = {0.0, -0.0, std::nan(""), HUGE_VAL, -HUGE_VAL, 0x1p-1060, 0x1p-1030};
    in[i] = odd[i / 7 % std::size(odd)];
  }
  for (auto const transform :
       {Transform::none, Transform::log, Transform::log_floor, Transform::abs}) {
    for (char const* unit : {"", "GeV"}) {
      auto const map = map_of(unit, transform, 40);
      std::vector<float> got(in.size()), want;
      map.apply(in.data(), static_cast<std::int64_t>(in.size()), got.data());
      for (double const v : in) { want.push_back(map(v)); }
      CHECK(compare_bits(got, want).ok);
    }
  }
  CHECK(map_of("", Transform::log)(0x1p-1060) ==
        static_cast<float>(std::log(static_cast<long double>(0x1p-1060))));
  CHECK(map_of("", Transform::log)(HUGE_VAL) == kInf);
}

TEST_CASE("features: a column of a file takes its transform and unit, float32 or not",
          "[features]") {
  std::vector<float> const values{0.5f, 40'000.0f, 123'456.789f, -2.5f, 1e-40f};
  for (FieldType const type : {kFloat32, kInt32}) {
    RawRows raw;
    raw.rows = static_cast<std::int64_t>(values.size());
    raw.row_bytes = 4;
    raw.pieces = {{0, 1, 4, raw.rows}};
    raw.bytes.resize(4 * values.size());
    std::vector<double> numbers(values.begin(), values.end());
    std::vector<std::int32_t> const whole(values.begin(), values.end());
    if (type == kInt32) { numbers.assign(whole.begin(), whole.end()); }
    std::memcpy(raw.bytes.data(),
                type == kInt32 ? static_cast<void const*>(whole.data()) : values.data(),
                raw.bytes.size());
    for (auto const transform :
         {Transform::none, Transform::log, Transform::log_floor, Transform::abs}) {
      for (char const* unit : {"", "GeV"}) {
        auto const map = map_of(unit, transform, 40);
        std::vector<float> got(values.size()), want;
        std::vector<double> scratch(values.size());
        map.read(raw, {"mass", type, 0}, scratch.data(), got.data());
        for (double const v : numbers) { want.push_back(map(v)); }
        CHECK(compare_bits(got, want).ok);
      }
    }
  }
}

TEST_CASE("features: what is refused", "[features]") {
  auto const refusal = [](FeatureConfig const& config, std::map<std::string, std::string> units) {
    return error_text<DataError>([&] { FeatureMap(config, shard_with(units)); });
  };
  CHECK(has(refusal({"m", "mas", "", Transform::none, 0}, {}), "has no field 'mas'"));
  CHECK(has(refusal({"m", "mass", "GeV", Transform::none, 0}, {}), "/jets/mass has no unit"));
  CHECK(has(refusal({"m", "mass", "1", Transform::none, 0}, {{"mass", "MeV"}}),
            "a.h5: /jets/mass of feature 'm': unit 'MeV' does not convert to '1'"));
  CHECK(has(refusal({"n", "name", "", Transform::none, 0}, {{"name", "1"}}),
            "/jets/name of feature 'n' is other (5 bytes) (must be a number)"));
  for (double const floor : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    auto const text = error_text<ConfigError>([&] { map_of("GeV", Transform::log_floor, floor); });
    CHECK(has(text, "feature 'm': the floor of log_floor is "));
  }
  FeatureConfig const one{"a", "mass", "", Transform::none, 0};
  CHECK(has(error_text<ConfigError>([&] { require_valid({one, one}); }), "'a' appears twice"));
  CHECK(has(error_text<ConfigError>([&] { require_valid({}); }), "none is named"));
  CHECK(has(error_text<ConfigError>([&] {
              require_valid({{"", "x", "", Transform::none, 0}});
            }),
            "both must be given"));
}

TEST_CASE("the affine step rounds once, at every length", "[features]") {
  for (std::int64_t const n : {0, 1, 7, 8, 9, 31, 257, 4001}) {
    auto const v = jetcal::test::uniform(n, -50, 50, jetcal::test::seed_of("affine", n));
    float const scale = 0.3712345f, offset = -7.654321f;
    std::vector<float> got(v.size() + 1, jetcal::test::kGuard), want;
    affine(v.data(), n, scale, offset, got.data());
    // the product is exact in double, and long double holds the sum before its one rounding
    for (float const x : v) { want.push_back(std::fma(x, scale, offset)); }
    CHECK(jetcal::test::guard_untouched(got, v.size()));
    got.pop_back();
    auto const comparison = compare_bits(got, want);
    CAPTURE(n, comparison.message);
    CHECK(comparison.ok);
  }
  // (1 + 2^-12)^2 - 1 = 2^-11 + 2^-24: two roundings would lose the last bit
  float const v = 1 + 0x1p-12f;
  float out = 0;
  affine(&v, 1, v, -1, &out);
  CHECK(out == 0x1p-11f + 0x1p-24f);
}

TEST_CASE("features in words", "[features]") {
  CHECK(formula({"e", "energy", "GeV", Transform::log, 0}) == "log(energy) in GeV");
  CHECK(formula({"m", "mass", "GeV", Transform::log_floor, 40}) == "log(max(mass, 40)) in GeV");
  CHECK(formula({"eta", "eta", "1", Transform::abs, 0}) == "|eta|");
  CHECK(formula({"x", "x", "", Transform::none, 0}) == "x");
}

}  // namespace
}  // namespace jetcal::data
