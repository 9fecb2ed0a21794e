#include "tools/report.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "engine/errors.hpp"

extern char** environ;

namespace jetcal::tools {
namespace {

constexpr int kNothingToDrawWith = 3;  ///< tools/plot has said that matplotlib is missing
constexpr int kNoSuchCommand = 127;

/// Empty if there is none.
std::filesystem::path plot_script() {
  std::error_code error;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", error);
  for (std::filesystem::path const& folder : {program.parent_path() / JETCAL_LIBEXEC_FROM_BIN,
                                              std::filesystem::path(JETCAL_TOOLS_FOLDER)}) {
    auto script = (folder / "plot").lexically_normal();
    if (std::filesystem::is_regular_file(script, error)) { return script; }
  }
  return {};
}

/// The exit status of a command, 128 + n if a signal ended it.
int run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) { arguments.push_back(word.data()); }
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawn(&child, words[0].c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
    return kNoSuchCommand;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    JETCAL_REQUIRE(errno == EINTR, DataError,
                   words[0] << ": cannot be waited for (" << std::strerror(errno) << ")");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void draw_report(std::filesystem::path const& folder) {
  auto const script = plot_script();
  std::fflush(stdout);
  int const status =
      script.empty() ? kNoSuchCommand : run({script.string(), "--", folder.string()});
  if (status == kNoSuchCommand) {
    std::fprintf(stderr, "no report.html: %s. Draw it later with tools/plot %s\n",
                 script.empty() ? "tools/plot is not there" : "/usr/bin/python3 is missing",
                 folder.c_str());
    return;
  }
  JETCAL_REQUIRE(status == 0 || status == kNothingToDrawWith, DataError,
                 folder.string() << ": drawing the report ended with status " << status
                                 << " (must be 0; the numbers are written). Run " << script.string()
                                 << " again, or validate with --no-report");
}

}  // namespace jetcal::tools
