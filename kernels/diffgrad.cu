#include "kernels/diffgrad.math.hpp"
#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"

namespace jetcal::cuda {
namespace {

__global__ void diffgrad_kernel(float* p, float* m, float* v, float* before, float const* g,
                                std::int64_t n, DiffgradStep const* step, int const* refused) {
  if (*refused != 0) { return; }
  DiffgradStep const constants = *step;
  for (auto i = first_index(); i < n; i += index_stride()) {
    float pi = p[i], mi = m[i], vi = v[i], bi = before[i];
    math::diffgrad(constants, g[i], pi, mi, vi, bi);
    p[i] = pi;
    m[i] = mi;
    v[i] = vi;
    before[i] = bi;
  }
}

}  // namespace

void diffgrad_update(cudaStream_t stream, float* p, float* m, float* v, float* g_before,
                     float const* g, std::int64_t n, DiffgradStep const* step, int const* refused) {
  launch({"diffgrad_update", n, 1, 1}, diffgrad_kernel, grid_of(n), stream, p, m, v, g_before, g, n,
         step, refused);
}

}  // namespace jetcal::cuda
