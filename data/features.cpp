#include "data/features.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "engine/log.hpp"

namespace jetcal::data {
namespace {

// The loops of this file are compiled twice, since the compiler may not assume AVX2; both give the
// same, correctly rounded results.

// out[i] = ln value(in[i]); the few values that are not positive and normal come second.
template <class Value>
[[gnu::always_inline]] inline void log_loop(double const* in, std::int64_t n, Value value,
                                            float* out) {
  for (std::int64_t i = 0; i < n; ++i) { out[i] = static_cast<float>(log_of_normal(value(in[i]))); }
  for (std::int64_t i = 0; i < n; ++i) {
    double const v = value(in[i]);
    bool const regular = v >= std::numeric_limits<double>::min() && v < HUGE_VAL;
    if (!regular) { out[i] = static_cast<float>(natural_log(v)); }
  }
}

// The choice of the transform stays outside the loops.
[[gnu::always_inline]] inline void transform_loop(FeatureConfig const& config, UnitFactor unit,
                                                  double const* in, std::int64_t n, float* out) {
  switch (config.transform) {
    case Transform::none:
      if (unit.is_one()) {  // most fields: no division
        for (std::int64_t i = 0; i < n; ++i) { out[i] = static_cast<float>(in[i]); }
      } else {
        for (std::int64_t i = 0; i < n; ++i) { out[i] = static_cast<float>(unit(in[i])); }
      }
      break;
    case Transform::log:
      log_loop(
          in, n, [unit](double v) { return unit(v); }, out);
      break;
    case Transform::log_floor:
      log_loop(
          in, n,
          [unit, floor = config.floor](double v) {
            double const x = unit(v);
            return x < floor ? floor : x;  // a nan stays one
          },
          out);
      break;
    case Transform::abs:
      for (std::int64_t i = 0; i < n; ++i) { out[i] = static_cast<float>(std::fabs(unit(in[i]))); }
      break;
  }
}

// std::fma is a call into libm where the compiler may not assume the instruction.
[[gnu::always_inline]] inline void affine_loop(float const* v, std::int64_t n, float scale,
                                               float offset, float* out) {
  for (std::int64_t i = 0; i < n; ++i) { out[i] = std::fma(v[i], scale, offset); }
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void transform_with_avx2(FeatureConfig const& config, UnitFactor unit,
                                                     double const* in, std::int64_t n, float* out) {
  transform_loop(config, unit, in, n, out);
}

[[gnu::target("avx2,fma")]] void affine_with_avx2(float const* v, std::int64_t n, float scale,
                                                  float offset, float* out) {
  affine_loop(v, n, scale, offset, out);
}

bool has_avx2() { return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"); }
#endif

}  // namespace

FeatureMap::FeatureMap(FeatureConfig const& config, Shard const& shard) : config_(config) {
  std::string const where = "feature '" + config.name + "'";
  Field const& field = shard.field(config.field);
  JETCAL_REQUIRE(field.type.kind != FieldKind::other, DataError,
                 shard.path << ": /jets/" << field.name << " of " << where << " is "
                            << name(field.type) << " (must be a number)");
  file_unit_ = shard.unit(config.field);
  if (config_.unit.empty()) { config_.unit = file_unit_; }
  to_unit_ =
      unit_factor(file_unit_, config_.unit, shard.path + ": /jets/" + field.name + " of " + where);
  JETCAL_REQUIRE(
      config.transform != Transform::log_floor || (config.floor > 0 && std::isfinite(config.floor)),
      ConfigError, where << ": the floor of log_floor is " << config.floor << " (must be above 0)");
}

float FeatureMap::operator()(double file_value) const {
  float out = 0;
  apply(&file_value, 1, &out);
  return out;
}

void FeatureMap::apply(double const* file_values, std::int64_t n, float* out) const {
#if defined(__x86_64__)
  if (has_avx2()) { return transform_with_avx2(config_, to_unit_, file_values, n, out); }
#endif
  transform_loop(config_, to_unit_, file_values, n, out);
}

void FeatureMap::read(RawRows const& raw, Field const& field, double* scratch, float* out) const {
  bool const is_float = field.type.kind == FieldKind::floating && field.type.bytes == 4;
  if (is_float && config_.transform == Transform::none && to_unit_.is_one()) {
    return read_column(raw, field, out);
  }
  read_column(raw, field, scratch);
  apply(scratch, raw.rows, out);
}

std::string formula(FeatureConfig const& config) {
  std::ostringstream text;
  switch (config.transform) {
    case Transform::none:
      text << config.field;
      break;
    case Transform::log:
      text << "log(" << config.field << ")";
      break;
    case Transform::log_floor:
      text << "log(max(" << config.field << ", " << config.floor << "))";
      break;
    case Transform::abs:
      text << "|" << config.field << "|";
      break;
  }
  if (!config.unit.empty() && config.unit != "1") { text << " in " << config.unit; }
  return text.str();
}

void require_valid(std::vector<FeatureConfig> const& features) {
  JETCAL_REQUIRE(!features.empty(), ConfigError, "features: none is named (at least one must be)");
  std::set<std::string> names;
  for (FeatureConfig const& feature : features) {
    JETCAL_REQUIRE(!feature.name.empty() && !feature.field.empty(), ConfigError,
                   "features: '" << feature.name << "' of field '" << feature.field
                                 << "' (both must be given)");
    JETCAL_REQUIRE(names.insert(feature.name).second, ConfigError,
                   "features: '" << feature.name << "' appears twice (names must differ)");
  }
}

void affine(float const* v, std::int64_t n, float scale, float offset, float* out) {
#if defined(__x86_64__)
  if (has_avx2()) { return affine_with_avx2(v, n, scale, offset, out); }
#endif
  affine_loop(v, n, scale, offset, out);
}

}  // namespace jetcal::data
