#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/json.hpp"
#include "kernels/execution.hpp"
#include "train/config.hpp"
#include "train/held_out.hpp"

namespace jetcal::train {

/// What belongs to one run and not to its recipe.
struct RunOptions {
  std::filesystem::path out;  ///< run directory
  bool resume = false;
  Device device;
  int threads = 1;
  Precision precision = Precision::fp32;
  DenseKernels dense_kernels = DenseKernels::own;
  SoftmaxKernels softmax_kernels = SoftmaxKernels::own;
  ClosureMeter* closure = nullptr;  ///< for the recipe's `validation_every`
  /// Set to a signal's number from outside: the run then writes a checkpoint after the batch at
  /// hand and returns.
  std::atomic<int> const* stop = nullptr;
};

/// Where a run stands, after each update.
struct Progress {
  std::int64_t step = 0, steps = 0;      ///< step counts from 1
  std::int64_t epoch = 0;                ///< from 1, within the step
  std::int64_t epochs = 0;               ///< of the step, rounded up
  std::int64_t update = 0, updates = 0;  ///< of the step
  double loss_energy = 0, loss_mass = 0, kept_energy = 0,
         kept_mass = 0;  ///< the batch's; nan: none
  double jets_per_s = 0;
  double seconds_left = 0;
};

/// What a run says while it runs; the library itself prints nothing.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void note(std::string const& text) = 0;
  virtual void warning(std::string const& text) = 0;
  virtual void progress(Progress const& progress) = 0;
  /// A finished epoch, as written to metrics.jsonl.
  virtual void epoch(Json const& line) = 0;
};

enum class Outcome { finished, interrupted };

/// A loss or a gradient that is not finite. Nothing was updated with it.
struct NonFiniteError : Error {
  using Error::Error;
};

/// A head that kept too few jets inside its truncation.
struct CollapseError : Error {
  using Error::Error;
};

/// The staged training of a recipe: RUN_DIR/{recipe.json, metrics.jsonl, checkpoints/, model.h5}.
///
/// Ordering  parameters after a run are a function of the recipe and the shards alone: not of
///           threads, instruction set, or how often the run was killed and resumed
/// Errors    ConfigError, DataError, DeviceError for what they say; NonFiniteError, CollapseError.
///           The last good checkpoint stays in place whatever happens
Outcome run_training(Recipe const& recipe, RunOptions const& options, Listener& listener);

/// Writes the model training would start from: initial parameters, and the normalisation of the
/// training jets. `options.out` is the file.
void write_initial_model(Recipe const& recipe, RunOptions const& options);

/// What a run would do, in words: updates and jets a step, memory, and the time it would take at
/// the speed measured here and now. Writes nothing.
std::string dry_run(Recipe const& recipe, RunOptions const& options);

}  // namespace jetcal::train
