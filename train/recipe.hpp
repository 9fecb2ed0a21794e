#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/json.hpp"
#include "train/config.hpp"

namespace jetcal::train {

/// A `--set` that is not `path=value`: a mistake of the command line, not of the recipe.
struct UsageError : ConfigError {
  using ConfigError::ConfigError;
};

/// Reads a recipe, applies the values of `--set` in their order, fills every default and checks all
/// of it.
///
/// A set is `path=value`: a dotted path with list indices ("schedule.0.epochs") and a JSON value;
/// text that is no JSON is a string. Relative paths in the recipe start from its folder, those in a
/// set from the working directory; the result holds absolute ones. Setting a `preset` also drops
/// what the file gives in its place (widths of a model, epsilon of an optimizer).
///
/// Errors    UsageError for a malformed set; ConfigError for everything else, naming file or set
///           and the place in it
Recipe load_recipe(std::filesystem::path const& path, std::vector<std::string> const& sets = {});

/// As load_recipe() of a JSON document that messages call `where`; relative paths start from the
/// working directory.
Recipe recipe_from_json(Json const& json, std::string const& where);

/// The resolved recipe: every key written out. recipe_from_json() of it gives the same recipe.
Json recipe_to_json(Recipe const& recipe);

/// The reference of every key, docs/recipe.md.
std::string recipe_markdown();

}  // namespace jetcal::train
