// Whole trainings of a small network on a few thousand jets made here.

#include "train/trainer.hpp"

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "data/table_writer.hpp"
#include "engine/random.hpp"
#include "kernels/dense_onednn_bf16.hpp"
#include "model/predictor.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "train/recipe.hpp"

namespace jetcal::train {
namespace {

using test::error_text;
using test::has;
using test::ScratchFolder;

/// What a run said.
class Heard final : public Listener {
 public:
  void note(std::string const& text) override { notes.push_back(text); }
  void warning(std::string const& text) override { warnings.push_back(text); }
  void progress(Progress const& p) override {
    kept_energy.push_back(p.kept_energy);
    if (stop_after > 0 && static_cast<int>(kept_energy.size()) == stop_after) { stop = 15; }
  }
  void epoch(Json const& line) override { lines.push_back(line); }
  std::vector<std::string> notes, warnings;
  std::vector<double> kept_energy;
  std::vector<Json> lines;
  std::atomic<int> stop = 0;
  int stop_after = 0;
};

/// Jets whose energy response is a narrow Gaussian around a mode that depends on eta.
void write_toys(std::filesystem::path const& path, std::int64_t jets, float odd_response = 0) {
  RandomStream const random(11, Purpose::test);
  std::vector<float> energy, eta, truth, mass, truth_mass;
  std::vector<std::int64_t> event;
  for (std::int64_t i = 0; i < jets; ++i) {
    auto const u = [&](std::uint64_t k) {
      return random.uniform(8 * static_cast<std::uint64_t>(i) + k);
    };
    double const gauss = std::sqrt(-2 * std::log(u(0))) * std::cos(2 * M_PI * u(1));
    double const v = 4 * u(2) - 2;
    double const r = 0.9 + 0.05 * std::cos(2 * v) + 0.02 * gauss;
    energy.push_back(static_cast<float>(1000 * std::exp(2 * u(3))));
    eta.push_back(static_cast<float>(v));
    truth.push_back(static_cast<float>(static_cast<double>(energy.back()) / r));
    mass.push_back(static_cast<float>(50 + 50 * u(4)));
    truth_mass.push_back(static_cast<float>(static_cast<double>(mass.back()) / (r + 0.03 * u(5))));
    event.push_back(i / 2);
  }
  if (odd_response != 0) { truth[jets / 2] = energy[jets / 2] / odd_response; }
  data::write_jets(path.string(), {{"energy", "GeV", energy},
                                   {"eta", "1", eta},
                                   {"truth_energy", "GeV", truth},
                                   {"mass", "GeV", mass},
                                   {"truth_mass", "GeV", truth_mass},
                                   {"eventNumber", "1", event}});
}

Json step(std::string const& optimizer, double rate, Json const& truncation, double epochs,
          std::int64_t warm_up) {
  Json loss{{"kind", "mdna"}, {"truncation", truncation}};
  return {{"epochs", epochs},          {"batch_size", 200},
          {"learning_rate", rate},     {"optimizer", optimizer},
          {"warmup_updates", warm_up}, {"loss", {{"energy", loss}, {"mass", loss}}}};
}

Json recipe_json(ScratchFolder const& folder) {
  Json json = Json::parse(R"({
    "data": { "validation_fraction": 0.2 },
    "features": [ { "name": "log_energy", "field": "energy", "unit": "GeV", "transform": "log" },
                  { "name": "eta", "field": "eta" },
                  { "name": "mass", "field": "mass", "unit": "GeV" } ],
    "bins": { "pt_true": [], "abs_eta_true": [], "mass_true": [] },
    "model": { "preset": "custom", "core": [32, 32], "fork": [32, 32], "gate": [16] },
    "collapse": { "batches": 5 } })");
  json["data"]["train"] = {(folder / "*.h5").string()};
  json["schedule"] = Json::array({step("radam", 3e-3, nullptr, 6, 0)});
  return json;
}

Outcome train(Json const& json, std::filesystem::path const& out, Heard& heard, bool resume = false,
              RunOptions options = {}) {
  options.out = out;
  options.resume = resume;
  options.stop = &heard.stop;
  return run_training(recipe_from_json(json, "recipe"), options, heard);
}

StoredMatrices parameters(std::filesystem::path const& run) {
  return model::read_model(run / "model.h5").parameters;
}

bool same(StoredMatrices const& a, StoredMatrices const& b, std::string const& group = "") {
  if (a.size() != b.size()) { return false; }
  for (auto const& [name, matrix] : a) {
    if (name.compare(0, group.size(), group) != 0) { continue; }
    if (b.at(name).values != matrix.values) { return false; }
  }
  return true;
}

TEST_CASE("a bf16 run is recorded, repeatable, close to fp32 and not resumed in fp32",
          "[trainer][bf16]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 4000);
  Json const json = recipe_json(folder);
  RunOptions options;
  options.precision = Precision::bf16;
  Heard fp32, one, two;
  train(json, folder / "fp32", fp32);
  train(json, folder / "one", one, false, options);
  options.threads = 2;
  train(json, folder / "two", two, false, options);
  CHECK(same(parameters(folder / "one"), parameters(folder / "two")));
  CHECK(!same(parameters(folder / "one"), parameters(folder / "fp32")));
  CHECK(model::read_model(folder / "one" / "model.h5").provenance.at("precision") == "bf16");
  auto const loss = [](Heard const& heard) {
    return heard.lines.back().at("validation").at("loss_energy").get<double>();
  };
  // A loss is an average of ln(sigma) + z^2 / 2: 0.05 is 5 % of sigma.
  CHECK(std::fabs(loss(one) - loss(fp32)) < 0.05);
  Heard stopped;
  stopped.stop_after = 30;
  CHECK(train(json, folder / "stopped", stopped, false, options) == Outcome::interrupted);
  Heard other;
  std::string const text =
      error_text<ConfigError>([&] { train(json, folder / "stopped", other, true); });
  CHECK(has(text, "--precision bf16 (now fp32)"));
}

#if JETCAL_HAS_ONEDNN
TEST_CASE("a bf16 run with oneDNN's products repeats itself on any threads and through a stop",
          "[trainer][bf16][onednn]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 4000);
  Json json = recipe_json(folder);
  json["schedule"][0]["epochs"] = 2;
  json["schedule"].push_back(step("radam", 1e-3, nullptr, 2, 0));
  json["schedule"][1]["freeze"] = {"core", "energy"};
  json["schedule"][1]["loss"].erase("energy");
  RunOptions options;
  options.precision = Precision::bf16;
  options.dense_kernels = DenseKernels::onednn;
  Heard one, two, own, stopped, other;
  if (!bf16::onednn::supported()) {
    CHECK(has(error_text<DeviceError>([&] { train(json, folder / "none", one, false, options); }),
              "oneDNN has no bf16 products for this processor"));
    return;
  }
  train(json, folder / "one", one, false, options);
  options.threads = 2;
  train(json, folder / "two", two, false, options);
  CHECK(same(parameters(folder / "one"), parameters(folder / "two")));
  CHECK(model::read_model(folder / "one" / "model.h5").provenance.at("dense_kernels") == "onednn");
  for (int const after : {5, 40}) {  // in the first step, and in the one that is mostly frozen
    std::string const out = "stopped" + std::to_string(after);
    Heard first, rest;
    first.stop_after = after;
    CHECK(train(json, folder / out, first, false, options) == Outcome::interrupted);
    CHECK(train(json, folder / out, rest, true, options) == Outcome::finished);
    CHECK(same(parameters(folder / out), parameters(folder / "one")));
    CHECK(rest.warnings.empty());
  }
  stopped.stop_after = 5;
  train(json, folder / "other", stopped, false, options);
  options.dense_kernels = DenseKernels::own;
  train(json, folder / "other", other, true, options);
  REQUIRE(other.warnings.size() == 1);
  CHECK(has(other.warnings[0], "--dense-kernels onednn (now own)"));
  // The same rounded factors, summed in another order.
  train(json, folder / "own", own, false, options);
  auto const loss = [](Heard const& heard) {
    return heard.lines.back().at("validation").at("loss_mass").get<double>();
  };
  CHECK(std::fabs(loss(one) - loss(own)) < 0.01);
}
#endif

TEST_CASE("a fresh optimizer without warm-up throws the jets out of a narrow window", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 4000);
  Json json = recipe_json(folder);
  // The first updates move every weight by about the learning rate, whatever the gradient's size.
  Json const narrow = step("diffgrad", 3e-2, 2.0, 3, 0);
  json["schedule"].push_back(narrow);
  Heard heard;
  std::string const text =
      error_text<CollapseError>([&] { train(json, folder / "collapsed", heard); });
  CHECK(has(text, "step 2"));
  CHECK(has(text, "warmup_updates"));
  double const before = heard.kept_energy[95];  // the last batch of step 1
  CHECK(before > 0.95);

  // The same step with a warm-up keeps its jets.
  json["schedule"][1] = step("diffgrad", 3e-2, 2.0, 0.5, 400);
  Heard calm;
  CHECK(train(json, folder / "warm", calm) == Outcome::finished);
  for (std::size_t i = 96; i < calm.kept_energy.size(); ++i) { CHECK(calm.kept_energy[i] > 0.6); }
}

TEST_CASE("a collapsed step can be begun again with a longer warm-up", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 4000);
  Json json = recipe_json(folder);
  json["schedule"].push_back(step("diffgrad", 3e-2, 2.0, 1, 0));
  json["collapse"]["restore"] = true;
  json["collapse"]["retries"] = 2;
  json["checkpoint"] = {{"every_updates", 7}};
  Heard heard;
  CHECK(train(json, folder / "run", heard) == Outcome::finished);
  CHECK(heard.warnings.size() >= 1);
  CHECK(has(heard.warnings[0], "warm-up of 100"));
  CHECK(heard.lines.size() == 7);
  // Killed anywhere and resumed, it does the same: here after the step was begun again.
  Heard stopped;
  stopped.stop_after = 110;
  CHECK(train(json, folder / "stopped", stopped) == Outcome::interrupted);
  Heard rest;
  CHECK(train(json, folder / "stopped", rest, true) == Outcome::finished);
  CHECK(same(parameters(folder / "run"), parameters(folder / "stopped")));
}

TEST_CASE("a loss that is not finite stops the run and names the jets", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 2000, 1e30f);
  Heard heard;
  std::string const text =
      error_text<NonFiniteError>([&] { train(recipe_json(folder), folder / "run", heard); });
  CHECK(has(text, "toys.h5 row 1000"));
  CHECK(has(text, "energy head"));
  CHECK(has(text, "step 1"));
  CHECK(has(text, "1 of 200 jets"));
}

TEST_CASE("a mass-only step leaves every energy parameter and output as it was", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 2000);
  Json json = recipe_json(folder);
  Heard heard;
  train(json, folder / "before", heard);
  Json mass = step("diffgrad", 1e-3, 1.0, 2, 20);
  mass["loss"] = {{"mass", {{"kind", "mdn"}, {"truncation", 1.0}}}};
  mass["freeze"] = {"annotation", "core", "energy"};
  json["schedule"].push_back(mass);
  train(json, folder / "after", heard);
  auto const before = parameters(folder / "before"), after = parameters(folder / "after");
  CHECK(same(before, after, "core"));
  CHECK(same(before, after, "energy"));
  CHECK_FALSE(same(before, after, "mass"));
  CHECK_FALSE(same(before, after, "gate"));
  CHECK(heard.lines.back()["train"]["loss_energy"].is_null());

  std::vector<float> const x = {0.1f, -0.7f, 0.3f, -0.9f, 0.5f, 0.0f};
  std::vector<float> energy[2], m(6);
  for (int i = 0; i < 2; ++i) {
    std::filesystem::path const path = folder / (i == 0 ? "before/model.h5" : "after/model.h5");
    energy[i].resize(6);
    model::Predictor predictor(model::read_model(path), "model", {});
    predictor.predict({x.data(), 2, 3, 3}, {energy[i].data(), 2, 3, 3}, {m.data(), 2, 3, 3});
  }
  CHECK(energy[0] == energy[1]);
}

TEST_CASE("averaged weights replace those of the step, and a stop changes nothing", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 2000);
  Json json = recipe_json(folder);
  Heard heard;
  train(json, folder / "plain", heard);
  json["schedule"][0]["average"] = {{"decay", 0.98}};
  train(json, folder / "averaged", heard);
  CHECK_FALSE(same(parameters(folder / "plain"), parameters(folder / "averaged")));
  for (int const after : {1, 8, 16, 23}) {  // 8 batches an epoch: inside, at the end of one
    CAPTURE(after);
    Heard stopped;
    stopped.stop_after = after;
    std::filesystem::path const out = folder / ("stopped" + std::to_string(after));
    CHECK(train(json, out, stopped) == Outcome::interrupted);
    Heard rest;
    CHECK(train(json, out, rest, true) == Outcome::finished);
    CHECK(same(parameters(folder / "averaged"), parameters(out)));
  }
}

TEST_CASE("a run directory is used once, and resumed by its own recipe only", "[trainer]") {
  ScratchFolder const folder;
  write_toys(folder / "toys.h5", 1000);
  Json json = recipe_json(folder);
  Heard heard;
  heard.stop_after = 3;
  train(json, folder / "run", heard);
  heard.stop = 0;
  CHECK(has(error_text<DataError>([&] { train(json, folder / "run", heard); }), "--resume"));
  json["schedule"][0]["learning_rate"] = 1e-4;
  std::string const changed =
      error_text<ConfigError>([&] { train(json, folder / "run", heard, true); });
  CHECK(has(changed, "/schedule/0/learning_rate"));
  json["schedule"][0]["learning_rate"] = 3e-3;
  write_toys(folder / "more.h5", 1000);
  CHECK(has(error_text<DataError>([&] { train(json, folder / "run", heard, true); }), "shards"));
}

}  // namespace
}  // namespace jetcal::train
