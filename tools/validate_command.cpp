#include <cstdio>
#include <memory>

#include "engine/threads.hpp"
#include "tools/commands.hpp"
#include "tools/validation_sources.hpp"
#include "validate/report.hpp"
#include "validate/run.hpp"

namespace jetcal::tools {
namespace {

struct ValidateOptions {
  std::vector<std::string> shards, calibrations, samples;
  std::string out, jets = "all", settings;
  ComputeOptions compute;
};

validate::Settings settings_of(ValidateOptions const& options) {
  if (options.settings.empty()) { return {}; }
  Json const json = read_json_file(options.settings);
  Document const document{options.settings, {}, {}};
  return validate::settings_table().read(json, Place(document));
}

/// Samples in the order they were named; files given without a name are the sample "jets".
std::vector<NamedSample> samples_of(ValidateOptions const& options) {
  std::vector<NamedSample> samples;
  if (!options.shards.empty()) { samples.push_back({"jets", options.shards}); }
  for (std::string const& text : options.samples) {
    std::size_t const equals = text.find('=');
    JETCAL_REQUIRE(equals != std::string::npos && equals > 0 && equals + 1 < text.size(),
                   CommandLineError, "--sample: '" << text << "' is no NAME=GLOB");
    std::string const name = text.substr(0, equals), glob = text.substr(equals + 1);
    bool known = false;
    for (NamedSample& sample : samples) {
      if (sample.name != name) { continue; }
      sample.files.push_back(glob);
      known = true;
    }
    if (!known) { samples.push_back({name, {glob}}); }
  }
  JETCAL_REQUIRE(!samples.empty(), CommandLineError,
                 "validate: no shards (name files, or --sample NAME=GLOB)");
  return samples;
}

int run(ValidateOptions const& options) {
  ExecutionOptions const execution = options.compute.apply(8);
  validate::Settings const settings = settings_of(options);
  ValidationSources sources(samples_of(options), options.calibrations, settings,
                            data::side_of(options.jets), execution);
  ThreadPool threads(execution.threads);
  validate::Results const results =
      validate::run(settings, sources.sources(), sources.calibration_names(), options.out, threads);
  std::printf("%s\n%s/validation.json and validation.txt hold all of it\n",
              validate::to_text(results).c_str(), options.out.c_str());
  return kDone;
}

}  // namespace

void add_validate(CLI::App& app, Work& work) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* const command = app.add_subcommand(
      "validate", "Closure and resolution in bins of the true jet, before and after calibration");
  command->add_option("SHARDS", options->shards, "files or globs with truth fields");
  command
      ->add_option("--calibration", options->calibrations,
                   "a model; 'fields': the *_calibrated fields of the shards; 'none' (always "
                   "included). Repeatable")
      ->type_name("FILE|fields|none");
  command->add_option("--sample", options->samples, "a named sample beside SHARDS. Repeatable")
      ->type_name("NAME=GLOB");
  command->add_option("--out", options->out, "folder of the results")->required();
  command->add_option("--settings", options->settings, "bins and estimator (JSON)");
  add_jets_option(*command, options->jets);
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
