#include <cstdio>
#include <memory>

#include "tools/commands.hpp"
#include "train/recipe.hpp"
#include "train/trainer.hpp"

namespace jetcal::tools {
namespace {

struct InitOptions {
  std::string recipe, out;
  std::vector<std::string> sets;
  ComputeOptions compute;
};

int run(InitOptions const& options) {
  train::Recipe const recipe = train::load_recipe(options.recipe, options.sets);
  ExecutionOptions const execution = options.compute.apply(recipe.lanes);
  train::RunOptions run;
  run.out = options.out;
  run.device = execution.device;
  run.threads = execution.threads;
  train::write_initial_model(recipe, run);
  std::printf("%s: the untrained network of %s\n", options.out.c_str(), options.recipe.c_str());
  return kDone;
}

}  // namespace

void add_init(CLI::App& app, Work& work) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* const command =
      app.add_subcommand("init", "Write the untrained model of a recipe: where training starts");
  command->add_option("RECIPE", options->recipe, "the recipe (JSON)")->required();
  command->add_option("--out", options->out, "the model file to write")->required();
  command->add_option("--set", options->sets, "KEY=VALUE in the recipe")->type_name("KEY=VALUE");
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
