#pragma once

#include "engine/schema.hpp"
#include "train/config.hpp"

namespace jetcal::train {

/// The table of a whole recipe. Every step's losses get the recipe's sigma floors.
schema::Table<Recipe> recipe_table();

/// The table of one step of the schedule.
schema::Table<StepConfig> step_table();

/// An optimizer: a name, or an object of its table. Absent: radam.
schema::Codec<OptimizerConfig> optimizer_codec();

/// What an optimizer is if a recipe gives its name alone.
OptimizerConfig optimizer_defaults(OptimizerKind kind);

/// "radam", "diffgrad", "adam", "sgd".
std::string optimizer_name(OptimizerKind kind);

/// Rules over several parts of a recipe. Errors: ConfigError naming the place.
void check_recipe(Recipe const& recipe, Place const& root);

}  // namespace jetcal::train
