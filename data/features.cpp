#include "data/features.hpp"

#include <cmath>
#include <set>
#include <sstream>

#include "engine/log.hpp"

namespace jetcal::data {
namespace {

/// Calls emit(i, transformed value): the choice of the transform stays outside the loop.
template <class Emit>
void for_transformed(FeatureConfig const& config, UnitFactor const& unit, double const* in,
                     std::int64_t n, Emit emit) {
  double const floor = config.floor;
  switch (config.transform) {
    case Transform::none:
      if (unit.is_one()) {  // most fields: no division
        for (std::int64_t i = 0; i < n; ++i) { emit(i, in[i]); }
      } else {
        for (std::int64_t i = 0; i < n; ++i) { emit(i, unit(in[i])); }
      }
      break;
    case Transform::log:
      for (std::int64_t i = 0; i < n; ++i) { emit(i, natural_log(unit(in[i]))); }
      break;
    case Transform::log_floor:
      for (std::int64_t i = 0; i < n; ++i) {
        double const v = unit(in[i]);
        emit(i, natural_log(v < floor ? floor : v));  // a nan stays one
      }
      break;
    case Transform::abs:
      for (std::int64_t i = 0; i < n; ++i) { emit(i, std::fabs(unit(in[i]))); }
      break;
  }
}

// std::fma is a call into libm where the compiler may not assume the instruction. The loop is
// compiled twice; both give the correctly rounded result.
[[gnu::always_inline]] inline void affine_loop(float const* v, std::int64_t n, float scale,
                                               float offset, float* out) {
  for (std::int64_t i = 0; i < n; ++i) { out[i] = std::fma(v[i], scale, offset); }
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void affine_with_fma(float const* v, std::int64_t n, float scale,
                                                 float offset, float* out) {
  affine_loop(v, n, scale, offset, out);
}
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
  for_transformed(config_, to_unit_, file_values, n,
                  [out](std::int64_t i, double v) { out[i] = static_cast<float>(v); });
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
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) {
    return affine_with_fma(v, n, scale, offset, out);
  }
#endif
  affine_loop(v, n, scale, offset, out);
}

}  // namespace jetcal::data
