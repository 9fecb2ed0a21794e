#include "kernels/dense_cublas.cuh"
#include "kernels/dense_epilogues.cuh"
#include "kernels/dense_lanes.cuh"
#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"
#include "kernels/storage.cuh"
#include "kernels/vendor_gradient.cuh"

namespace jetcal::cuda {
namespace {

// What follows cuBLAS's product, in place: `finish` as in dense.cu, four columns a thread.
template <class T, class Finish>
__global__ void epilogue_kernel(MatOf<T> y, Finish finish) {
  std::int64_t const fours = (y.cols + 3) / 4;
  for (auto i = first_index(); i < y.rows * fours; i += index_stride()) {
    std::int64_t const row = i / fours, col = i % fours * 4;
    finish(row, col, load_four(y, row, col));
  }
}

// db = the sum of dz's rows, for each lane over its own.
//
//   a block owns   32 columns of one lane
//   a warp owns    every 16th row of the lane, a thread one column of them
//   shared memory  2 KiB: the sums of the warps, which warp 0 adds up in order
constexpr int kSumCols = 32, kSumWarps = 16;

template <class T>
__global__ void __launch_bounds__(kSumCols* kSumWarps)
    bias_gradient_kernel(ConstMatOf<T> dz, LaneWork lanes, bool accumulate, Mat db) {
  __shared__ float sums[kSumWarps][kSumCols];
  int const x = static_cast<int>(threadIdx.x) % kSumCols;
  int const warp = static_cast<int>(threadIdx.x) / kSumCols;
  std::int64_t const pieces = (dz.cols + kSumCols - 1) / kSumCols;
  for (std::int64_t t = blockIdx.x; t < pieces * lanes.count; t += gridDim.x) {
    std::int64_t const lane = t / pieces, col = t % pieces * kSumCols + x;
    std::int64_t const end = lanes.begin(lane + 1);
    float sum = 0;
    for (std::int64_t r = lanes.begin(lane) + warp; col < dz.cols && r < end; r += kSumWarps) {
      sum = sum + widened(dz.data[r * dz.ld + col]);
    }
    sums[warp][x] = sum;
    __syncthreads();
    if (warp == 0 && col < dz.cols) {
      for (int w = 1; w < kSumWarps; ++w) { sum = sum + sums[w][x]; }
      float* const out = lanes.in_lane(db, lane).data + col;
      *out = accumulate ? *out + sum : sum;
    }
    __syncthreads();
  }
}

}  // namespace

template <class T>
void dense_forward(Cublas const& cublas, ConstMatOf<T> x, ConstMatOf<T> w, float const* bias,
                   Activation activation, MatOf<T> y, MatOf<T> slope) {
  char const* const where = "dense_forward";
  ConstMat const b{bias, 1, y.cols, padded(y.cols)};
  require_fours(where, "output", y, y.rows, y.cols);
  require_fours(where, "bias", b, 1, y.cols);
  if (slope.data != nullptr) { require_fours(where, "slope", slope, y.rows, y.cols); }
  cublas.multiply(Factor<T>{x}, Factor<T>{w}, false, y);
  OpShape const shape{where, x.rows, x.cols, y.cols};
  Grid const grid = grid_of(y.rows * ((y.cols + 3) / 4));
  cudaStream_t const stream = cublas.context().stream();
  if (activation == Activation::mish) {
    launch(shape, epilogue_kernel<T, BiasAndMish<T>>, grid, stream, y, BiasAndMish<T>{b, y, slope});
  } else {
    launch(shape, epilogue_kernel<T, BiasOnly<T>>, grid, stream, y, BiasOnly<T>{b, y});
  }
}

template <class T>
void dense_backward_data(Cublas const& cublas, ConstMatOf<T> dz, ConstMatOf<T> w,
                         GradientTo<T> const& dx) {
  cublas.multiply(Factor<T>{dz}, Factor<T>{w, true}, dx.accumulate, dx.out);
  finish_gradient(cublas.context().stream(), dx);
}

template <class T>
void dense_backward_weights(Cublas const& cublas, ConstMatOf<T> x, ConstMatOf<T> dz,
                            Lanes const& lanes, LaneArenas const& arenas, bool accumulate, Mat dw,
                            Mat db) {
  char const* const where = "dense_backward_weights";
  require_view(where, "input", x, lanes.rows, x.cols);
  require_view(where, "gradient", dz, lanes.rows, dz.cols);
  require_view(where, "weight gradient", dw, x.cols, dz.cols);
  require_view(where, "bias gradient", db, 1, dz.cols);
  LaneWork const work{lanes.rows, lanes.count, arenas};
  // Lane 0 lies apart; the others are one batch if all have as many rows.
  bool const equal = lanes.rows % lanes.count == 0;
  std::int64_t count = 1;
  for (std::int64_t lane = 0; lane < lanes.count; lane += count) {
    count = equal && lane > 0 ? lanes.count - lane : 1;
    std::int64_t const begin = lanes.begin(lane), rows = lanes.begin(lane + 1) - begin;
    Factor<T> const lane_x{{x.row(begin), rows, x.cols, x.ld}, true};
    Factor<T> const lane_dz{{dz.row(begin), rows, dz.cols, dz.ld}};
    cublas.multiply(lane_x, lane_dz, accumulate, work.in_lane(dw, lane),
                    {count, rows * x.ld, rows * dz.ld, arenas.stride});
  }
  std::int64_t const pieces = (dz.cols + kSumCols - 1) / kSumCols;
  launch({where, lanes.rows, x.cols, dz.cols}, bias_gradient_kernel<T>,
         grid_of_blocks(pieces * lanes.count, kSumCols * kSumWarps), cublas.context().stream(), dz,
         work, accumulate, db);
}

template void dense_forward(Cublas const&, ConstMat, ConstMat, float const*, Activation, Mat, Mat);
template void dense_backward_data(Cublas const&, ConstMat, ConstMat, GradientTo<float> const&);
template void dense_backward_weights(Cublas const&, ConstMat, ConstMat, Lanes const&,
                                     LaneArenas const&, bool, Mat, Mat);
template void dense_forward(Cublas const&, ConstMatOf<Tf32>, ConstMatOf<Tf32>, float const*,
                            Activation, MatOf<Tf32>, MatOf<Tf32>);
template void dense_backward_data(Cublas const&, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                  GradientTo<Tf32> const&);
template void dense_backward_weights(Cublas const&, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                     Lanes const&, LaneArenas const&, bool, Mat, Mat);
template void dense_forward(Cublas const&, ConstMatOf<Bf16>, ConstMatOf<Bf16>, float const*,
                            Activation, MatOf<Bf16>, MatOf<Bf16>);
template void dense_backward_data(Cublas const&, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                  GradientTo<Bf16> const&);
template void dense_backward_weights(Cublas const&, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                     Lanes const&, LaneArenas const&, bool, Mat, Mat);

}  // namespace jetcal::cuda
