#include "kernels/average.math.hpp"
#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"

namespace jetcal::cuda {
namespace {

__global__ void average_kernel(float* average, float const* p, std::int64_t n, float const* rate,
                               int const* refused) {
  if (*refused != 0) { return; }
  float const one_minus_decay = *rate;
  for (auto i = first_index(); i < n; i += index_stride()) {
    average[i] = math::averaged(average[i], p[i], one_minus_decay);
  }
}

}  // namespace

void average_update(cudaStream_t stream, float* average, float const* p, std::int64_t n,
                    float const* rate, int const* refused) {
  launch({"average_update", n, 1, 1}, average_kernel, grid_of(n), stream, average, p, n, rate,
         refused);
}

}  // namespace jetcal::cuda
