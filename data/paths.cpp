#include "data/paths.hpp"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

thread_local std::string unreadable_folder;  // glob's callback takes no argument of ours

int note_unreadable(char const* path, int error) {
  // A path with a plain file in a folder's place matches nothing; that is no fault of a folder.
  if (error == ENOTDIR || error == ENOENT) { return 0; }
  unreadable_folder = std::string(path) + ": " + std::strerror(error);
  return 1;
}

std::vector<std::string> matches(std::string const& pattern, std::string const& where) {
  glob_t found{};
  unreadable_folder.clear();
  int const status = glob(pattern.c_str(), GLOB_NOSORT, note_unreadable, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  JETCAL_REQUIRE(status != GLOB_ABORTED, DataError,
                 where << ": '" << pattern << "' cannot be searched: " << unreadable_folder);
  JETCAL_REQUIRE(status == 0 && !paths.empty(), DataError,
                 where << ": '" << pattern << "' matches no file (must match at least one)");
  return paths;
}

struct stat file_status(std::string const& path, std::string const& where) {
  struct stat status {};
  JETCAL_REQUIRE(stat(path.c_str(), &status) == 0, DataError,
                 where << ": '" << path << "' cannot be found: " << std::strerror(errno));
  JETCAL_REQUIRE(!S_ISDIR(status.st_mode), DataError,
                 where << ": '" << path << "' is a folder (must be an HDF5 file). Name its files, '"
                       << path << "/*.h5'");
  return status;
}

}  // namespace

std::vector<std::string> expand_paths(std::vector<std::string> const& patterns,
                                      std::string const& where) {
  JETCAL_REQUIRE(!patterns.empty(), DataError,
                 where << ": no file is named (at least one must be)");
  std::vector<std::string> paths;
  for (std::string const& pattern : patterns) {
    struct stat status {};
    bool const is_glob =
        pattern.find_first_of("*?[") != std::string::npos && stat(pattern.c_str(), &status) != 0;
    auto const found = is_glob ? matches(pattern, where) : std::vector<std::string>{pattern};
    for (std::string const& path : found) {
      paths.push_back(std::filesystem::path(path).lexically_normal().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  // Two spellings of one file would give its jets twice: what counts is the file.
  std::set<std::pair<dev_t, ino_t>> seen;
  std::vector<std::string> files;
  for (std::string const& path : paths) {
    auto const status = file_status(path, where);
    if (seen.emplace(status.st_dev, status.st_ino).second) { files.push_back(path); }
  }
  return files;
}

}  // namespace jetcal::data
