#include "kernels/launch.cuh"
#include "kernels/optimizers.cuh"
#include "kernels/radam.math.hpp"

namespace jetcal::cuda {
namespace {

__global__ void radam_kernel(float* p, float* m, float* v, float const* g, std::int64_t n,
                             RadamStep const* step, int const* refused) {
  if (*refused != 0) { return; }
  RadamStep const constants = *step;
  for (auto i = first_index(); i < n; i += index_stride()) {
    float pi = p[i], mi = m[i], vi = v[i];
    math::radam(constants, g[i], pi, mi, vi);
    p[i] = pi;
    m[i] = mi;
    v[i] = vi;
  }
}

}  // namespace

void radam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                  RadamStep const* step, int const* refused) {
  launch({"radam_update", n, 1, 1}, radam_kernel, grid_of(n), stream, p, m, v, g, n, step, refused);
}

}  // namespace jetcal::cuda
