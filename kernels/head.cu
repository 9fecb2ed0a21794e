#include "kernels/head.cuh"

#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"
#include "kernels/loss.math.hpp"
#include "kernels/tile.cuh"

namespace jetcal::cuda {
namespace {

// A thread owns a row: the chains of its (up to 3) outputs and all that follows. A block owns 128
// rows and walks the inputs in tiles of 16 columns.
//
//   shared memory  8.25 KiB: 128 x 16 of x, 16 x 4 of w. Pieces of four columns change places
//                  within a row, so that neither the writes (2 rows x 4 pieces at a time) nor the
//                  reads (8 rows x 1 piece) ask a bank twice
constexpr int kRows = 128, kDepth = 16, kPieces = kDepth / 4;

struct HeadTiles {
  float4 x[kRows][kPieces];
  float4 w[kDepth];
};

__device__ int place(int row, int piece) { return piece ^ (row / 2 % kPieces); }

template <class T>
__device__ void load_tiles(ConstMatOf<T> const& x, ConstMat const& w, std::int64_t first_row,
                           std::int64_t depth, HeadTiles& tiles) {
  int const t = static_cast<int>(threadIdx.x);
  for (int i = t; i < kRows * kPieces; i += kRows) {
    int const row = i / kPieces, piece = i % kPieces;
    tiles.x[row][place(row, piece)] = load_four(x, first_row + row, depth + 4 * piece);
  }
  if (t < kDepth) { tiles.w[t] = load_four(w, depth + t, 0); }
}

/// chains += the first `depth` <= 16 columns of the tile.
__device__ void multiply(HeadTiles const& tiles, int depth, float4& chains) {
  int const row = static_cast<int>(threadIdx.x);
  for (int piece = 0; 4 * piece < depth; ++piece) {
    float4 const x = tiles.x[row][place(row, piece)];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (4 * piece + i < depth) {
        float4 const w = tiles.w[4 * piece + i];
        chains.x = fmaf(component(x, i), w.x, chains.x);
        chains.y = fmaf(component(x, i), w.y, chains.y);
        chains.z = fmaf(component(x, i), w.z, chains.z);
      }
    }
  }
}

/// `finish(row, a)` takes a row's pre-activations.
template <class T, class Finish>
__global__ void __launch_bounds__(kRows, 7)
    head_kernel(ConstMatOf<T> x, ConstMat w, ConstMat bias, Finish finish) {
  __shared__ HeadTiles tiles;
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kRows; first < x.rows;
       first += static_cast<std::int64_t>(gridDim.x) * kRows) {
    float4 chains{0, 0, 0, 0};
    for (std::int64_t depth = 0; depth < x.cols; depth += kDepth) {
      load_tiles(x, w, first, depth, tiles);
      __syncthreads();
      std::int64_t const left = x.cols - depth;
      multiply(tiles, left < kDepth ? static_cast<int>(left) : kDepth, chains);
      __syncthreads();
    }
    std::int64_t const row = first + threadIdx.x;
    if (row < x.rows) {
      float4 const b = load_four(bias, 0, 0);
      float const a[3] = {chains.x + b.x, chains.y + b.y, chains.z + b.z};
      finish(row, a);
    }
  }
}

struct Outputs {
  Mat y;

  __device__ void operator()(std::int64_t row, float const (&a)[3]) const {
#pragma unroll
    for (int k = 0; k < 3; ++k) {
      if (k < y.cols) { y.data[row * y.ld + k] = math::head_output(a[k]); }
    }
  }
};

template <class T>
struct OutputsAndLoss {
  HeadRows rows;
  LossParams params;
  Mat y;
  MatOf<T> da;

  __device__ void operator()(std::int64_t row, float const (&a)[3]) const {
    float const target = rows.targets[row * rows.target_stride];
    math::HeadRow<float> const found =
        math::head_row(a, target, rows.weights[row], *rows.gradient_scale, params);
    rows.row_loss[row] = found.loss;
    rows.row_kept[row] = found.kept;
#pragma unroll
    for (int k = 0; k < 3; ++k) {
      if (k < params.outputs) {
        y.data[row * y.ld + k] = found.out[k];
        da.data[row * da.ld + k] = narrowed<T>(found.gradient[k]);
      }
    }
  }
};

template <class T>
void require_product(char const* where, ConstMatOf<T> x, ConstMat w, ConstMat bias, Mat y) {
  JETCAL_REQUIRE(y.cols >= 1 && y.cols <= 3, ShapeError,
                 where << ": the head has " << y.cols << " outputs (must be 1 to 3)");
  require_fours(where, "input", x, y.rows, w.rows);
  require_fours(where, "weight", w, w.rows, y.cols);
  require_fours(where, "bias", bias, 1, y.cols);
  require_view(where, "output", y, y.rows, y.cols);
}

Grid grid_of_heads(std::int64_t rows) { return grid_of_blocks((rows + kRows - 1) / kRows, kRows); }

}  // namespace

template <class T>
void head_forward(cudaStream_t stream, ConstMatOf<T> x, ConstMat w, float const* bias, Mat y) {
  char const* const where = "head_forward";
  ConstMat const b{bias, 1, y.cols, padded(y.cols)};
  require_product(where, x, w, b, y);
  launch({where, x.rows, x.cols, y.cols}, head_kernel<T, Outputs>, grid_of_heads(x.rows), stream, x,
         w, b, Outputs{y});
}

template <class T>
void head_loss(cudaStream_t stream, ConstMatOf<T> x, ConstMat w, float const* bias,
               HeadRows const& rows, LossParams const& params, Mat y, MatOf<T> da) {
  char const* const where = "head_loss";
  ConstMat const b{bias, 1, y.cols, padded(y.cols)};
  require_product(where, x, w, b, y);
  require_view(where, "output", y, x.rows, params.outputs);
  require_view(where, "gradient", da, x.rows, params.outputs);
  bool const complete = rows.targets != nullptr && rows.weights != nullptr &&
                        rows.gradient_scale != nullptr && rows.row_loss != nullptr &&
                        rows.row_kept != nullptr;
  JETCAL_REQUIRE(x.rows == 0 || complete, ShapeError,
                 where << ": targets, weights, gradient_scale, row_loss or row_kept is null");
  launch({where, x.rows, x.cols, y.cols}, head_kernel<T, OutputsAndLoss<T>>, grid_of_heads(x.rows),
         stream, x, w, b, OutputsAndLoss<T>{rows, params, y, da});
}

template void head_forward(cudaStream_t, ConstMat, ConstMat, float const*, Mat);
template void head_forward(cudaStream_t, ConstMatOf<Tf32>, ConstMat, float const*, Mat);
template void head_forward(cudaStream_t, ConstMatOf<Bf16>, ConstMat, float const*, Mat);
template void head_loss(cudaStream_t, ConstMat, ConstMat, float const*, HeadRows const&,
                        LossParams const&, Mat, Mat);
template void head_loss(cudaStream_t, ConstMatOf<Tf32>, ConstMat, float const*, HeadRows const&,
                        LossParams const&, Mat, MatOf<Tf32>);
template void head_loss(cudaStream_t, ConstMatOf<Bf16>, ConstMat, float const*, HeadRows const&,
                        LossParams const&, Mat, MatOf<Bf16>);

}  // namespace jetcal::cuda
