#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "data/split.hpp"

namespace jetcal::data {

/// All that decides which jets a training sees, what of them, and in which order.
struct LoaderSetup {
  DataConfig data;
  std::vector<FeatureConfig> features;
  std::map<std::string, TargetConfig> targets;  ///< "energy", "mass": one or both
  BinsConfig bins;
  LoaderConfig loader;
  std::uint64_t seed = 1;
  std::int64_t largest_batch = 0;  ///< of the schedule, to refuse too small a budget at once
  int threads = 1;                 ///< that unpack chunks; the bits do not depend on them
};

/// The rule that splits the jets. Errors: ConfigError unless 0 <= validation_fraction < 1
SplitRule split_rule(DataConfig const& data);

}  // namespace jetcal::data
