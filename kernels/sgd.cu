#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"
#include "kernels/sgd.math.hpp"

namespace jetcal::cuda {
namespace {

__global__ void sgd_kernel(float* p, float* velocity, float const* g, std::int64_t n,
                           SgdStep const* step, int const* refused) {
  if (*refused != 0) { return; }
  SgdStep const constants = *step;
  for (auto i = first_index(); i < n; i += index_stride()) {
    float pi = p[i], vi = velocity[i];
    math::sgd(constants, g[i], pi, vi);
    p[i] = pi;
    velocity[i] = vi;
  }
}

}  // namespace

void sgd_update(cudaStream_t stream, float* p, float* velocity, float const* g, std::int64_t n,
                SgdStep const* step, int const* refused) {
  launch({"sgd_update", n, 1, 1}, sgd_kernel, grid_of(n), stream, p, velocity, g, n, step, refused);
}

}  // namespace jetcal::cuda
