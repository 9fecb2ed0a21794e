#include "train/recipe_schema.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "data/config_schema.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"

namespace jetcal::train {
namespace {

schema::Codec<std::int64_t> lanes_codec() {
  schema::Codec<std::int64_t> codec = schema::integer(1, 256);
  codec.shape.allowed = "a power of two up to 256";
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    std::int64_t const n = read(json, place);
    if ((n & (n - 1)) != 0) { schema::refuse(json, place, "a power of two up to 256"); }
    return n;
  };
  return codec;
}

// The name is a folder's: runs/<name>.
schema::Codec<std::string> name_codec() {
  schema::Codec<std::string> codec = schema::non_empty_text();
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    std::string name = read(json, place);
    if (name == "." || name == ".." || name.find('/') != std::string::npos) {
      schema::refuse(json, place, "a folder's name, without '/'");
    }
    return name;
  };
  return codec;
}

schema::Codec<std::vector<StepConfig>> schedule_codec() {
  auto codec = schema::list_of(schema::object(step_table()), 1);
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    auto steps = read(json, place);
    std::set<std::string> names;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].name.empty()) { steps[i].name = std::to_string(i + 1); }
      JETCAL_REQUIRE(names.insert(steps[i].name).second, ConfigError,
                     (place / i).text() << ": name '" << steps[i].name
                                        << "' is taken by an earlier step (names must differ)");
    }
    return steps;
  };
  return codec;
}

schema::Table<Recipe> sigma_floor_table() {
  schema::Table<Recipe> table(
      "Least sigma of MDN and MDNA losses: sigma' = max(sigma, floor), and no gradient that would "
      "shrink a sigma below it further. In the loss only: predictions stay tanh(a) + 1");
  table.key("energy", &Recipe::sigma_floor_energy, schema::number({0, 1, false, false}),
            "Of the energy head.");
  table.key("mass", &Recipe::sigma_floor_mass, schema::number({0, 1, false, false}),
            "Of the mass head.");
  return table;
}

schema::Table<CollapseConfig> collapse_table() {
  schema::Table<CollapseConfig> table(
      "Guard of truncated losses: stop when a head keeps too few jets, because jets outside the "
      "window have no gradient and cannot come back");
  table.key("fraction", &CollapseConfig::fraction, schema::number({0, 1, true, true}),
            "Of the expected kept fraction erf(N / sqrt 2). 0: no guard.");
  table.key("batches", &CollapseConfig::batches, schema::integer(1, 1'000'000),
            "Consecutive batches below it.");
  table.key("restore", &CollapseConfig::restore, schema::boolean(),
            "Instead of stopping, go back to the step's first state and warm up longer.");
  table
      .key("retries", &CollapseConfig::retries, schema::integer(1, 100),
           "How often, before stopping.")
      .only("`restore`", [](CollapseConfig const& c) { return c.restore; });
  return table;
}

schema::Table<CheckpointConfig> checkpoint_table() {
  schema::Table<CheckpointConfig> table(
      "When a run saves its whole state. It always does at the end of an epoch");
  table.key("every_updates", &CheckpointConfig::every_updates,
            schema::integer(0, std::int64_t{1} << 40), "And after so many updates. 0: no.");
  table.key("every_seconds", &CheckpointConfig::every_seconds, schema::number(schema::at_least(0)),
            "And after so many seconds. 0: no.");
  table.key("keep", &CheckpointConfig::keep, schema::integer(1, 1'000'000),
            "How many are kept, the newest.");
  return table;
}

void check_annotation(Recipe const& recipe, Place const& root) {
  model::AnnotationConfig const& annotation = recipe.model.annotation;
  if (!annotation.enabled) { return; }
  std::string const where = (root / "model" / "annotation" / "feature").text();
  std::vector<std::string> names;
  for (auto const& feature : recipe.features) {
    names.push_back(feature.name);
    JETCAL_REQUIRE(feature.name != annotation.feature ||
                       feature.transform == data::Transform::none ||
                       feature.transform == data::Transform::abs,
                   ConfigError,
                   where << ": is '" << feature.name << "', whose transform is "
                         << data::transform_text(feature)
                         << " (must be none or abs: the Gaussians are of the physical value)");
  }
  JETCAL_REQUIRE(std::count(names.begin(), names.end(), annotation.feature) == 1, ConfigError,
                 where << ": is '" << annotation.feature << "', which is no feature (features: "
                       << joined(names) << "). Name one, or set model.annotation.enabled to false");
}

void check_losses(Recipe const& recipe, StepConfig const& step, Place const& losses) {
  struct HeadLoss {
    char const* name;
    bool exists;
    std::optional<LossConfig> const& loss;
  };
  for (HeadLoss const& head : {HeadLoss{"energy", recipe.model.energy, step.energy},
                               HeadLoss{"mass", recipe.model.mass, step.mass}}) {
    if (!head.loss) { continue; }
    Place const place = losses / head.name;
    JETCAL_REQUIRE(head.exists, ConfigError,
                   place.text() << ": the model has no " << head.name
                                << " head (model.heads). Remove this loss, or add the head");
    JETCAL_REQUIRE(head.loss->kind != LossKind::mdna || recipe.model.outputs == 3, ConfigError,
                   (place / "kind").text() << ": mdna needs heads with 3 outputs, model.outputs is "
                                           << recipe.model.outputs << ". Use mdn, or 3 outputs");
  }
  JETCAL_REQUIRE(step.energy || step.mass, ConfigError,
                 losses.text() << ": no head has a loss (at least one must). Give `energy`, `mass` "
                                  "or both");
}

bool begins_with(std::string const& name, std::string const& group) {
  return name == group || name.compare(0, group.size() + 1, group + ".") == 0;
}

void check_freeze(StepConfig const& step, Layout const& layout, Place const& place) {
  std::vector<std::string> known{"annotation"};
  for (Slice const& s : layout.slices()) {
    // "core.0.weight" -> "core", "core.0", "core.0.weight"
    for (std::size_t dot = s.name.find('.');; dot = s.name.find('.', dot + 1)) {
      std::string const group = s.name.substr(0, dot);
      if (std::find(known.begin(), known.end(), group) == known.end()) { known.push_back(group); }
      if (dot == std::string::npos) { break; }
    }
  }
  for (std::size_t i = 0; i < step.freeze.size(); ++i) {
    JETCAL_REQUIRE(std::find(known.begin(), known.end(), step.freeze[i]) != known.end(),
                   ConfigError,
                   (place / "freeze" / i).text()
                       << ": is '" << step.freeze[i]
                       << "' (must be annotation, a part of this model or the beginning of "
                          "parameter names). Did you mean '"
                       << nearest(step.freeze[i], known) << "'?");
  }
  auto const trained = [&](Slice const& s) {
    bool const reached =
        begins_with(s.name, "core") || (step.energy && begins_with(s.name, "energy")) ||
        (step.mass && (begins_with(s.name, "mass") || begins_with(s.name, "gate")));
    return reached && std::none_of(step.freeze.begin(), step.freeze.end(),
                                   [&](auto const& group) { return begins_with(s.name, group); });
  };
  JETCAL_REQUIRE(std::any_of(layout.slices().begin(), layout.slices().end(), trained), ConfigError,
                 (place / "freeze").text() << ": leaves nothing to train for this step's losses. "
                                              "Freeze less, or remove the step");
}

void check_reset(std::vector<StepConfig> const& steps, std::size_t i, Place const& place) {
  if (steps[i].reset_optimizer) { return; }
  std::string const where = (place / "reset_optimizer").text();
  JETCAL_REQUIRE(i > 0, ConfigError,
                 where << ": is false in the first step (there is no state to go on with)");
  JETCAL_REQUIRE(steps[i].optimizer == steps[i - 1].optimizer, ConfigError,
                 where << ": is false but the step before has another optimizer (it must be the "
                          "same in all its values). Set it to true");
}

}  // namespace

void check_recipe(Recipe const& recipe, Place const& root) {
  check_annotation(recipe, root);
  std::vector<std::string> names;
  for (auto const& feature : recipe.features) { names.push_back(feature.name); }
  model::Network const network(recipe.model, names);
  for (std::size_t i = 0; i < recipe.schedule.size(); ++i) {
    Place const place = root / "schedule" / i;
    check_losses(recipe, recipe.schedule[i], place / "loss");
    check_freeze(recipe.schedule[i], network.layout(), place);
    check_reset(recipe.schedule, i, place);
  }
}

schema::Table<Recipe> recipe_table() {
  schema::Table<Recipe> table("A recipe: everything a training needs");
  table.key("name", &Recipe::name, name_codec(), "Of the run: its folder is `runs/<name>`.")
      .defaults("the file's name without `.json`");
  table.key("description", &Recipe::description, schema::text(), "Free text, without effect.");
  table.key("seed", &Recipe::seed, schema::unsigned_integer(),
            "Of first weights and of the order of jets.");
  table.key("lanes", &Recipe::lanes, lanes_codec(),
            "A batch is summed in so many parts, in a fixed order, whatever the number of threads "
            "or ranks; more of them than this stay idle. Enters the last bits of the result.");
  table.key("data", &Recipe::data, schema::object(data::data_table()), "The jets.").required();
  table.key("loader", &Recipe::loader, schema::object(data::loader_table()), "How they are read.");
  table.key("features", &Recipe::features, data::features_codec(), "Inputs of the network.")
      .required();
  table.key("targets", &Recipe::targets, data::targets_codec(), "What is learned.");
  table.key("kinematics", &Recipe::kinematics, schema::object(data::kinematics_table()),
            "Further fields of a calibrated jet.");
  table.key("bins", &Recipe::bins, schema::object(data::bins_table()), "Bins of the metrics.");
  table.key("model", &Recipe::model, schema::object(model::network_table()), "The network.");
  table.group("sigma_floor", sigma_floor_table(), "Least sigmas in the loss.");
  table.key("schedule", &Recipe::schedule, schedule_codec(), "The steps of the training.")
      .required()
      .then([](Recipe& recipe) {
        for (StepConfig& step : recipe.schedule) {
          if (step.energy) { step.energy->sigma_floor = recipe.sigma_floor_energy; }
          if (step.mass) { step.mass->sigma_floor = recipe.sigma_floor_mass; }
        }
      });
  table.key("collapse", &Recipe::collapse, schema::object(collapse_table()),
            "Guard against windows that lose their jets.");
  table.key("checkpoint", &Recipe::checkpoint, schema::object(checkpoint_table()),
            "Saving the state.");
  table.key(
      "validation_every", &Recipe::validation_every, schema::integer(0, 1'000'000),
      "Closure of held-out jets in the recipe's bins (mode of r / R, IQR68 / mode) at the end "
      "of every so many epochs, into metrics.jsonl; 0: never. Of a bin in mass, those of a true "
      "mass above 40 GeV count for the mass.");
  table.check(check_recipe);
  return table;
}

}  // namespace jetcal::train
