#include "engine/errors.hpp"
#include "kernels/average.math.hpp"
#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"

namespace jetcal::cuda {
namespace {

__global__ void average_kernel(float* average, float const* p, std::int64_t n,
                               float one_minus_decay) {
  for (auto i = first_index(); i < n; i += index_stride()) {
    average[i] = math::averaged(average[i], p[i], one_minus_decay);
  }
}

}  // namespace

void average_update(cudaStream_t stream, float* average, float const* p, std::int64_t n,
                    float decay) {
  JETCAL_REQUIRE(decay >= 0 && decay <= 1, ConfigError,
                 "average: decay is " << decay << " (must be in [0, 1])");
  launch({"average_update", n, 1, 1}, average_kernel, grid_of(n), stream, average, p, n,
         1.0f - decay);
}

}  // namespace jetcal::cuda
