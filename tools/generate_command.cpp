#include <cstdio>
#include <memory>

#include "data/toy_generator.hpp"
#include "tools/commands.hpp"

namespace jetcal::tools {
namespace {

struct GenerateOptions {
  data::ToyConfig toys;
  std::string out;
};

int run(GenerateOptions const& options) {
  auto const paths = data::generate_toys(options.toys, options.out);
  std::printf("%s: %ld jets in %zu shards\n", options.out.c_str(),
              static_cast<long>(options.toys.jets), paths.size());
  return kDone;
}

}  // namespace

void add_generate(CLI::App& app, Work& work) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* const command = app.add_subcommand(
      "generate", "Make toy jets whose most probable responses are known (oracle_* fields)");
  command->add_option("--jets", options->toys.jets, "how many jets")
      ->required()
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options->toys.seed, "other seeds, other jets")
      ->capture_default_str();
  command->add_option("--out", options->out, "folder of the shards")->required();
  command->add_option("--shards", options->toys.shards, "how many files")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
