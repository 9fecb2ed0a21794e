#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/config.hpp"
#include "engine/json.hpp"
#include "engine/layout.hpp"
#include "model/model_file.hpp"
#include "train/config.hpp"
#include "train/run_lock.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// Where a run stands in its schedule; everything counts from 0.
struct Position {
  std::int64_t step = 0;
  std::int64_t epoch = 0;               ///< within the step
  std::int64_t batch = 0;               ///< the next one of the epoch
  std::int64_t update = 0;              ///< within the step
  std::int64_t optimizer_updates = 0;   ///< since its state was last reset
  std::int64_t total_updates = 0;       ///< of the run, those of repeated steps included
  std::int64_t retries = 0;             ///< how often the step was begun again
  std::int64_t lines = 0;               ///< of metrics.jsonl
  std::array<std::int64_t, 2> below{};  ///< of the collapse guard
};

/// What a checkpoint holds, as the trainer sees it. Arenas are padded, as the layout says.
struct RunState {
  Position position;
  Position start_position;  ///< of the step, if it may be begun again
  model::InputScaling inputs;
  std::string data_digest;
  std::vector<std::string> optimizer_states;  ///< names of the optimizer's arenas, in its order
  std::vector<float> parameters;
  std::vector<std::pair<std::string, std::vector<float>>> arenas;
  std::vector<double> sums;      ///< of the epoch so far
  KernelChoices kernel_choices;  ///< that `auto` has made

  /// The arena called `name`, or none.
  std::vector<float> const* arena(std::string const& name) const;
};

/// Writes a model file of `recipe`: parameters (an arena of `layout`) and how they came to be.
void save_model(std::filesystem::path const& path, Recipe const& recipe, RunOptions const& options,
                Layout const& layout, model::InputScaling const& inputs,
                std::string const& data_digest, std::vector<float> const& parameters,
                KernelChoices const& kernel_choices = {});

/// A run directory: recipe.json, metrics.jsonl, checkpoints/, model.h5. Locked while this lives.
class RunFiles {
 public:
  /// Errors    DataError if another run is at work there, or a run is there and `options.resume` is
  ///           false
  RunFiles(Recipe const& recipe, RunOptions const& options, Layout const& layout);

  /// The newest whole checkpoint; none: the run starts at its beginning. Tells the listener of
  /// damaged ones and sets them aside, and warns of kernels that are not those of the run.
  ///
  /// Errors    ConfigError if the recipe or the precision is not that of the run (says what
  /// changed)
  std::optional<RunState> latest(Listener& listener);

  /// Writes recipe.json and an empty metrics.jsonl.
  void start();

  void append_metrics(Json const& line);
  /// Cuts metrics.jsonl to its first `lines`: those a checkpoint knows of.
  void keep_metrics(std::int64_t lines);

  void write_checkpoint(RunState const& state);
  void write_model(model::InputScaling const& inputs, std::string const& data_digest,
                   std::vector<float> const& parameters, KernelChoices const& kernel_choices) const;

  /// "the last good checkpoint is .../checkpoint_000000000345.h5", for messages.
  std::string last_good() const;

 private:
  void warn_of_other_kernels(Json const& provenance, Listener& listener) const;

  std::filesystem::path metrics() const { return folder_ / "metrics.jsonl"; }
  std::filesystem::path checkpoints() const { return folder_ / "checkpoints"; }

  Recipe const& recipe_;
  RunOptions const& options_;
  Layout const& layout_;
  std::filesystem::path folder_;
  RunLock lock_;
  Json recipe_json_;
};

}  // namespace jetcal::train
