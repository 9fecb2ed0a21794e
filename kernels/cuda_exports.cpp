#include <string>

#include "engine/cuda_library.hpp"
#include "engine/version.hpp"
#include "kernels/cuda_context.cuh"

char const* jetcal_cuda_build() {
  static std::string const build = std::string(jetcal::kVersion) + " " + jetcal::kCommit;
  return build.c_str();
}

int jetcal_cuda_devices() { return jetcal::cuda::device_count(); }

jetcal::DeviceMemory* jetcal_cuda_memory(int index) { return &jetcal::cuda::Context::of(index); }
