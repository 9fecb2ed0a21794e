#include "train/step_plan.hpp"

#include "engine/errors.hpp"

namespace jetcal::train {

StepPlan step_plan(Recipe const& recipe, std::int64_t step, model::Network const& network,
                   data::Loader const& loader) {
  StepConfig const& config = recipe.schedule[static_cast<std::size_t>(step)];
  StepPlan plan;
  plan.config = &config;
  model::Recording what;
  what.energy_loss = config.energy;
  what.mass_loss = config.mass;
  what.freeze = config.freeze;
  what.training = true;
  data::Normalisation const& n = loader.normalisation();
  model::FeatureScale const scale = network.annotated_scale(n.scale, n.offset);
  plan.training.emplace(network.record(what, scale));
  what.training = false;
  what.predict_others = recipe.validation_every > 0;  // a closure is of all heads
  plan.evaluation.emplace(network.record(what, scale));
  JETCAL_REQUIRE(!trained_ranges(plan.training->tape).empty(), ConfigError,
                 "schedule." << step << ": nothing is left to train. Freeze less");
  if (config.energy.has_value()) { plan.pass.divisors.push_back(config.energy->divisor); }
  if (config.mass.has_value()) { plan.pass.divisors.push_back(config.mass->divisor); }
  plan.length = step_length(config, loader.training_rows());
  plan.guard.emplace(recipe.collapse, config);
  return plan;
}

}  // namespace jetcal::train
