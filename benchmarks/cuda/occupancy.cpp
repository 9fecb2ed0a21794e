// occupancy CAPABILITY THREADS REGISTERS SHARED [THREADS REGISTERS SHARED ...]: the share of a
// multiprocessor's warps that kernels with so many threads a block, registers a thread and bytes of
// shared memory a block can keep in flight, by NVIDIA's own formulas (cuda_occupancy.h). Needs no
// card. CAPABILITY: 80, 86, 89, 90, 100 or 120.

#include <cuda_occupancy.h>

#include <cstdio>
#include <cstdlib>

namespace {

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
cudaOccDeviceProp properties(int capability) {
  cudaOccDeviceProp p;
  bool const large = capability == 80 || capability == 90 || capability == 100;
  p.computeMajor = capability / 10;
  p.computeMinor = capability % 10;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiprocessor = large ? 2048 : 1536;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.numSms = 1;
  p.sharedMemPerBlock = 48 << 10;
  p.sharedMemPerMultiprocessor = static_cast<std::size_t>(capability == 80 ? 164
                                                          : large          ? 228
                                                                           : 100)
                                 << 10;
  p.reservedSharedMemPerBlock = 1 << 10;
  p.sharedMemPerBlockOptin = p.sharedMemPerMultiprocessor - p.reservedSharedMemPerBlock;
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc % 3 != 2) {
    std::fprintf(stderr, "usage: occupancy CAPABILITY THREADS REGISTERS SHARED ...\n");
    return 2;
  }
  cudaOccDeviceProp const device = properties(std::atoi(argv[1]));
  cudaOccDeviceState const state;
  for (int i = 2; i < argc; i += 3) {
    int const threads = std::atoi(argv[i]);
    cudaOccFuncAttributes kernel;
    kernel.maxThreadsPerBlock = device.maxThreadsPerBlock;
    kernel.numRegs = std::atoi(argv[i + 1]);
    kernel.sharedSizeBytes = static_cast<std::size_t>(std::atoll(argv[i + 2]));
    kernel.maxDynamicSharedSizeBytes = device.sharedMemPerBlockOptin;
    cudaOccResult found;
    if (cudaOccMaxActiveBlocksPerMultiprocessor(&found, &device, &kernel, &state, threads, 0) !=
        CUDA_OCC_SUCCESS) {
      std::fprintf(stderr, "occupancy: cuda_occupancy.h knows no compute capability %s\n", argv[1]);
      return 1;
    }
    std::printf("%.4f\n", static_cast<double>(found.activeBlocksPerMultiprocessor * threads) /
                              device.maxThreadsPerMultiprocessor);
  }
  return 0;
}
