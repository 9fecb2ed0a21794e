#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/optimizer_step.hpp"
#include "train/config.hpp"

namespace jetcal::train {

/// How many updates a step of the schedule makes, for `rows` training jets.
struct StepLength {
  std::int64_t updates_per_epoch = 0;  ///< the last batch may be smaller
  std::int64_t updates = 0;            ///< ceil(epochs * updates_per_epoch)
};
StepLength step_length(StepConfig const& step, std::int64_t rows);

/// The learning rate of update `update` = 0, 1, ... of a step of `updates`: linear from
/// learning_rate to learning_rate_end, times (update + 1) / warm_up while update < warm_up.
double learning_rate(StepConfig const& step, std::int64_t warm_up, std::int64_t update,
                     std::int64_t updates);

/// The decay of the weights' average at `update`: min(average_decay, (1 + update) / (10 + update)),
/// so that the step's first weights do not linger in a short step.
double average_decay(StepConfig const& step, std::int64_t update);

/// The constants of the optimizer's update t = 1, 2, ... Errors: ConfigError.
OptimizerStep optimizer_step(OptimizerConfig const& optimizer, std::int64_t t,
                             double learning_rate);

}  // namespace jetcal::train
