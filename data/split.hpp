#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/random.hpp"

namespace jetcal::data {

/// Which jets: all, those that train, those held out.
enum class Side { all, training, held_out };

std::string_view name(Side side);

/// "all", "training" or "held-out". Errors: ConfigError for another word
Side side_of(std::string_view word);

/// Which groups of jets are held out: those whose value's keyed hash lies below `fraction`. A pure
/// function of (key, value): files, their order and their number do not enter.
struct SplitRule {
  double fraction = 0;  ///< held out, 0 <= fraction < 1
  std::string group = "eventNumber";
  std::uint64_t key = 0;

  bool holds_out(std::int64_t group_value) const {
    RandomStream const hash(key, Purpose::split);
    return hash.uniform(static_cast<std::uint64_t>(group_value)) < fraction;
  }
};

}  // namespace jetcal::data
