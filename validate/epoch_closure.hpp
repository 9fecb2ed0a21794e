#pragma once

#include <cstdint>
#include <vector>

#include "data/bins.hpp"
#include "engine/json.hpp"
#include "engine/threads.hpp"
#include "validate/quantity.hpp"

namespace jetcal::validate {

/// The closure of a network that is being trained: {"energy", "mass"}, each {"bins", "within_1",
/// "within_5", "worst", "rows": [{"bin", "jets", "mode", "mode_error", "iqr68_over_mode"}]}. Shares
/// are of the bins with at least kEpochMinJets jets.
///
/// Shapes    energy, mass: r / R, [bin][jet], empty without such a head; weights [bin][jet]
Json epoch_closure(std::vector<std::vector<float>> const& energy,
                   std::vector<std::vector<float>> const& mass,
                   std::vector<std::vector<float>> const& weights, data::BinGrid const& bins,
                   ThreadPool& threads);

inline constexpr std::int64_t kEpochMinJets = 200;

}  // namespace jetcal::validate
