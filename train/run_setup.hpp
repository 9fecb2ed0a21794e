#pragma once

#include <string>
#include <vector>

#include "data/setup.hpp"
#include "kernels/execution.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// What a recipe asks of the loader.
data::LoaderSetup loader_setup(Recipe const& recipe, int threads);

std::vector<std::string> feature_names(Recipe const& recipe);

ExecutionOptions execution_options(Recipe const& recipe, RunOptions const& options);

}  // namespace jetcal::train
