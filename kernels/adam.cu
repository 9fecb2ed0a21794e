#include "kernels/adam.math.hpp"
#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"

namespace jetcal::cuda {
namespace {

__global__ void adam_kernel(float* p, float* m, float* v, float const* g, std::int64_t n,
                            AdamStep const* step, int const* refused) {
  if (*refused != 0) { return; }
  AdamStep const constants = *step;
  for (auto i = first_index(); i < n; i += index_stride()) {
    float pi = p[i], mi = m[i], vi = v[i];
    math::adam(constants, g[i], pi, mi, vi);
    p[i] = pi;
    m[i] = mi;
    v[i] = vi;
  }
}

}  // namespace

void adam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                 AdamStep const* step, int const* refused) {
  launch({"adam_update", n, 1, 1}, adam_kernel, grid_of(n), stream, p, m, v, g, n, step, refused);
}

}  // namespace jetcal::cuda
