#pragma once

#include <string>

#include "engine/json.hpp"
#include "engine/schema.hpp"
#include "model/config.hpp"

namespace jetcal::model {

/// Widths of a named layout: P1, P2, P3, all210 or small; the rest of the result is default.
///
/// Source    arXiv:2311.08885 gives hidden layers of 210 neurons and about 764,000 parameters but
///           not the layout; P1 to P3 are layouts that meet the count: 764,236, 764,406 and 764,082
///           with 21 features. all210 (768,396) has one width; small (54,550) is for quick work
/// Errors    ConfigError for another name
NetworkConfig preset_network(std::string const& name);

/// The table of a recipe's `model`; docs/recipe.md is made from it.
schema::Table<NetworkConfig> network_table();

/// The network of a resolved recipe, as models and checkpoints store it.
///
/// Errors    ConfigError, beginning with `where` (the file the recipe is from)
NetworkConfig network_config(Json const& recipe, std::string const& where);

}  // namespace jetcal::model
