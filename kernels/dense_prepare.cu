#include "kernels/dense.cuh"
#include "kernels/launch.cuh"
#include "kernels/storage.cuh"
#include "kernels/views.hpp"

namespace jetcal::cuda {
namespace {

/// A block owns 32 x 32 elements; a column more in shared memory keeps the banks apart.
constexpr int kSide = 32;

/// copy = from, unless it has no data, and transposed = its transpose.
template <class T>
__global__ void prepare_kernel(ConstMat from, MatOf<T> copy, MatOf<T> transposed) {
  __shared__ float tile[kSide][kSide + 1];
  int const x = static_cast<int>(threadIdx.x) % kSide;
  int const y = static_cast<int>(threadIdx.x) / kSide;
  std::int64_t const across = (from.cols + kSide - 1) / kSide;
  std::int64_t const n_tiles = (from.rows + kSide - 1) / kSide * across;
  for (std::int64_t t = blockIdx.x; t < n_tiles; t += gridDim.x) {
    std::int64_t const row = t / across * kSide, col = t % across * kSide;
    for (int i = y; i < kSide; i += kBlock / kSide) {
      bool const inside = row + i < from.rows && col + x < from.cols;
      float const v = inside ? from.data[(row + i) * from.ld + col + x] : 0.0f;
      tile[i][x] = v;
      if (inside && copy.data != nullptr) {
        copy.data[(row + i) * copy.ld + col + x] = narrowed<T>(v);
      }
    }
    __syncthreads();
    for (int i = y; i < kSide; i += kBlock / kSide) {
      bool const inside = col + i < from.cols && row + x < from.rows;
      if (inside) {
        transposed.data[(col + i) * transposed.ld + row + x] = narrowed<T>(tile[x][i]);
      }
    }
    __syncthreads();
  }
}

}  // namespace

template <class T>
void dense_prepare(cudaStream_t stream, ConstMat w, MatOf<T> rounded, MatOf<T> transposed) {
  char const* const where = "dense_prepare";
  require_view(where, "weight", w, w.rows, w.cols);
  if (rounded.data != nullptr) { require_view(where, "rounded weight", rounded, w.rows, w.cols); }
  require_view(where, "transposed weight", transposed, w.cols, w.rows);
  std::int64_t const tiles = (w.rows + kSide - 1) / kSide * ((w.cols + kSide - 1) / kSide);
  launch({where, 0, w.rows, w.cols}, prepare_kernel<T>, grid_of_blocks(tiles, kBlock), stream, w,
         rounded, transposed);
}

template void dense_prepare(cudaStream_t, ConstMat, Mat, Mat);
template void dense_prepare(cudaStream_t, ConstMat, MatOf<Tf32>, MatOf<Tf32>);
template void dense_prepare(cudaStream_t, ConstMat, MatOf<Bf16>, MatOf<Bf16>);

}  // namespace jetcal::cuda
