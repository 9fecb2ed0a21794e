#pragma once

#include <cstdint>
#include <optional>

#include "data/loader.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "train/collapse_guard.hpp"
#include "train/config.hpp"
#include "train/schedule.hpp"

namespace jetcal::train {

/// What belongs to one step of the schedule and is the same for all its batches.
struct StepPlan {
  StepConfig const* config = nullptr;
  std::optional<model::RecordedNetwork> training, evaluation;
  PassOptions pass;
  StepLength length;
  std::optional<CollapseGuard> guard;
};

/// The plan of schedule[step]. Errors: ConfigError if nothing is left to train.
StepPlan step_plan(Recipe const& recipe, std::int64_t step, model::Network const& network,
                   data::Loader const& loader);

}  // namespace jetcal::train
