#include "kernels/launch_checks.cuh"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "engine/errors.hpp"

namespace jetcal::cuda {
namespace {

constexpr std::int64_t kMostBlocks = 8192;

char const* remedy(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return "Use a smaller batch or fewer lanes";
    case cudaErrorNoDevice:
      return "Use a machine with an NVIDIA card, or --device cpu";
    case cudaErrorInsufficientDriver:
    case cudaErrorUnsupportedPtxVersion:
      return "Install a newer NVIDIA driver, or use --device cpu";
    case cudaErrorNoKernelImageForDevice:
      return "Build with CMAKE_CUDA_ARCHITECTURES for this card (at least 80-virtual), or use "
             "--device cpu";
    default:
      return "Set JETCAL_CUDA_SYNC=1 to see which kernel it is, or use --device cpu";
  }
}

std::string device_name() {
  int index = 0;
  return cudaGetDevice(&index) == cudaSuccess ? "cuda:" + std::to_string(index) : "cuda";
}

[[noreturn]] void fail(cudaError_t status, std::string const& where) {
  static_cast<void>(cudaGetLastError());  // the next call starts afresh
  throw DeviceError("device " + device_name() + ": " + where +
                    " failed: " + cudaGetErrorName(status) + " (" + cudaGetErrorString(status) +
                    "). " + remedy(status));
}

}  // namespace

bool waits_for_every_kernel() {
  static bool const wanted = [] {
    char const* const word = std::getenv("JETCAL_CUDA_SYNC");
    return word != nullptr && std::string_view(word) != "" && std::string_view(word) != "0";
  }();
  return wanted;
}

std::int64_t most_blocks() {
  static std::int64_t const most = [] {
    char const* const word = std::getenv("JETCAL_CUDA_MOST_BLOCKS");
    if (word == nullptr) { return kMostBlocks; }
    std::string_view const digits = word;
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    JETCAL_REQUIRE(
        error == std::errc() && end == digits.data() + digits.size() && number >= 1, ConfigError,
        "JETCAL_CUDA_MOST_BLOCKS: '" << digits << "' is no number of blocks (must be 1 or more)");
    return std::min(kMostBlocks, number);
  }();
  return most;
}

void require_launched(cudaError_t status, OpShape const& what, Grid const& grid,
                      cudaStream_t stream) {
  if (status == cudaSuccess && waits_for_every_kernel()) { status = cudaStreamSynchronize(stream); }
  if (status == cudaSuccess) { return; }
  std::ostringstream where;
  where << what.op << " of " << what.rows << " rows, " << what.inputs << " to " << what.outputs
        << " columns, as " << grid.blocks << " blocks of " << grid.threads << " threads,";
  fail(status, where.str());
}

void require_success(cudaError_t status, char const* what) {
  if (status != cudaSuccess) { fail(status, what); }
}

}  // namespace jetcal::cuda
