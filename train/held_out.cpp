#include "train/held_out.hpp"

#include <algorithm>

#include "train/run_setup.hpp"

namespace jetcal::train {
namespace {

constexpr std::int64_t kBatch = 8'192;

}  // namespace

std::int64_t closure_jets(Recipe const& recipe, std::int64_t training_rows,
                          std::int64_t validation_rows) {
  return std::min(validation_rows, training_rows * recipe.validation_every / 5);
}

HeldOutResponses held_out_responses(data::Loader& loader, model::Network const& network,
                                    Execution& execution, Buffer const& parameters,
                                    std::int64_t jets) {
  data::Normalisation const& n = loader.normalisation();
  model::RecordedNetwork const net = network.record({}, network.annotated_scale(n.scale, n.offset));
  auto const bins = static_cast<std::size_t>(loader.bins().count());
  HeldOutResponses out;
  out.weights.resize(bins);
  if (net.energy >= 0) { out.energy.resize(bins); }
  if (net.mass >= 0) { out.mass.resize(bins); }
  std::int64_t const outputs = network.config().outputs;
  std::vector<float> energy(static_cast<std::size_t>(kBatch * outputs)), mass(energy);
  data::Batch batch;
  loader.start_validation(kBatch);
  for (std::int64_t seen = 0; seen < jets && loader.next_validation(batch); seen += batch.rows) {
    std::vector<Id> heads;
    std::vector<Mat> into;
    if (net.energy >= 0) {
      heads.push_back(net.energy);
      into.push_back({energy.data(), batch.rows, outputs, outputs});
    }
    if (net.mass >= 0) {
      heads.push_back(net.mass);
      into.push_back({mass.data(), batch.rows, outputs, outputs});
    }
    execution.predict(net.tape, host_batch(batch, network.features()).features, parameters, heads,
                      into);
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.rows); ++i) {
      if (batch.bins[i] < 0) { continue; }
      auto const bin = static_cast<std::size_t>(batch.bins[i]);
      auto const output = i * static_cast<std::size_t>(outputs);
      out.weights[bin].push_back(batch.weights[i]);
      if (net.energy >= 0) { out.energy[bin].push_back(batch.targets[2 * i] / energy[output]); }
      if (net.mass >= 0) { out.mass[bin].push_back(batch.targets[2 * i + 1] / mass[output]); }
    }
  }
  return out;
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
