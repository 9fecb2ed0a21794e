#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "data/raw_rows.hpp"
#include "data/shard.hpp"
#include "data/units.hpp"

namespace jetcal::data {

/// How a field of the file becomes an input of the network, before the affine normalisation: unit,
/// then transform, in double, rounded once to float32. The same bits on every machine.
class FeatureMap {
 public:
  /// `shard` gives the field's unit.
  ///
  /// Errors    DataError: no such field, no number, no unit, units that do not convert;
  /// ConfigError:
  ///           a floor of log_floor that is not above 0
  FeatureMap(FeatureConfig const& config, Shard const& shard);

  FeatureConfig const& config() const { return config_; }
  std::string const& file_unit() const { return file_unit_; }

  /// The value the normalisation gets, for a value of the file. nan stays nan, log of a negative
  /// value is nan, of 0 -inf.
  float operator()(double file_value) const;

  /// The same for `n` values.
  void apply(double const* file_values, std::int64_t n, float* out) const;

  /// The same for the values of `field` in `raw`: float32 that is the network's as it is takes no
  /// way through double.
  ///
  /// Shapes    scratch, out: [raw.rows]
  void read(RawRows const& raw, Field const& field, double* scratch, float* out) const;

 private:
  FeatureConfig config_;
  std::string file_unit_;
  UnitFactor to_unit_;
};

/// "log(max(mass, 40 GeV))": a feature in words.
std::string formula(FeatureConfig const& config);

/// Errors    ConfigError for an empty list, two features of one name or one without name or field
void require_valid(std::vector<FeatureConfig> const& features);

/// out[i] = fma(v[i], scale, offset) with one rounding, on every machine.
void affine(float const* v, std::int64_t n, float scale, float offset, float* out);

}  // namespace jetcal::data
