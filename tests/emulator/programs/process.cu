// A program of its own for process_test.py: what is wrong with it depends on its argument.
#include <cuda_runtime.h>

#include <cstdio>
#include <string>

namespace {

__global__ void double_kernel(float* x, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { x[i] *= 2.0f; }
}

}  // namespace

int main(int argc, char** argv) {
  std::string const what = argc > 1 ? argv[1] : "";
  void* memory = nullptr;
  cudaMalloc(&memory, 400);
  cudaMemset(memory, 0, 400);
  double_kernel<<<4, 32>>>(static_cast<float*>(memory), what == "bounds" ? 101 : 100);
  cudaError_t const error = cudaDeviceSynchronize();
  std::printf("%s\n", cudaGetErrorName(error));
  if (what == "touch") { std::printf("%g\n", static_cast<double>(*static_cast<float*>(memory))); }
  if (what != "leak") { cudaFree(memory); }
  return 0;
}
