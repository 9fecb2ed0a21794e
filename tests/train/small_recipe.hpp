#pragma once

// A small valid recipe, and what becomes of it after a change.

#include <string>
#include <vector>

#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/error_text.hpp"
#include "train/recipe.hpp"

namespace jetcal::train::small {

using test::error_text;

/// Where the project is.
std::string source_folder();

// A small valid recipe, as a user would write it.
inline Json minimal() {
  return Json::parse(R"({
    "data": { "train": ["a.h5", "/abs/*.h5"] },
    "features": [ { "name": "log_energy", "field": "energy", "unit": "GeV", "transform": "log" },
                  { "field": "eta" } ],
    "schedule": [
      { "loss": { "energy": { "kind": "mdna" }, "mass": { "kind": "mdna", "truncation": 3.5 } } },
      { "optimizer": "diffgrad", "learning_rate": 1e-4,
        "loss": { "mass": { "kind": "mdn", "truncation": 1 } },
        "freeze": ["annotation", "core", "energy"] } ] })");
}

inline Recipe from(Json const& json) { return recipe_from_json(json, "r.json"); }

inline std::string refused(Json const& json) {
  return error_text<ConfigError>([&] { from(json); });
}

// What is wrong with the minimal recipe after one change at a JSON pointer.
inline std::string refused(std::string const& pointer, Json const& value) {
  Json json = minimal();
  json[Json::json_pointer(pointer)] = value;
  return refused(json);
}

inline Recipe with(std::string const& pointer, Json const& value) {
  Json json = minimal();
  json[Json::json_pointer(pointer)] = value;
  return from(json);
}

inline Recipe load(std::string const& name, std::vector<std::string> const& sets = {}) {
  return load_recipe(source_folder() + "/recipes/" + name + ".json", sets);
}

// The message of load_recipe(paper.json, {set}).
template <class E = ConfigError>
std::string set_refused(std::string const& set) {
  return error_text<E>([&] { load("paper", {set}); });
}

inline std::int64_t parameters(std::string const& preset, std::size_t features = 21) {
  std::vector<std::string> names{"eta"};
  while (names.size() < features) { names.push_back("f" + std::to_string(names.size())); }
  return model::Network(model::preset_network(preset), names).layout().parameter_count();
}

}  // namespace jetcal::train::small
