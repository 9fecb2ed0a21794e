#pragma once

#include <string>
#include <vector>

#include "data/loader.hpp"
#include "data/setup.hpp"
#include "kernels/execution.hpp"
#include "model/model_file.hpp"
#include "train/run_files.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// What a recipe asks of the loader.
data::LoaderSetup loader_setup(Recipe const& recipe, int threads);

std::vector<std::string> feature_names(Recipe const& recipe);

/// The normalisation and units a model file tells of.
model::InputScaling input_scaling(data::Loader const& loader);

/// A loader's batch as the kernels take it; it must outlive the result.
HostBatch host_batch(data::Batch const& batch, std::int64_t n_features);

/// What a run asks of the kernels. `listener` gets their remarks; a run that goes on keeps to what
/// `auto` chose in it.
ExecutionOptions execution_options(Recipe const& recipe, RunOptions const& options,
                                   Listener* listener = nullptr, RunState const* resumed = nullptr);

}  // namespace jetcal::train
