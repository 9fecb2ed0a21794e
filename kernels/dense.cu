#include "kernels/dense.cuh"
#include "kernels/dense_epilogues.cuh"
#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"

namespace jetcal::cuda {
namespace {

// out [rows, cols] = a [rows, depth] b [depth, cols], every output one chain of fma in the order of
// the depth.
//
//   a block owns   128 rows x 64 columns of out, and walks the depth in tiles of 16
//   a thread owns  rows y, y + 16, ..., y + 112 and columns 4x .. 4x + 3: 32 chains in registers
//   shared memory  24 KiB: two tiles of a (128 x 16) and of b (16 x 64), one being filled while the
//                  other is multiplied
//   four steps of the depth cost a thread 12 reads of 16 bytes and 128 fma; within a warp the reads
//   of a touch 2 rows and those of b 16 neighbours: no bank is asked twice
constexpr int kRows = 128, kCols = 64, kDepth = 16;
constexpr int kSide = 16;  // threads are kSide x kSide
constexpr int kThreadRows = kRows / kSide;
constexpr int kProductThreads = kSide * kSide;

struct ProductTiles {
  float4 a[2][kRows][kDepth / 4];
  float4 b[2][kDepth][kCols / 4];
};

/// What one thread carries from global to shared memory for one step of the depth.
struct ProductPieces {
  float4 a[2];
  float4 b;
};

__device__ ProductPieces load_pieces(ConstMat const& a, ConstMat const& b, std::int64_t first_row,
                                     std::int64_t first_col, std::int64_t depth) {
  int const t = static_cast<int>(threadIdx.x);
  ProductPieces pieces;
  for (int i = 0; i < 2; ++i) {
    int const piece = t + i * kProductThreads;
    pieces.a[i] = load_four(a, first_row + piece / 4, depth + piece % 4 * 4);
  }
  pieces.b = load_four(b, depth + t / kSide, first_col + t % kSide * 4);
  return pieces;
}

__device__ void store_pieces(ProductPieces const& pieces, ProductTiles& tiles, int buffer) {
  int const t = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 2; ++i) {
    int const piece = t + i * kProductThreads;
    tiles.a[buffer][piece / 4][piece % 4] = pieces.a[i];
  }
  tiles.b[buffer][t / kSide][t % kSide] = pieces.b;
}

/// chains += four steps of the depth.
__device__ void multiply_four(float4 const (&a)[kThreadRows], float4 const (&b)[4],
                              float4 (&chains)[kThreadRows]) {
#pragma unroll
  for (int k = 0; k < 4; ++k) {
#pragma unroll
    for (int i = 0; i < kThreadRows; ++i) {
      float const x = component(a[i], k);
      chains[i].x = fmaf(x, b[k].x, chains[i].x);
      chains[i].y = fmaf(x, b[k].y, chains[i].y);
      chains[i].z = fmaf(x, b[k].z, chains[i].z);
      chains[i].w = fmaf(x, b[k].w, chains[i].w);
    }
  }
}

/// The whole tile: all 16 steps of the depth.
__device__ void multiply_tile(ProductTiles const& tiles, int buffer,
                              float4 (&chains)[kThreadRows]) {
  int const x = static_cast<int>(threadIdx.x) % kSide, y = static_cast<int>(threadIdx.x) / kSide;
#pragma unroll
  for (int k = 0; k < kDepth; k += 4) {
    float4 a[kThreadRows], b[4];
#pragma unroll
    for (int i = 0; i < kThreadRows; ++i) { a[i] = tiles.a[buffer][y + kSide * i][k / 4]; }
#pragma unroll
    for (int j = 0; j < 4; ++j) { b[j] = tiles.b[buffer][k + j][x]; }
    multiply_four(a, b, chains);
  }
}

/// The first `depth` < 16 steps. A step more with zeros could turn a chain's -0 into +0.
__device__ void multiply_part(ProductTiles const& tiles, int buffer, int depth,
                              float4 (&chains)[kThreadRows]) {
  int const x = static_cast<int>(threadIdx.x) % kSide, y = static_cast<int>(threadIdx.x) / kSide;
  for (int k = 0; k < depth; ++k) {
    float4 const b = tiles.b[buffer][k][x];
#pragma unroll
    for (int i = 0; i < kThreadRows; ++i) {
      float const a = reinterpret_cast<float const*>(tiles.a[buffer][y + kSide * i])[k];
      chains[i].x = fmaf(a, b.x, chains[i].x);
      chains[i].y = fmaf(a, b.y, chains[i].y);
      chains[i].z = fmaf(a, b.z, chains[i].z);
      chains[i].w = fmaf(a, b.w, chains[i].w);
    }
  }
}

/// `finish(row, col, chains)` takes the columns col .. col + 3 of each row.
template <class Finish>
__global__ void __launch_bounds__(kProductThreads)
    product_kernel(ConstMat a, ConstMat b, Finish finish) {
  __shared__ ProductTiles tiles;
  int const x = static_cast<int>(threadIdx.x) % kSide, y = static_cast<int>(threadIdx.x) / kSide;
  std::int64_t const across = (b.cols + kCols - 1) / kCols;
  std::int64_t const n_tiles = (a.rows + kRows - 1) / kRows * across;
  for (std::int64_t tile = blockIdx.x; tile < n_tiles; tile += gridDim.x) {
    std::int64_t const first_row = tile / across * kRows, first_col = tile % across * kCols;
    float4 chains[kThreadRows] = {};
    ProductPieces pieces = load_pieces(a, b, first_row, first_col, 0);
    store_pieces(pieces, tiles, 0);
    __syncthreads();
    int buffer = 0;
    for (std::int64_t depth = 0; depth < a.cols; depth += kDepth, buffer ^= 1) {
      bool const more = depth + kDepth < a.cols;
      if (more) { pieces = load_pieces(a, b, first_row, first_col, depth + kDepth); }
      if (depth + kDepth <= a.cols) {
        multiply_tile(tiles, buffer, chains);
      } else {
        multiply_part(tiles, buffer, static_cast<int>(a.cols - depth), chains);
      }
      if (more) { store_pieces(pieces, tiles, buffer ^ 1); }
      __syncthreads();
    }
    std::int64_t const col = first_col + 4 * x;
    if (col >= b.cols) { continue; }
#pragma unroll  // chains stay in registers
    for (int i = 0; i < kThreadRows; ++i) {
      std::int64_t const row = first_row + y + kSide * i;
      if (row < a.rows) { finish(row, col, chains[i]); }
    }
  }
}

template <class T>
__global__ void backward_activation_kernel(ConstMatOf<T> slope, MatOf<T> dy) {
  std::int64_t const fours = (dy.cols + 3) / 4;
  for (auto i = first_index(); i < dy.rows * fours; i += index_stride()) {
    std::int64_t const row = i / fours, col = i % fours * 4;
    float4 d = load_four(dy, row, col);
    if (slope.data != nullptr) {
      float4 const s = load_four(slope, row, col);
      d = {d.x * s.x, d.y * s.y, d.z * s.z, d.w * s.w};
    }
    store_four(dy, row, col, d);
  }
}

Grid product_grid(ConstMat a, ConstMat b) {
  std::int64_t const down = (a.rows + kRows - 1) / kRows, across = (b.cols + kCols - 1) / kCols;
  return grid_of_blocks(down * across, kProductThreads);
}

}  // namespace

void dense_forward(cudaStream_t stream, ConstMat x, ConstMat w, float const* bias,
                   Activation activation, Mat y, Mat slope) {
  char const* const where = "dense_forward";
  require_fours(where, "input", x, y.rows, w.rows);
  require_fours(where, "weight", w, w.rows, y.cols);
  require_fours(where, "output", y, y.rows, y.cols);
  ConstMat const b{bias, 1, y.cols, padded(y.cols)};
  require_fours(where, "bias", b, 1, y.cols);
  if (slope.data != nullptr) { require_fours(where, "slope", slope, y.rows, y.cols); }
  OpShape const shape{where, x.rows, x.cols, y.cols};
  Grid const grid = product_grid(x, w);
  if (activation == Activation::mish) {
    launch(shape, product_kernel<BiasAndMish<float>>, grid, stream, x, w,
           BiasAndMish<float>{b, y, slope});
  } else {
    launch(shape, product_kernel<BiasOnly<float>>, grid, stream, x, w, BiasOnly<float>{b, y});
  }
}

template <class T>
void dense_backward_activation(cudaStream_t stream, ConstMatOf<T> slope, MatOf<T> dy) {
  char const* const where = "dense_backward_activation";
  if (slope.data != nullptr) { require_fours(where, "slope", slope, dy.rows, dy.cols); }
  require_fours(where, "gradient", dy, dy.rows, dy.cols);
  launch({where, dy.rows, dy.cols, dy.cols}, backward_activation_kernel<T>,
         grid_of(dy.rows * ((dy.cols + 3) / 4)), stream, slope, dy);
}

void dense_backward_data(cudaStream_t stream, ConstMat dz, ConstMat transposed,
                         GradientTo<float> const& dx) {
  char const* const where = "dense_backward_data";
  require_fours(where, "gradient", dz, dx.out.rows, transposed.rows);
  require_fours(where, "transposed weight", transposed, dz.cols, dx.out.cols);
  require_gradient(where, dx);
  launch({where, dz.rows, dz.cols, dx.out.cols}, product_kernel<PutGradient<float>>,
         product_grid(dz, transposed), stream, dz, transposed, PutGradient<float>{dx});
}

template void dense_backward_activation(cudaStream_t, ConstMat, Mat);
template void dense_backward_activation(cudaStream_t, ConstMatOf<Tf32>, MatOf<Tf32>);
template void dense_backward_activation(cudaStream_t, ConstMatOf<Bf16>, MatOf<Bf16>);

}  // namespace jetcal::cuda
