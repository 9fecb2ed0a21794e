#include "engine/cuda_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "engine/errors.hpp"
#include "engine/version.hpp"

namespace jetcal {
namespace {

constexpr char kFile[] = "libjetcal_cuda.so";
constexpr char kRemedy[] = ". Use --device cpu, or ";

std::vector<std::filesystem::path> places() {
  std::error_code error;
  std::filesystem::path const program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) { return {}; }
  std::filesystem::path const folder = program.parent_path();
  std::filesystem::path const beside = folder.parent_path();
  return {folder / kFile, beside / "lib" / kFile, beside / kLibraryFolder / kFile};
}

void* opened(std::string const& file) { return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL); }

std::string open_error() {
  char const* const said = dlerror();
  return said == nullptr ? "no reason given" : said;
}

/// A file that is there must open: a broken one is not passed over for another.
void* found_library() {
  if (char const* const named = std::getenv("JETCAL_CUDA_LIBRARY"); named != nullptr) {
    void* const handle = opened(named);
    JETCAL_REQUIRE(handle != nullptr, DeviceError,
                   "device cuda: JETCAL_CUDA_LIBRARY cannot be opened: "
                       << open_error() << kRemedy << "name the library of this build");
    return handle;
  }
  for (std::filesystem::path const& place : places()) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) { continue; }
    void* const handle = opened(place.string());
    JETCAL_REQUIRE(handle != nullptr, DeviceError,
                   "device cuda: " << place.string() << " cannot be opened: " << open_error()
                                   << kRemedy << "install the CUDA 13 runtime (libcudart.so.13)");
    return handle;
  }
  void* const handle = opened(kFile);
  if (handle != nullptr) { return handle; }
  std::string const said = open_error();
  JETCAL_REQUIRE(said.find("libcudart") == std::string::npos, DeviceError,
                 "device cuda: " << said << kRemedy << "install the CUDA 13 runtime");
  throw DeviceError(std::string("device cuda: there is no ") + kFile +
                    " beside this program: it was built without CUDA" + kRemedy +
                    "install nvcc 13 and build again with -DJETCAL_CUDA=ON");
}

}  // namespace

CudaLibrary& CudaLibrary::open() {
  static CudaLibrary library = [] {
    CudaLibrary found(found_library());
    std::string const build = found.function<decltype(jetcal_cuda_build)>("jetcal_cuda_build")();
    std::string const own = std::string(kVersion) + " " + kCommit;
    JETCAL_REQUIRE(build == own, DeviceError,
                   "device cuda: " << kFile << " is of " << build << ", the program of " << own
                                   << kRemedy << "build both again");
    return found;
  }();
  return library;
}

void* CudaLibrary::address(char const* name) const {
  void* const found = dlsym(handle_, name);
  JETCAL_REQUIRE(
      found != nullptr, DeviceError,
      "device cuda: " << kFile << " has no function " << name << kRemedy << "build it again");
  return found;
}

std::string cuda_summary() {
  try {
    CudaLibrary const& library = CudaLibrary::open();
    int const n = library.function<decltype(jetcal_cuda_devices)>("jetcal_cuda_devices")();
    return "yes (" + std::to_string(n) + (n == 1 ? " device)" : " devices)");
  } catch (DeviceError const& e) { return std::string("no (") + e.what() + ")"; }
}

}  // namespace jetcal
