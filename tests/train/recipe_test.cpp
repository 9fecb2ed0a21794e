#include "train/recipe.hpp"

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "data/config_schema.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "tests/train/small_recipe.hpp"
#include "train/recipe_schema.hpp"

using namespace jetcal;
using namespace jetcal::train;
using namespace jetcal::train::small;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

std::string jetcal::train::small::source_folder() { return JETCAL_SOURCE_DIR; }

TEST_CASE("a recipe's defaults are filled in", "[recipe]") {
  Recipe const r = from(minimal());
  CHECK(r.seed == 1);
  CHECK(r.lanes == 8);
  CHECK(r.data.validation_fraction == 0);
  CHECK(r.data.group == "eventNumber");
  CHECK(r.data.split_key == 0);
  CHECK_FALSE(r.data.weight);
  CHECK(r.data.train[1] == "/abs/*.h5");
  CHECK(r.features[1].name == "eta");
  CHECK(r.features[1].unit.empty());
  CHECK(r.targets.at("mass").truth == "truth_mass");
  CHECK(r.kinematics.pt == "pt");
  CHECK(r.model.preset == "P1");
  CHECK(r.model.residual);
  CHECK(r.sigma_floor_energy == 0.01);
  CHECK(r.sigma_floor_mass == 0.02);
  REQUIRE(r.schedule.size() == 2);
  StepConfig const& first = r.schedule[0];
  CHECK(first.name == "1");
  CHECK(first.optimizer.kind == OptimizerKind::radam);
  CHECK(first.optimizer.preset == "tfa");
  CHECK(first.optimizer.epsilon == 1e-7);
  CHECK(first.warmup_updates == 0);
  CHECK(first.learning_rate_end == first.learning_rate);
  CHECK(first.reset_optimizer);
  CHECK(first.average_decay == 0);
  REQUIRE(first.energy);
  CHECK(first.energy->truncation == 0);
  CHECK(first.energy->sigma_floor == 0.01);
  CHECK(first.mass->sigma_floor == 0.02);
  StepConfig const& second = r.schedule[1];
  CHECK(second.name == "2");
  CHECK_FALSE(second.energy);
  CHECK(second.mass->kind == LossKind::mdn);
  CHECK(second.mass->truncation == 1);
  CHECK(second.warmup_updates == 100);
  CHECK(second.learning_rate_end == 1e-4);
  CHECK(second.optimizer.preset == "reference");
  CHECK(second.optimizer.epsilon == 1e-8);
}

TEST_CASE("a resolved recipe reads back to itself", "[recipe]") {
  std::vector<Json> recipes{minimal()};
  for (std::string const name : {"paper", "quick", "dijets", "tiny"}) {
    recipes.push_back(recipe_to_json(load(name)));
  }
  Json unusual = minimal();
  unusual["data"]["weight"] = "weight";
  unusual["data"]["units"] = {{"energy", "MeV"}};
  unusual["model"] = {{"preset", "small"}, {"core", {5}}, {"outputs", 2}, {"residual", false}};
  unusual["schedule"][0]["loss"] = {{"energy", {{"kind", "huber"}, {"delta", 0.3}}},
                                    {"mass", {{"kind", "leaky_gaussian_kernel"}}}};
  unusual["schedule"][0]["optimizer"] = {{"name", "sgd"}, {"momentum", 0.9}};
  unusual["schedule"][0]["average"] = {{"decay", 0.99}};
  unusual["schedule"][1]["epochs"] = 0.25;
  unusual["seed"] = 18446744073709551615u;
  recipes.push_back(unusual);
  for (Json const& json : recipes) {
    Json const resolved = recipe_to_json(from(json));
    CHECK(differences(resolved, recipe_to_json(from(resolved))).empty());
    // Through text too, as files hold it.
    CHECK(differences(resolved, recipe_to_json(from(Json::parse(resolved.dump())))).empty());
  }
  CHECK(recipe_to_json(from(unusual))["model"]["preset"] == "custom");
  CHECK(recipe_to_json(from(unusual))["seed"] == 18446744073709551615u);
}

TEST_CASE("presets have the parameter counts they are named after", "[recipe]") {
  // Counted by hand from the widths, with 21 features and 11 Gaussians: see model.preset.
  CHECK(parameters("P1") == 764236);
  CHECK(parameters("P2") == 764406);
  CHECK(parameters("P3") == 764082);
  CHECK(parameters("all210") == 768396);
  CHECK(parameters("small") == 54550);
  CHECK_THROWS_AS(model::preset_network("P4"), ConfigError);
}

TEST_CASE("the paper's recipe is its Table 3", "[recipe]") {
  struct Row {
    double epochs;
    std::int64_t batch;
    double rate, energy_n, mass_n;  // 0: no truncation, -1: no loss
  };
  // arXiv:2311.08885, Table 3.
  std::vector<Row> const table{
      {2, 15000, 1e-3, 0, 0},      {2, 25000, 1e-3, 0, 0},      {2, 35000, 1e-3, 4, 4},
      {2, 15000, 1e-3, 3.5, 3.5},  {6, 95000, 1e-3, 3.5, 3.5},  {6, 95000, 1e-3, 3.5, 3.5},
      {6, 125000, 1e-3, 3.2, 3.2}, {6, 125000, 1e-3, 3.2, 3.2}, {10, 155000, 5e-4, 3, 3},
      {15, 95000, 1e-5, 3, 2},     {50, 95000, 1e-5, -1, 1}};
  Recipe const r = load("paper");
  REQUIRE(r.schedule.size() == table.size());
  double updates = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    CAPTURE(i);
    StepConfig const& step = r.schedule[i];
    CHECK(step.epochs == table[i].epochs);
    CHECK(step.batch_size == table[i].batch);
    CHECK(step.learning_rate == table[i].rate);
    CHECK(step.learning_rate_end == table[i].rate);
    CHECK(step.energy.has_value() == (table[i].energy_n >= 0));
    if (step.energy) { CHECK(step.energy->truncation == table[i].energy_n); }
    REQUIRE(step.mass);
    CHECK(step.mass->truncation == table[i].mass_n);
    bool const last = i + 1 == table.size();
    CHECK(step.mass->kind == (last ? LossKind::mdn : LossKind::mdna));
    CHECK(step.mass->form == TruncationForm::detached);
    CHECK(step.optimizer.kind == (i < 4 ? OptimizerKind::radam : OptimizerKind::diffgrad));
    CHECK(step.optimizer.preset == (i < 4 ? "tfa" : "keras"));
    CHECK(step.optimizer.epsilon == 1e-7);
    CHECK(step.warmup_updates == (i < 4 ? 0 : 100));
    CHECK(step.reset_optimizer);
    CHECK(step.freeze == (last ? std::vector<std::string>{"annotation", "core", "energy"}
                               : std::vector<std::string>{}));
    updates += step.epochs * 259.2e6 / static_cast<double>(step.batch_size);
  }
  CHECK(std::abs(updates - 356362) < 1);  // 270 M jets, 4 % of them held out
  CHECK(r.data.validation_fraction == 0.04);
  CHECK(r.model.preset == "P1");

  std::vector<std::string> fields;
  for (auto const& feature : r.features) { fields.push_back(feature.field); }
  CHECK(fields == std::vector<std::string>{
                      "energy",     "mass",         "eta",          "groomMRatio", "Width",
                      "Split12",    "Split23",      "C2",           "D2",          "Tau21_wta",
                      "Tau32_wta",  "Qw",           "EMFrac",       "EM3Frac",     "Tile0Frac",
                      "EffNConsts", "NeutralEFrac", "ChargePTFrac", "ChargeMFrac", "averageMu",
                      "NPV"});
  CHECK(r.features[0].transform == data::Transform::log);
  CHECK(r.features[0].unit == "GeV");
  CHECK(r.features[1].transform == data::Transform::log_floor);
  CHECK(r.features[1].floor == 40);
  CHECK(r.features[1].unit == "GeV");
}

TEST_CASE("all recipes that come with jetcal are good", "[recipe]") {
  for (std::string const name : {"paper", "quick", "dijets", "tiny"}) {
    Recipe const r = load(name);
    CHECK(r.name == name);
    CHECK(r.features.size() == 21);
    CHECK_FALSE(r.description.empty());
  }
  CHECK(load("tiny").schedule.size() == 11);
  CHECK(load("quick").schedule.size() == 11);
}

TEST_CASE("mistakes in a recipe are refused where they are", "[recipe]") {
  CHECK(has(refused("/schedule/1/learning_rat", 1),
            "r.json: /schedule/1: unknown key 'learning_rat' (known: name, epochs, batch_size, "));
  CHECK(has(refused("/schedule/1/learning_rat", 1), "Did you mean 'learning_rate'?"));
  CHECK(has(refused("/modle", Json::object()), "r.json: unknown key 'modle'"));
  CHECK(has(refused("/seed", -1), "r.json: /seed: is -1"));
  CHECK(has(refused("/seed", 1.5), "/seed: is 1.5"));
  CHECK(has(refused("/lanes", 12), "/lanes: is 12 (must be a power of two up to 256)"));
  CHECK(has(refused("/lanes", 512), "/lanes: is 512"));
  CHECK(has(refused("/lanes", 0), "/lanes: is 0"));
  CHECK(has(refused("/name", "a/b"), "/name: is \"a/b\""));
  CHECK(has(refused("/name", ".."), "/name: is \"..\""));
  CHECK(has(refused("/data/train", Json::array()), "/data/train: is []"));
  CHECK(has(refused("/data/validation_fraction", 1), "(must be 0 <= x < 1)"));
  CHECK(has(refused("/data/validation_fraction", -0.1), "/data/validation_fraction: is -0.1"));
  CHECK(has(refused("/data/non_finite", "skip"), "must be one of error, drop"));
  CHECK(has(refused("/loader/mode", "ram"), "must be one of auto, resident, streaming"));
  CHECK(has(refused("/loader/memory_mib", 0), "/loader/memory_mib: is 0"));
  CHECK(has(refused("/features", Json::array()), "/features: is []"));
  CHECK(has(refused("/features/1/name", "log_energy"), "/features/1: name 'log_energy' is taken"));
  CHECK(has(refused("/features/0/field", ""), "/features/0/field: is \"\""));
  CHECK(has(refused("/targets/energy/recu", "e"), "/targets/energy: unknown key 'recu'"));
  CHECK(has(refused("/targets/pt", Json::object()), "/targets: unknown key 'pt'"));
  CHECK(has(refused("/bins/pt_true", {1, 1}), "/bins/pt_true: is [1,1]"));
  CHECK(has(refused("/bins/pt_true", {3}), "/bins/pt_true: is [3]"));
  CHECK(has(refused("/bins/mass_true", {1, 3, 2}), "in rising order"));
  CHECK(has(refused("/sigma_floor/energy", 0), "/sigma_floor/energy: is 0"));
  CHECK(has(refused("/sigma_floor/mass", 1), "/sigma_floor/mass: is 1"));
  CHECK(has(refused("/schedule", Json::array()), "/schedule: is []"));
  CHECK(has(refused("/schedule/1/name", "1"), "/schedule/1: name '1' is taken"));
  CHECK(has(refused("/schedule/0/epochs", 0), "/schedule/0/epochs: is 0"));
  CHECK(has(refused("/schedule/0/batch_size", 2.5), "/schedule/0/batch_size: is 2.5"));
  CHECK(has(refused("/schedule/0/batch_size", 0), "/schedule/0/batch_size: is 0"));
  CHECK(has(refused("/schedule/0/learning_rate", 0), "/schedule/0/learning_rate: is 0"));
  CHECK(has(refused("/schedule/0/warmup_updates", -1), "/schedule/0/warmup_updates: is -1"));
  CHECK(has(refused("/schedule/0/average", {{"decay", 1}}), "/schedule/0/average/decay: is 1"));
  CHECK(has(refused("/collapse/fraction", 2), "/collapse/fraction: is 2"));
  CHECK(has(refused("/checkpoint/keep", 0), "/checkpoint/keep: is 0"));
  CHECK(has(refused(Json::array()), "r.json: is [] (must be an object"));
  for (std::string const key : {"data", "features", "schedule"}) {
    Json json = minimal();
    json.erase(key);
    CHECK(has(refused(json), "r.json: key '" + key + "' is missing"));
  }
  Json json = minimal();
  json["schedule"][0].erase("loss");
  CHECK(has(refused(json), "r.json: /schedule/0: key 'loss' is missing"));
}

TEST_CASE("transforms are parsed strictly", "[recipe]") {
  auto const transform = [](std::string const& text) {
    return with("/features/0/transform", text).features[0];
  };
  CHECK(transform("log_floor(40)").floor == 40);
  CHECK(transform("log_floor(2.5e-3)").floor == 2.5e-3);
  CHECK(data::transform_text(transform("log_floor(0.1)")) == "log_floor(0.1)");
  CHECK(transform("abs").transform == data::Transform::abs);
  CHECK(transform("none").transform == data::Transform::none);
  for (std::string const bad : {"log_floor", "log_floor()", "log_floor(0)", "log_floor(-1)",
                                "log_floor(nan)", "log_floor(inf)", "log_floor(4", "log_floor(4)x",
                                "log_floor(4 )", "log_floor(1e999)", "Log", "", "exp"}) {
    CAPTURE(bad);
    CHECK(has(refused("/features/0/transform", bad), "r.json: /features/0/transform: is '"));
  }
  CHECK(has(refused("/features/0/transform", "lgo"), "Did you mean 'log'?"));
}

TEST_CASE("losses are refused where they cannot be meant", "[recipe]") {
  std::string const mass = "/schedule/1/loss/mass";
  // Sigma shrinks without end below sqrt 3: refused up to 1.8.
  Json literal{{"kind", "mdn"}, {"truncation", 1.8}, {"form", "literal"}};
  CHECK(
      has(refused(mass, literal), "/schedule/1/loss/mass/truncation: is 1.8 in the literal form"));
  literal["force"] = true;
  CHECK(with(mass, literal).schedule[1].mass->force_literal);
  literal.erase("force");
  literal["truncation"] = 1.81;
  CHECK(with(mass, literal).schedule[1].mass->form == TruncationForm::literal);
  literal["truncation"] = nullptr;
  CHECK_NOTHROW(with(mass, literal));

  CHECK(has(refused(mass, {{"kind", "mdn"}, {"truncation", 0}}), "(must be > 0)"));
  CHECK(
      has(refused(mass, {{"kind", "mse"}, {"truncation", 2}}),
          "/schedule/1/loss/mass: key 'truncation' has no effect here (it is for `mdn`, `mdna`)"));
  CHECK(has(refused(mass, {{"kind", "mae"}, {"delta", 2}}), "key 'delta' has no effect here"));
  CHECK(has(refused(mass, {{"kind", "gaussian_kernel"}, {"beta", 2}}), "key 'beta' has no effect"));
  CHECK(has(refused(mass, {{"truncation", 2}}), "key 'kind' is missing"));
  CHECK(has(refused(mass, {{"kind", "mdnn"}}), "Did you mean 'mdn'?"));
  CHECK(has(refused(mass, nullptr), "/schedule/1/loss: no head has a loss"));
  CHECK(has(refused("/schedule/0/loss/pt", nullptr), "/schedule/0/loss: unknown key 'pt'"));

  Json json = minimal();
  json["model"]["outputs"] = 2;
  CHECK(has(refused(json), "/schedule/0/loss/energy/kind: mdna needs heads with 3 outputs"));
  json = minimal();
  json["model"]["heads"] = {"energy"};
  CHECK(has(refused(json), "/schedule/0/loss/mass: the model has no mass head"));
  json["schedule"].erase(1);
  json["schedule"][0]["loss"].erase("mass");
  Recipe const energy_only = from(json);
  CHECK_FALSE(energy_only.model.residual);  // nothing to multiply
  json["model"]["residual"] = true;
  CHECK(has(refused(json), "/model/residual: is true but there is no mass head"));
  json["model"] = {{"heads", Json::array()}};
  CHECK(has(refused(json), "/model/heads: is []"));
  json["model"] = {{"heads", {"energy", "energy"}}};
  CHECK(has(refused(json), "each head at most once"));
}

TEST_CASE("optimizers are names or objects, with the presets' values", "[recipe]") {
  auto const optimizer = [](Json const& value) {
    return with("/schedule/0/optimizer", value).schedule[0].optimizer;
  };
  CHECK(optimizer({{"name", "radam"}, {"preset", "torch"}}).epsilon == 1e-8);
  CHECK(optimizer({{"name", "radam"}, {"preset", "author"}}).epsilon == 1e-8);
  CHECK(optimizer({{"name", "radam"}, {"preset", "paper"}}).epsilon == 0);
  CHECK(optimizer({{"preset", "keras"}, {"name", "diffgrad"}}).epsilon == 1e-7);
  CHECK(optimizer({{"name", "diffgrad"}, {"preset", "keras"}, {"epsilon", 1e-6}}).epsilon == 1e-6);
  CHECK(optimizer("adam").epsilon == 1e-8);
  CHECK(optimizer({{"name", "sgd"}, {"momentum", 0.9}}).momentum == 0.9);
  CHECK(optimizer("sgd").kind == OptimizerKind::sgd);

  auto const bad = [](Json const& value) { return refused("/schedule/0/optimizer", value); };
  CHECK(has(bad("adamw"), "/schedule/0/optimizer: is 'adamw' (must be one of radam, diffgrad, "));
  CHECK(has(bad("adamw"), "Did you mean 'adam'?"));
  CHECK(has(bad({{"preset", "tfa"}}), "/schedule/0/optimizer: key 'name' is missing"));
  CHECK(has(bad({{"name", "diffgrad"}, {"preset", "tfa"}}),
            "/schedule/0/optimizer/preset: is 'tfa' (of diffgrad it must be one of reference, "));
  CHECK(has(bad({{"name", "adam"}, {"preset", "torch"}}), "key 'preset' has no effect here"));
  CHECK(has(bad({{"name", "adam"}, {"momentum", 0.9}}), "key 'momentum' has no effect here"));
  CHECK(has(bad({{"name", "radam"}, {"preset", "tfaa"}}), "Did you mean 'tfa'?"));
  CHECK(has(bad({{"name", "radam"}, {"preset", "paper"}, {"weight_decay", 0.1}}),
            "key 'weight_decay' has no effect here (it is for all but radam `paper`)"));
  CHECK(has(bad({{"name", "sgd"}, {"beta1", 0.9}}), "key 'beta1' has no effect here"));
  CHECK(has(bad({{"name", "radam"}, {"beta2", 1}}), "/beta2: is 1 (must be 0 <= x < 1)"));
  CHECK(has(bad(7), "/schedule/0/optimizer: is 7"));
}

TEST_CASE("an optimizer's state goes on only into the same optimizer", "[recipe]") {
  CHECK(has(refused("/schedule/0/reset_optimizer", false), "is false in the first step"));
  CHECK(has(refused("/schedule/1/reset_optimizer", false),
            "/schedule/1/reset_optimizer: is false but the step before has another optimizer"));
  Json json = minimal();
  json["schedule"][1]["reset_optimizer"] = false;
  json["schedule"][1]["optimizer"] = "radam";
  CHECK_FALSE(from(json).schedule[1].reset_optimizer);
  json["schedule"][1]["optimizer"] = {{"name", "radam"}, {"preset", "torch"}};
  CHECK(has(refused(json), "has another optimizer"));
  json["schedule"][1]["optimizer"] = {{"name", "radam"}, {"weight_decay", 0.1}};
  CHECK(has(refused(json), "has another optimizer"));
}

TEST_CASE("frozen names are those of the network, and leave something to train", "[recipe]") {
  std::string const freeze = "/schedule/1/freeze";
  for (std::string const good : {"annotation", "core", "core.0", "core.2.bias", "energy",
                                 "energy.head", "energy.head.weight", "gate", "gate.1", "mass.4"}) {
    CAPTURE(good);
    CHECK(with(freeze, {good}).schedule[1].freeze[0] == good);
  }
  for (std::string const bad :
       {"cor", "core.", "core.3", "core.0.weigh", "head", "gate.2", "mass.5"}) {
    CAPTURE(bad);
    CHECK(has(refused(freeze, {"core", bad}), "r.json: /schedule/1/freeze/1: is '" + bad + "'"));
  }
  CHECK(has(refused(freeze, {"enrgy"}), "Did you mean 'energy'?"));
  CHECK(has(refused(freeze, {"core", "mass", "gate"}),
            "/schedule/1/freeze: leaves nothing to train"));
  CHECK_NOTHROW(with(freeze, {"core", "mass"}));  // the gate is left
  Json json = minimal();
  json["model"]["residual"] = false;
  CHECK_NOTHROW(from(json));
  json["schedule"][1]["freeze"] = {"core", "mass"};
  CHECK(has(refused(json), "leaves nothing to train"));
  json["schedule"][1]["freeze"] = {"gate"};
  CHECK(has(refused(json), "/schedule/1/freeze/0: is 'gate'"));
}

TEST_CASE("presets fill widths, explicit widths win and change the name", "[recipe]") {
  using Widths = std::vector<std::int64_t>;
  CHECK(with("/model", {{"preset", "P2"}}).model.fork == Widths(4, 260));
  CHECK(with("/model", {{"preset", "P2"}}).model.core == Widths(5, 210));
  Recipe const wider = with("/model", {{"fork", {8, 9}}, {"preset", "small"}});
  CHECK(wider.model.fork == Widths{8, 9});
  CHECK(wider.model.core == Widths(3, 64));
  CHECK(wider.model.preset == "custom");
  CHECK(with("/model", {{"preset", "small"}, {"fork", Widths(3, 80)}}).model.preset == "small");
  CHECK(has(refused("/model", {{"preset", "custom"}}), "/model: key 'core' is missing"));
  CHECK(has(refused("/model", {{"preset", "custom"}, {"core", {4}}, {"gate", {4}}}),
            "/model: key 'fork' is missing"));
  Json bare = minimal();
  bare["model"] = {{"preset", "custom"}, {"core", Widths{}}, {"fork", {4}}, {"gate", Widths{}}};
  CHECK(has(refused(bare), "/schedule/1/freeze/1: is 'core'"));  // there is none
  bare["schedule"][1]["freeze"] = {"energy"};
  Recipe const custom = from(bare);
  CHECK(custom.model.core.empty());
  CHECK(has(refused("/model", {{"fork", Widths{}}}), "/model/fork: is []"));
  CHECK(has(refused("/model", {{"core", {0}}}), "/model/core/0: is 0"));
  CHECK(has(refused("/model", {{"preset", "P5"}}), "must be one of P1, P2, P3, all210, small, "));
  CHECK(has(refused("/model", {{"outputs", 4}}), "/model/outputs: is 4"));
}

TEST_CASE("the annotation is of a feature whose physical value the network knows", "[recipe]") {
  std::string const at = "/model/annotation";
  CHECK(has(refused(at, {{"feature", "et"}}),
            "/model/annotation/feature: is 'et', which is no feature (features: log_energy, eta)"));
  CHECK(
      has(refused(at, {{"feature", "log_energy"}}), "whose transform is log (must be none or abs"));
  CHECK(has(refused(at, {{"centres", {1, 2}}, {"widths", {1}}}), "2 centres but 1 widths"));
  CHECK(has(refused(at, {{"centres", {1}}, {"widths", {0}}}), "/widths/0: is 0"));
  CHECK_NOTHROW(with(at, {{"feature", "none"}, {"enabled", false}}));
}

TEST_CASE("what a stored recipe says about inputs and network can be read alone", "[recipe]") {
  Json const stored = recipe_to_json(load("paper"));
  auto const inputs = data::input_config(stored, "model.h5");
  CHECK(inputs.features.size() == 21);
  CHECK(inputs.features[1].floor == 40);
  CHECK(inputs.data.validation_fraction == 0.04);
  CHECK(inputs.targets.at("energy").truth == "truth_energy");
  CHECK(inputs.bins.pt_true.size() == 10);
  CHECK(model::network_config(stored, "model.h5").preset == "P1");
  Json without = stored;
  without.erase("targets");
  CHECK(has(error_text<ConfigError>([&] { data::input_config(without, "model.h5"); }),
            "model.h5: its recipe has no key 'targets'"));
  CHECK(has(error_text<ConfigError>([&] { model::network_config(Json(1), "model.h5"); }),
            "model.h5: its recipe has no key 'model'"));
}

TEST_CASE("docs/recipe.md is what the tables say", "[recipe][docs]") {
  std::string const path = source_folder() + "/docs/recipe.md";
  if (std::getenv("JETCAL_WRITE_DOCS")) { test::write_text(path, recipe_markdown()); }
  INFO("run JETCAL_WRITE_DOCS=1 train_tests '[docs]' and look at the change");
  CHECK(test::read_text(path) == recipe_markdown());
}
