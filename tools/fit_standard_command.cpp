#include <cstdio>
#include <memory>

#include "data/config_schema.hpp"
#include "data/setup.hpp"
#include "engine/sealed_file.hpp"
#include "model/model_file.hpp"
#include "tools/commands.hpp"
#include "train/recipe.hpp"
#include "validate/standard/fit.hpp"
#include "validate/standard/text.hpp"

namespace jetcal::tools {
namespace {

namespace standard = validate::standard;

struct FitStandardOptions {
  std::vector<std::string> shards;
  std::string out, settings, jets = "all", split_of;
  int threads = 0;
};

standard::Settings settings_of(std::string const& path) {
  if (path.empty()) { return {}; }
  Json const json = read_json_file(path);
  Document const document{path, {}, {}};
  return standard::settings_table().read(json, Place(document));
}

/// The rule that a model, a standard calibration or a recipe splits jets by.
data::SplitRule split_of(std::string const& path) {
  if (looks_sealed(path)) {
    if (sealed_kind(path) == standard::kKind) { return standard::read_standard(path).split; }
    return data::split_rule(data::input_config(model::read_model(path).recipe, path).data);
  }
  return data::split_rule(train::load_recipe(path).data);
}

data::SplitRule split(FitStandardOptions const& options) {
  bool const training = options.jets == "training";
  JETCAL_REQUIRE(training == !options.split_of.empty(), CommandLineError,
                 "fit-standard: " << (training ? "--jets training needs --split-of FILE, the model "
                                                 "or recipe whose training jets they are"
                                               : "--split-of needs --jets training"));
  if (!training) { return {}; }
  data::SplitRule rule = split_of(options.split_of);
  JETCAL_REQUIRE(rule.fraction > 0, ConfigError,
                 "--split-of: " << options.split_of
                                << " holds no jets out (its data.validation_fraction is 0). Use "
                                   "--jets all");
  return rule;
}

int run(FitStandardOptions const& options) {
  int const threads = options.threads > 0 ? options.threads : available_threads();
  standard::StandardFile const file = standard::fit_standard(
      options.shards, settings_of(options.settings), split(options), threads);
  standard::write_standard(options.out, file);
  std::printf("%s%s: the standard calibration\n", standard::summary(file).c_str(),
              options.out.c_str());
  return kDone;
}

}  // namespace

void add_fit_standard(CLI::App& app, Work& work) {
  auto options = std::make_shared<FitStandardOptions>();
  CLI::App* const command = app.add_subcommand(
      "fit-standard", "Derive the standard calibration: numerical inversion, energy then mass");
  command->add_option("SHARDS", options->shards, "files or globs with truth fields")->required();
  command->add_option("--out", options->out, "the file to write")->required();
  command->add_option("--settings", options->settings,
                      "bins, splines, fields (JSON; docs/standard-calibration.md)");
  command->add_option("--jets", options->jets, "all, or the training jets of --split-of")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "training"}));
  command
      ->add_option("--split-of", options->split_of,
                   "a model, standard calibration or recipe: its rule says which jets train")
      ->type_name("FILE");
  command->add_option("--threads", options->threads, "worker threads (default: all processors)")
      ->check(CLI::Range(1, 1024));
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
