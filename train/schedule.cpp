#include "train/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::train {

StepLength step_length(StepConfig const& step, std::int64_t rows) {
  StepLength length;
  length.updates_per_epoch = (rows + step.batch_size - 1) / step.batch_size;
  length.updates = static_cast<std::int64_t>(
      std::ceil(step.epochs * static_cast<double>(length.updates_per_epoch)));
  return length;
}

double learning_rate(StepConfig const& step, std::int64_t warm_up, std::int64_t update,
                     std::int64_t updates) {
  double const way =
      updates > 1 ? static_cast<double>(update) / static_cast<double>(updates - 1) : 0.0;
  double const rate = step.learning_rate + (step.learning_rate_end - step.learning_rate) * way;
  if (update >= warm_up) { return rate; }
  return rate * static_cast<double>(update + 1) / static_cast<double>(warm_up);
}

double average_decay(StepConfig const& step, std::int64_t update) {
  double const early = static_cast<double>(1 + update) / static_cast<double>(10 + update);
  return std::min(step.average_decay, early);
}

OptimizerStep optimizer_step(OptimizerConfig const& optimizer, std::int64_t t,
                             double learning_rate) {
  Betas const betas{optimizer.beta1, optimizer.beta2};
  switch (optimizer.kind) {
    case OptimizerKind::radam: {
      RadamOptions options = radam_options(optimizer.preset);
      options.betas = betas;
      options.epsilon = optimizer.epsilon;
      options.weight_decay = optimizer.weight_decay;
      return radam_step(options, t, learning_rate);
    }
    case OptimizerKind::diffgrad:
      return diffgrad_step({betas, optimizer.epsilon, optimizer.weight_decay}, t, learning_rate);
    case OptimizerKind::adam:
      return adam_step({betas, optimizer.epsilon, optimizer.weight_decay}, t, learning_rate);
    case OptimizerKind::sgd:
      return sgd_step({optimizer.momentum, optimizer.weight_decay}, learning_rate);
  }
  throw ConfigError("optimizer: unknown kind");
}

}  // namespace jetcal::train
