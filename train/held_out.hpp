#pragma once

#include <cstdint>
#include <vector>

#include "data/loader.hpp"
#include "engine/json.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "train/batches.hpp"
#include "train/config.hpp"
#include "train/metrics.hpp"

namespace jetcal::train {

/// Calibrated responses r / R of held-out jets in the bins of the recipe, [bin][jet]. A head that
/// the network lacks has none.
struct HeldOutResponses {
  std::vector<std::vector<float>> energy, mass, weights;
};

/// What a program makes of them at the end of an epoch: a line of JSON for metrics.jsonl. The
/// estimators of modes and widths are not this folder's.
class ClosureMeter {
 public:
  virtual ~ClosureMeter() = default;
  virtual Json measure(HeldOutResponses const& responses, data::BinGrid const& bins) = 0;
};

/// Jets that a closure looks at: not more than the share of a tenth of the training that
/// `validation_every` epochs leave it. A prediction costs a third of an update.
std::int64_t closure_jets(Recipe const& recipe, std::int64_t training_rows,
                          std::int64_t validation_rows);

/// Predicts the responses of the first `jets` held-out jets with `parameters`.
HeldOutResponses held_out_responses(data::Loader& loader, model::Network const& network,
                                    Execution& execution, Buffer const& parameters,
                                    std::int64_t jets);

/// Held-out jets whose losses are found together, at most; enters no sum's order.
inline constexpr std::int64_t kHeldOutBatch = 32'768;

/// Adds what `tape`, finished without training, finds for all held-out jets.
void add_held_out_losses(Batches& batches, Execution& execution, Tape const& tape,
                         Buffer const& parameters, EpochSums& sums);

}  // namespace jetcal::train
