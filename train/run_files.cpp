#include "train/run_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/isa.hpp"
#include "engine/sealed_file.hpp"
#include "engine/version.hpp"
#include "train/checkpoint.hpp"
#include "train/recipe.hpp"

namespace jetcal::train {
namespace {

namespace fs = std::filesystem;

std::string code_version() { return std::string(kVersion) + " " + kCommit; }

Json to_json(Position const& p) {
  return {{"step", p.step},
          {"epoch", p.epoch},
          {"batch", p.batch},
          {"update", p.update},
          {"optimizer_updates", p.optimizer_updates},
          {"total_updates", p.total_updates},
          {"retries", p.retries},
          {"lines", p.lines},
          {"below", Json::array({p.below[0], p.below[1]})}};
}

Position position_from(Json const& json) {
  Position p;
  p.step = json.at("step").get<std::int64_t>();
  p.epoch = json.at("epoch").get<std::int64_t>();
  p.batch = json.at("batch").get<std::int64_t>();
  p.update = json.at("update").get<std::int64_t>();
  p.optimizer_updates = json.at("optimizer_updates").get<std::int64_t>();
  p.total_updates = json.at("total_updates").get<std::int64_t>();
  p.retries = json.at("retries").get<std::int64_t>();
  p.lines = json.at("lines").get<std::int64_t>();
  p.below = {json.at("below").at(0).get<std::int64_t>(),
             json.at("below").at(1).get<std::int64_t>()};
  return p;
}

Json provenance_of(Recipe const& recipe, RunOptions const& options, std::string const& data_digest,
                   KernelChoices const& kernel_choices) {
  Json json = {{"seed", recipe.seed},
               {"precision", std::string(name(options.precision))},
               {"device", options.device.name()},
               {"isa", std::string(name(active_isa()))},
               {"threads", options.threads},
               {"dense_kernels", std::string(name(options.dense_kernels))},
               {"softmax_kernels", std::string(name(options.softmax_kernels))},
               {"data_digest", data_digest}};
  if (!kernel_choices.empty()) { json["kernel_choices"] = kernel_choices; }
  return json;
}

}  // namespace

void save_model(fs::path const& path, Recipe const& recipe, RunOptions const& options,
                Layout const& layout, model::InputScaling const& inputs,
                std::string const& data_digest, std::vector<float> const& parameters,
                KernelChoices const& kernel_choices) {
  model::ModelFile file;
  file.recipe = recipe_to_json(recipe);
  file.code_version = code_version();
  file.provenance = provenance_of(recipe, options, data_digest, kernel_choices);
  file.inputs = inputs;
  model::write_model(path, file, layout, parameters);
}

std::vector<float> const* RunState::arena(std::string const& name) const {
  for (auto const& [key, values] : arenas) {
    if (key == name) { return &values; }
  }
  return nullptr;
}

RunFiles::RunFiles(Recipe const& recipe, RunOptions const& options, Layout const& layout)
    : recipe_(recipe),
      options_(options),
      layout_(layout),
      folder_(options.out),
      lock_(options.out),
      recipe_json_(recipe_to_json(recipe)) {
  JETCAL_REQUIRE(options.resume || !fs::exists(folder_ / "recipe.json"), DataError,
                 folder_.string() << ": holds a run already. Continue it with --resume, or choose "
                                     "another --out");
  remove_temporaries(folder_);
  std::error_code error;
  fs::create_directories(checkpoints(), error);
  JETCAL_REQUIRE(!error, DataError,
                 checkpoints().string() << ": cannot be created: " << error.message());
  remove_temporaries(checkpoints());
}

std::optional<RunState> RunFiles::latest(Listener& listener) {
  if (!options_.resume) { return std::nullopt; }
  LatestCheckpoint const found = find_latest(checkpoints());
  for (std::string const& complaint : found.complaints) { listener.warning(complaint); }
  if (!found.path.has_value()) {
    JETCAL_REQUIRE(found.damaged.empty(), DataError,
                   checkpoints().string() << ": no checkpoint is whole (" << found.damaged.size()
                                          << " damaged). Start a new run with another --out");
    listener.note("no checkpoint in " + checkpoints().string() + ": starting at the beginning");
    return std::nullopt;
  }
  if (!found.damaged.empty()) {
    listener.warning("going on from the older " + found.path->string());
  }
  set_damaged_aside(found);
  Checkpoint const header = read_checkpoint_header(*found.path);
  std::vector<std::string> const changes = differences(header.recipe, recipe_json_);
  JETCAL_REQUIRE(changes.empty(), ConfigError,
                 folder_.string() << ": the recipe is not the one this run was started with: "
                                  << joined(changes)
                                  << ". Resume with the old values, or start a new run");
  std::string const precision = header.provenance.value("precision", std::string());
  JETCAL_REQUIRE(precision == name(options_.precision), ConfigError,
                 folder_.string() << ": the run was started with --precision " << precision
                                  << " (now " << name(options_.precision) << "). Use the same");
  warn_of_other_kernels(header.provenance, listener);
  Checkpoint checkpoint = read_checkpoint(*found.path, layout_);
  RunState state;
  Json const& position = checkpoint.position;
  state.position = position_from(position.at("now"));
  state.start_position = position_from(position.at("start"));
  state.data_digest = position.at("data_digest").get<std::string>();
  state.optimizer_states = position.at("optimizer_states").get<std::vector<std::string>>();
  state.inputs = std::move(checkpoint.inputs);
  state.parameters = std::move(checkpoint.parameters);
  state.arenas = std::move(checkpoint.arenas);
  for (auto& [name, values] : checkpoint.sums) {
    if (name == "epoch") { state.sums = std::move(values); }
  }
  state.kernel_choices = header.provenance.value("kernel_choices", KernelChoices());
  listener.note("resuming from " + found.path->string());
  return state;
}

void RunFiles::warn_of_other_kernels(Json const& provenance, Listener& listener) const {
  auto const compare = [&](char const* key, std::string_view option, std::string_view now) {
    std::string const before = provenance.value(key, std::string(now));
    if (before == now) { return; }
    listener.warning("the run was started with " + std::string(option) + " " + before + " (now " +
                     std::string(now) + "): from here on its numbers may round differently");
  };
  compare("dense_kernels", "--dense-kernels", name(options_.dense_kernels));
  compare("softmax_kernels", "--softmax-kernels", name(options_.softmax_kernels));
}

void RunFiles::start() {
  write_atomically(folder_ / "recipe.json", recipe_json_.dump(2) + "\n");
  write_atomically(metrics(), std::string());
}

void RunFiles::append_metrics(Json const& line) {
  std::string const text = line.dump() + "\n";
  int const file = ::open(metrics().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  bool ok = file >= 0;
  ok = ok && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ok = ok && ::fsync(file) == 0;
  int const why = errno;
  if (file >= 0) { ::close(file); }
  JETCAL_REQUIRE(ok, DataError,
                 metrics().string() << ": cannot be written: " << std::strerror(why) << "; "
                                    << last_good() << ". Make room and go on with --resume");
}

void RunFiles::keep_metrics(std::int64_t lines) {
  std::ifstream file(metrics());
  std::string text, line;
  for (std::int64_t i = 0; i < lines && std::getline(file, line); ++i) { text += line + "\n"; }
  write_atomically(metrics(), text);
}

void RunFiles::write_checkpoint(RunState const& state) {
  Checkpoint checkpoint;
  checkpoint.recipe = recipe_json_;
  checkpoint.position["now"] = to_json(state.position);
  checkpoint.position["start"] = to_json(state.start_position);
  checkpoint.position["data_digest"] = state.data_digest;
  checkpoint.position["optimizer_states"] = state.optimizer_states;
  checkpoint.provenance = provenance_of(recipe_, options_, state.data_digest, state.kernel_choices);
  checkpoint.code_version = code_version();
  checkpoint.inputs = state.inputs;
  checkpoint.parameters = state.parameters;
  checkpoint.arenas = state.arenas;
  checkpoint.sums.emplace_back("epoch", state.sums);
  train::write_checkpoint(checkpoint_path(checkpoints(), state.position.total_updates), checkpoint,
                          layout_);
  prune_checkpoints(checkpoints(), recipe_.checkpoint.keep);
}

void RunFiles::write_model(model::InputScaling const& inputs, std::string const& data_digest,
                           std::vector<float> const& parameters,
                           KernelChoices const& kernel_choices) const {
  save_model(folder_ / "model.h5", recipe_, options_, layout_, inputs, data_digest, parameters,
             kernel_choices);
}

std::string RunFiles::last_good() const {
  std::vector<fs::path> const list = list_checkpoints(checkpoints());
  if (list.empty()) { return "there is no checkpoint yet"; }
  return "the last good checkpoint is " + list.front().string();
}

}  // namespace jetcal::train
