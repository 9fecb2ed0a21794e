#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>

#include "tools/commands.hpp"
#include "tools/progress.hpp"
#include "train/recipe.hpp"
#include "train/trainer.hpp"
#include "validate/epoch_closure.hpp"

namespace jetcal::tools {
namespace {

struct TrainOptions {
  std::string recipe, out;
  std::vector<std::string> sets;
  bool resume = false, dry_run = false;
  ComputeOptions compute;
};

std::atomic<int> stop_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

/// Modes and widths of held-out jets at the end of an epoch, by the estimators of a validation.
class EpochClosure final : public train::ClosureMeter {
 public:
  explicit EpochClosure(int threads) : threads_(threads) {}

  Json measure(ResponseHistograms const& responses, data::BinGrid const& bins) override {
    return validate::epoch_closure(responses, bins, threads_);
  }

 private:
  ThreadPool threads_;
};

// The first signal asks the run to stop after its batch; the second one has its usual effect.
void on_signal(int number) {
  stop_signal = number;
  std::signal(number, SIG_DFL);
}

train::RunOptions run_options(TrainOptions const& options, train::Recipe const& recipe) {
  ExecutionOptions const execution = options.compute.apply(recipe.lanes);
  train::RunOptions run;
  run.out = options.out.empty() ? "runs/" + recipe.name : options.out;
  run.resume = options.resume;
  run.device = execution.device;
  run.threads = execution.threads;
  run.precision = execution.precision;
  run.dense_kernels = execution.dense_kernels;
  run.softmax_kernels = execution.softmax_kernels;
  run.stop = &stop_signal;
  return run;
}

int run(TrainOptions const& options) {
  train::Recipe const recipe = train::load_recipe(options.recipe, options.sets);
  train::RunOptions run = run_options(options, recipe);
  if (options.dry_run) {
    std::printf("%s\n", train::recipe_to_json(recipe).dump(2).c_str());
    std::printf("\n%s", train::dry_run(recipe, run).c_str());
    return kDone;
  }
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  ProgressPrinter printer;
  EpochClosure closure(run.threads);
  run.closure = &closure;
  train::Outcome const outcome = train::run_training(recipe, run, printer);
  std::string const folder = run.out.string();
  if (outcome == train::Outcome::interrupted) {
    printer.note("stopped after a checkpoint; go on with: jetcal train " + options.recipe +
                 " --out " + folder + " --resume (and the same --set)");
    return 128 + stop_signal.load();
  }
  printer.note("done: " + folder + "/model.h5");
  return kDone;
}

}  // namespace

void add_train(CLI::App& app, Work& work) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* const command = app.add_subcommand(
      "train",
      "Train a recipe: writes RUN_DIR/{model.h5, metrics.jsonl, recipe.json, checkpoints/}");
  command->add_option("RECIPE", options->recipe, "the recipe (JSON; docs/recipe.md)")->required();
  command->add_option("--out", options->out, "RUN_DIR (default: runs/<recipe name>)");
  command
      ->add_option("--set", options->sets,
                   "KEY=VALUE in the recipe, e.g. schedule.0.epochs=1 or model.preset=P2")
      ->type_name("KEY=VALUE");
  command->add_flag("--resume", options->resume, "go on from the run's last checkpoint");
  command->add_flag("--dry-run", options->dry_run,
                    "print the resolved recipe, updates, memory and time; write nothing");
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
