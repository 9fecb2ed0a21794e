// The program `jetcal`: reads the command line, runs one subcommand, turns errors into a line on
// stderr and an exit status.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "engine/cuda_library.hpp"
#include "engine/isa.hpp"
#include "engine/version.hpp"
#include "kernels/cpu_backend.hpp"
#include "tools/commands.hpp"
#include "train/recipe.hpp"

namespace {

std::string version_text() {
  std::string text = std::string("jetcal ") + jetcal::kVersion + " (" + jetcal::kCommit + ")\n";
  text += "instruction sets:";
  for (jetcal::Isa const isa : jetcal::available_isas()) {
    text.append(" ").append(jetcal::name(isa));
  }
  return text + "\nCUDA: " + jetcal::cuda_summary() + "\noneDNN: " + jetcal::onednn_summary();
}

void say(std::string const& text) { std::fprintf(stderr, "jetcal: %s\n", text.c_str()); }

}  // namespace

int main(int argc, char** argv) {
  using namespace jetcal;
  CLI::App app{
      "Trains, checks and applies neural calibrations of particle jets.\n"
      "Paths are relative to the working directory; docs/recipe.md explains recipes."};
  app.name("jetcal");
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text);
  app.get_formatter()->column_width(36);
  tools::Work work;
  tools::add_generate(app, work);
  tools::add_init(app, work);
  tools::add_train(app, work);
  tools::add_fit_standard(app, work);
  tools::add_calibrate(app, work);
  tools::add_validate(app, work);
  tools::add_inspect(app, work);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& e) { return app.exit(e) == 0 ? tools::kDone : tools::kUsage; }
  try {
    return work();
  } catch (train::UsageError const& e) {
    say(e.what());
    return tools::kUsage;
  } catch (tools::CommandLineError const& e) {
    say(e.what());
    return tools::kUsage;
  } catch (std::bad_alloc const&) {
    say("no memory left. Use a smaller loader.memory_mib, batch or number of lanes");
  } catch (std::exception const& e) { say(e.what()); }
  return tools::kFailed;
}
