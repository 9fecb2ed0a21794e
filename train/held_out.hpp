#pragma once

#include <cstdint>

#include "data/bins.hpp"
#include "engine/json.hpp"
#include "kernels/execution.hpp"
#include "train/batches.hpp"
#include "train/config.hpp"
#include "train/metrics.hpp"

namespace jetcal::train {

/// What a program makes of the calibrated responses of held-out jets at the end of an epoch: a line
/// of JSON for metrics.jsonl. The estimators of modes and widths are not this folder's.
class ClosureMeter {
 public:
  virtual ~ClosureMeter() = default;
  virtual Json measure(ResponseHistograms const& responses, data::BinGrid const& bins) = 0;
};

/// The recipe's bins for histograms of responses. If jets have weights, those of a bin are counted
/// in the power of two at or below the mean weight of its jets in `training`.
ResponseBins response_bins(Recipe const& recipe, EpochSums const& training);

/// Held-out jets whose losses are found together, at most; enters no sum's order.
inline constexpr std::int64_t kHeldOutBatch = 32'768;

/// Adds what `tape`, finished without training, finds for all held-out jets.
void add_held_out_losses(Batches& batches, Execution& execution, Tape const& tape,
                         Buffer const& parameters, EpochSums& sums);

}  // namespace jetcal::train
