#include "train/run_setup.hpp"

#include <algorithm>

#include "data/loader.hpp"
#include "model/network.hpp"
#include "train/run_files.hpp"

namespace jetcal::train {

data::LoaderSetup loader_setup(Recipe const& recipe, int threads) {
  data::LoaderSetup setup;
  setup.data = recipe.data;
  setup.features = recipe.features;
  setup.targets = recipe.targets;
  setup.bins = recipe.bins;
  setup.loader = recipe.loader;
  setup.seed = recipe.seed;
  setup.threads = threads;
  for (StepConfig const& step : recipe.schedule) {
    setup.largest_batch = std::max(setup.largest_batch, step.batch_size);
  }
  return setup;
}

std::vector<std::string> feature_names(Recipe const& recipe) {
  std::vector<std::string> names;
  for (data::FeatureConfig const& feature : recipe.features) { names.push_back(feature.name); }
  return names;
}

model::InputScaling input_scaling(data::Loader const& loader) {
  data::Normalisation const& n = loader.normalisation();
  return {n.names, loader.feature_units(), n.scale, n.offset};
}

HostBatch host_batch(data::Batch const& batch, std::int64_t n_features) {
  return {{batch.features.data(), batch.rows, n_features, padded(n_features)},
          {batch.targets.data(), batch.rows, 2, 2},
          batch.weights.data(),
          batch.bins.data()};
}

ExecutionOptions execution_options(Recipe const& recipe, RunOptions const& options,
                                   Listener* listener, RunState const* resumed) {
  ExecutionOptions execution;
  execution.device = options.device;
  execution.threads = options.threads;
  execution.lanes = recipe.lanes;
  execution.dense_kernels = options.dense_kernels;
  execution.softmax_kernels = options.softmax_kernels;
  execution.precision = options.precision;
  if (listener != nullptr) {
    execution.note = [listener](std::string const& remark) { listener->note(remark); };
  }
  if (resumed != nullptr) { execution.kernel_choices = resumed->kernel_choices; }
  return execution;
}

void write_initial_model(Recipe const& recipe, RunOptions const& options) {
  model::Network const network(recipe.model, feature_names(recipe));
  data::Loader const loader(loader_setup(recipe, options.threads), std::nullopt);
  save_model(options.out, recipe, options, network.layout(), input_scaling(loader), loader.digest(),
             network.initial_parameters(recipe.seed));
}

}  // namespace jetcal::train
