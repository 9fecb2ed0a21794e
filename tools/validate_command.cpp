#include <algorithm>
#include <cstdio>
#include <memory>

#include "tools/commands.hpp"
#include "tools/report.hpp"
#include "validate/report.hpp"
#include "validate/validation.hpp"

namespace jetcal::tools {
namespace {

struct ValidateOptions {
  std::vector<std::string> shards, calibrations, samples, jets, compare_samples;
  std::string out, settings;
  std::int64_t memory_mib = 2048;
  bool no_report = false;
  ComputeOptions compute;
};

/// Two words around the first `separator`. Errors: CommandLineError if one is missing.
std::pair<std::string, std::string> split(std::string const& text, char separator,
                                          std::string const& option, std::string const& form) {
  std::size_t const at = text.find(separator);
  JETCAL_REQUIRE(at != std::string::npos && at > 0 && at + 1 < text.size(), CommandLineError,
                 option << ": '" << text << "' is no " << form);
  return {text.substr(0, at), text.substr(at + 1)};
}

validate::Settings settings_of(ValidateOptions const& options) {
  validate::Settings settings;
  if (!options.settings.empty()) {
    Json const json = read_json_file(options.settings);
    Document const document{options.settings, {}, {}};
    settings = validate::settings_table().read(json, Place(document));
  }
  for (std::string const& pair : options.compare_samples) {
    settings.compare_samples.push_back(split(pair, ',', "--compare-samples", "A,B"));
  }
  return settings;
}

/// Samples in the order they were named; files given without a name are the sample "jets".
std::vector<validate::SampleFiles> samples_of(ValidateOptions const& options) {
  std::vector<validate::SampleFiles> samples;
  if (!options.shards.empty()) { samples.push_back({"jets", options.shards, data::Side::all}); }
  auto const find = [&](std::string const& name) {
    return std::find_if(samples.begin(), samples.end(),
                        [&](validate::SampleFiles const& s) { return s.name == name; });
  };
  for (std::string const& text : options.samples) {
    auto const [name, glob] = split(text, '=', "--sample", "NAME=GLOB");
    auto const known = find(name);
    if (known != samples.end()) {
      known->files.push_back(glob);
    } else {
      samples.push_back({name, {glob}, data::Side::all});
    }
  }
  JETCAL_REQUIRE(!samples.empty(), CommandLineError,
                 "validate: no shards (name files, or --sample NAME=GLOB)");
  for (std::string const& text : options.jets) {
    if (text.find('=') != std::string::npos) { continue; }
    for (auto& sample : samples) { sample.side = data::side_of(text); }
  }
  for (std::string const& text : options.jets) {
    if (text.find('=') == std::string::npos) { continue; }
    auto const [name, side] = split(text, '=', "--jets", "SAMPLE=SIDE");
    auto const sample = find(name);
    JETCAL_REQUIRE(sample != samples.end(), CommandLineError,
                   "--jets: there is no sample '" << name << "'");
    sample->side = data::side_of(side);
  }
  return samples;
}

int run(ValidateOptions const& options) {
  validate::Request request;
  request.samples = samples_of(options);
  request.calibrations = options.calibrations;
  request.settings = settings_of(options);
  request.memory_mib = options.memory_mib;
  request.folder = options.out;
  request.execution = options.compute.apply(8);
  validate::Results const results = validate::validate(request);
  validate::write_results(results, options.out);
  std::printf("%s\n%s/validation.json and validation.txt hold all of it\n",
              validate::to_text(results).c_str(), options.out.c_str());
  if (!options.no_report) { draw_report(options.out); }
  return kDone;
}

}  // namespace

void add_validate(CLI::App& app, Work& work) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* const command = app.add_subcommand(
      "validate", "Closure, resolution and the other tests of a calibration, before and after it");
  command->add_option("SHARDS", options->shards, "files or globs with truth fields");
  command
      ->add_option("--calibration", options->calibrations,
                   "a model or a standard calibration; 'fields': the *_calibrated fields of the "
                   "shards; 'none' (always "
                   "included). Repeatable")
      ->type_name("FILE|fields|none");
  command->add_option("--sample", options->samples, "a named sample beside SHARDS. Repeatable")
      ->type_name("NAME=GLOB");
  command->add_option("--out", options->out, "folder of the results")->required();
  command->add_option("--settings", options->settings,
                      "bins, estimator, tests (JSON; recipes/validation has some)");
  command
      ->add_option("--jets", options->jets,
                   "which jets, by the model's split: all (default), held-out, training; of one "
                   "sample: NAME=SIDE. Repeatable")
      ->type_name("SIDE|NAME=SIDE");
  command
      ->add_option("--compare-samples", options->compare_samples,
                   "two samples of one process (two generators). Repeatable")
      ->type_name("A,B");
  command
      ->add_option("--memory-mib", options->memory_mib,
                   "budget for the jets' numbers; what is beyond goes to a file in --out")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 30))
      ->capture_default_str();
  command->add_flag("--no-report", options->no_report,
                    "write the numbers, draw no pictures and no report.html");
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
