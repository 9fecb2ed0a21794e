#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "engine/json.hpp"
#include "engine/schema.hpp"

namespace jetcal::data {

/// The tables of a recipe's parts that this folder acts on; docs/recipe.md is made from them.
schema::Codec<std::vector<FeatureConfig>> features_codec();
schema::Codec<std::map<std::string, TargetConfig>> targets_codec();
schema::Table<DataConfig> data_table();
schema::Table<LoaderConfig> loader_table();
schema::Table<BinsConfig> bins_table();
schema::Table<KinematicsConfig> kinematics_table();

/// "none", "log", "log_floor(40)", "abs": what a recipe says of a feature's transform.
std::string transform_text(FeatureConfig const& feature);

/// What a resolved recipe, as models and checkpoints store it, says about reading jets.
struct InputConfig {
  DataConfig data;
  std::vector<FeatureConfig> features;
  std::map<std::string, TargetConfig> targets;
  KinematicsConfig kinematics;
  BinsConfig bins;

  /// The target of a head; without one the fields `head` and `truth_head`.
  TargetConfig target(std::string const& head) const;
};

/// Errors    ConfigError, beginning with `where` (the file the recipe is from), for a part that is
///           missing or wrong
InputConfig input_config(Json const& recipe, std::string const& where);

}  // namespace jetcal::data
