#include "train/held_out.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace jetcal::train {

ResponseBins response_bins(Recipe const& recipe, EpochSums const& training) {
  ResponseBins bins{training.bins(), {}};
  if (!recipe.data.weight.has_value()) { return bins; }
  for (BinSums const& sums : training.bin_sums()) {
    float const unit = sums.weight > 0 ? std::ldexp(1.0f, std::ilogb(sums.weight / sums.jets)) : 1;
    bins.units.push_back(std::max(unit, std::numeric_limits<float>::min()));
  }
  return bins;
}

void add_held_out_losses(Batches& batches, Execution& execution, Tape const& tape,
                         Buffer const& parameters, EpochSums& sums) {
  execution.begin_bins(sums.bin_sums());
  batches.start_validation(kHeldOutBatch);
  while (true) {
    while (!batches.full()) {
      std::optional<JetBatch> const batch = batches.next();
      if (!batch.has_value()) { break; }
      execution.start_evaluation(tape, *batch, parameters);
      batches.start();
    }
    if (batches.in_flight() == 0) { break; }
    PassResult const& result = execution.finish();
    sums.add(result, batches.finish());
  }
  sums.set_bin_sums(execution.bins());
}

}  // namespace jetcal::train
