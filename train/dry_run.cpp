#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "data/batch.hpp"
#include "data/shard_set.hpp"
#include "engine/random.hpp"
#include "model/network.hpp"
#include "train/run_setup.hpp"
#include "train/schedule.hpp"
#include "train/trainer.hpp"
#include "train/training_state.hpp"

namespace jetcal::train {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough to be past the first touch of the memory, short enough to wait for.
constexpr double kSeconds = 0.2;
constexpr std::int64_t kLargestBatch = 16'384;

/// Made-up jets: the time of a step does not depend on their values.
data::Batch made_up(std::int64_t rows, std::int64_t n_features) {
  RandomStream const random(1, Purpose::test);
  data::Batch batch;
  batch.resize(rows, n_features);
  batch.rows = rows;
  for (std::size_t i = 0; i < batch.features.size(); ++i) {
    batch.features[i] = static_cast<float>(2 * random.uniform(i) - 1);
  }
  for (std::size_t i = 0; i < batch.targets.size(); ++i) {
    batch.targets[i] = static_cast<float>(0.8 + 0.4 * random.uniform(i));
  }
  std::fill(batch.weights.begin(), batch.weights.end(), 1.0f);
  return batch;
}

struct Speed {
  double jets_per_s = 0;
  std::int64_t bytes = 0;
};

/// `rows`: of the step's batches. Fewer are enough to measure with, once the memory is there.
Speed measure(Recipe const& recipe, StepConfig const& step, std::int64_t rows,
              model::Network const& network, Execution& execution, TrainingState& state) {
  model::Recording what;
  what.training = true;
  what.energy_loss = step.energy;
  what.mass_loss = step.mass;
  what.freeze = step.freeze;
  model::RecordedNetwork const net = network.record(what, {});
  PassOptions pass;
  if (step.energy.has_value()) { pass.divisors.push_back(step.energy->divisor); }
  if (step.mass.has_value()) { pass.divisors.push_back(step.mass->divisor); }
  auto const n = static_cast<std::int64_t>(recipe.features.size());
  data::Batch const batch = made_up(std::min(rows, kLargestBatch), n);
  HostBatch const view = host_batch(batch, n);
  execution.reserve({{net.tape, rows}}, state.bytes_to_come(recipe));
  execution.train(net.tape, view, pass, state.parameters());
  auto const start = Clock::now();
  double seconds = 0;
  std::int64_t jets = 0;
  while (seconds < kSeconds) {
    execution.train(net.tape, view, pass, state.parameters());
    jets += batch.rows;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return {static_cast<double>(jets) / seconds, execution.memory()};
}

std::string duration(double seconds) {
  if (seconds < 100) { return fmt::format("{:.0f} s", seconds); }
  if (seconds < 6000) { return fmt::format("{:.0f} min", seconds / 60); }
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

std::string dry_run(Recipe const& recipe, RunOptions const& options) {
  model::Network const network(recipe.model, feature_names(recipe));
  data::ShardSet const shards(recipe.data.train, recipe.data.units, "data.train");
  auto const training = static_cast<std::int64_t>(
      std::llround(static_cast<double>(shards.rows()) * (1 - recipe.data.validation_fraction)));
  auto const execution = make_execution(execution_options(recipe, options));
  TrainingState state(options.device, network.layout().size());
  state.parameters().upload(network.initial_parameters(recipe.seed));
  std::string text = fmt::format(
      "{} shards, {} jets, about {} to train on; {} parameters\n\n"
      "step                   epochs    batch   updates          jets    jets/s      time\n",
      shards.shards().size(), shards.rows(), training, network.layout().parameter_count());
  double all_seconds = 0, all_jets = 0;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < recipe.schedule.size(); ++i) {
    StepConfig const& step = recipe.schedule[i];
    StepLength const length = step_length(step, training);
    double const jets = static_cast<double>(training) * static_cast<double>(length.updates) /
                        static_cast<double>(std::max<std::int64_t>(1, length.updates_per_epoch));
    std::int64_t const rows = std::clamp<std::int64_t>(training, 1, step.batch_size);
    Speed const speed = measure(recipe, step, rows, network, *execution, state);
    double const seconds = jets / speed.jets_per_s;
    text += fmt::format("{:>3} {:<16} {:>8} {:>8} {:>9} {:>13.0f} {:>9.0f} {:>9}\n", i + 1,
                        step.name, step.epochs, step.batch_size, length.updates, jets,
                        speed.jets_per_s, duration(seconds));
    all_seconds += seconds;
    all_jets += jets;
    bytes = std::max(bytes, speed.bytes);
  }
  auto const n = static_cast<std::int64_t>(recipe.features.size());
  text += fmt::format(
      "\nin all {:.3g} jets, about {} on {} ({} threads, measured now on made-up jets)\n"
      "memory: network {} MiB (working memory and gradient lanes, before the optimizer's), jets {} "
      "MiB if resident (budget {} MiB)\n",
      all_jets, duration(all_seconds), options.device.name(), options.threads, (bytes >> 20) + 1,
      (data::Batch::bytes(shards.rows(), n) >> 20) + 1, recipe.loader.memory_mib);
  return text;
}

}  // namespace jetcal::train
