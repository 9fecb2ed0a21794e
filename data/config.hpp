#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace jetcal::data {

/// What is done to a field's value, in the unit of `FeatureConfig::unit`, before the affine
/// normalisation: v, ln(v), ln(max(v, floor)), |v|.
enum class Transform { none, log, log_floor, abs };

/// One input of the network.
struct FeatureConfig {
  std::string name;   ///< e.g. "log_energy"
  std::string field;  ///< field of the dataset `jets`
  std::string unit;   ///< the unit the network sees; empty: the file's
  Transform transform = Transform::none;
  double floor = 0;  ///< the x of log_floor(x), in `unit`
};

/// One target r = reco / truth.
struct TargetConfig {
  std::string reco;   ///< field, e.g. "energy"
  std::string truth;  ///< field, e.g. "truth_energy"
};

/// Axes of the phase-space bins that metrics are given in: pT_true [GeV], |eta_true|, m_true [GeV].
/// An axis with fewer than two edges is not binned. Bin b of an axis holds edges[b] <= v <
/// edges[b+1].
struct BinsConfig {
  std::vector<double> pt_true;
  std::vector<double> abs_eta_true;
  std::vector<double> mass_true;
  std::string pt_field = "truth_pt";
  std::string eta_field = "truth_eta";
  std::string mass_field = "truth_mass";
};

/// Fields besides the targets' that a calibrated jet is written with.
struct KinematicsConfig {
  std::string pt = "pt";
  std::string eta = "eta";
};

enum class NonFinitePolicy { drop, error };

/// Where the jets come from and which of them train.
struct DataConfig {
  std::vector<std::string> train;  ///< paths or globs, already resolved to absolute paths or globs
  double validation_fraction = 0;  ///< share of the groups held out by a keyed hash
  std::string group = "eventNumber";         ///< jets with equal values stay on one side
  std::uint64_t split_key = 0;               ///< key of that hash; not the seed
  std::optional<std::string> weight;         ///< field of per-jet weights
  std::map<std::string, std::string> units;  ///< field -> unit where the file declares none
  NonFinitePolicy non_finite =
      NonFinitePolicy::error;  ///< jets with a non-finite feature, target or weight
  NonFinitePolicy non_positive_response = NonFinitePolicy::error;  ///< jets with r <= 0
};

enum class LoaderMode { automatic, resident, streaming };

struct LoaderConfig {
  std::int64_t memory_mib =
      4096;  ///< budget of the loader; a row of 21 features takes about 100 bytes
  LoaderMode mode = LoaderMode::automatic;  ///< automatic: resident if it fits the budget
};

/// Affine normalisation v * scale + offset, one entry a feature, in recipe order.
struct Normalisation {
  std::vector<std::string> names;
  std::vector<float> scale;
  std::vector<float> offset;
};

}  // namespace jetcal::data
