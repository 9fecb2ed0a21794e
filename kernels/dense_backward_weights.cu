#include "kernels/dense.cuh"
#include "kernels/dense_lanes.cuh"
#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"
#include "kernels/tile.cuh"

namespace jetcal::cuda {
namespace {

// dw [inputs, outputs] = x^T dz and db = the sum of dz's rows, for each lane over its own rows, one
// chain an element in the order of the rows.
//
//   a block owns   64 x 64 elements of one lane's dw, and walks the lane's rows in tiles of 16
//   a thread owns  inputs 4y .. 4y + 3 and outputs 4x .. 4x + 3: 16 chains in registers; the first
//                  threads of the first blocks add up db beside them
//   shared memory  16 KiB: two tiles of x and of dz (16 x 64 each), one being filled while the
//                  other is multiplied
//   a row costs a thread 2 reads of 16 bytes and 16 fma; within a warp those of x touch 2
//   neighbours, those of dz 16: no bank is asked twice
constexpr int kTile = 64, kDepth = 16;
constexpr int kSide = kTile / 4;  // threads are kSide x kSide
constexpr int kThreads = kSide * kSide;

struct WeightTiles {
  float4 x[2][kDepth][kSide];
  float4 dz[2][kDepth][kSide];
};

/// The chains of one thread: [input][output], and the bias's.
struct Chains {
  float4 dw[4];
  float4 db;
};

__device__ void multiply_row(float4 x, float4 dz, Chains& chains) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float const xi = component(x, i);
    chains.dw[i].x = fmaf(xi, dz.x, chains.dw[i].x);
    chains.dw[i].y = fmaf(xi, dz.y, chains.dw[i].y);
    chains.dw[i].z = fmaf(xi, dz.z, chains.dw[i].z);
    chains.dw[i].w = fmaf(xi, dz.w, chains.dw[i].w);
  }
}

__device__ void add_row(float4 dz, Chains& chains) {
  chains.db.x = chains.db.x + dz.x;
  chains.db.y = chains.db.y + dz.y;
  chains.db.z = chains.db.z + dz.z;
  chains.db.w = chains.db.w + dz.w;
}

/// The first `rows` <= 16 rows of a tile.
template <bool kWithBias>
__device__ void multiply_rows(WeightTiles const& tiles, int buffer, int rows, Chains& chains) {
  int const across = static_cast<int>(threadIdx.x) % kSide;
  int const down = static_cast<int>(threadIdx.x) / kSide;
#pragma unroll 4
  for (int r = 0; r < rows; ++r) {
    float4 const dz = tiles.dz[buffer][r][across];
    multiply_row(tiles.x[buffer][r][down], dz, chains);
    if (kWithBias) { add_row(dz, chains); }
  }
}

/// Rows first .. last - 1 of all chains. Every thread of a block gets here.
__device__ void walk_rows(ConstMat const& x, ConstMat const& dz, std::int64_t input,
                          std::int64_t output, std::int64_t first, std::int64_t last,
                          bool with_bias, WeightTiles& tiles, Chains& chains) {
  int const across = static_cast<int>(threadIdx.x) % kSide;
  int const down = static_cast<int>(threadIdx.x) / kSide;
  float4 next_x = load_four(x, first + down, input + 4 * across);
  float4 next_dz = load_four(dz, first + down, output + 4 * across);
  int buffer = 0;
  for (std::int64_t row = first; row < last; row += kDepth, buffer ^= 1) {
    tiles.x[buffer][down][across] = next_x;
    tiles.dz[buffer][down][across] = next_dz;
    __syncthreads();
    if (row + kDepth < last) {
      next_x = load_four(x, row + kDepth + down, input + 4 * across);
      next_dz = load_four(dz, row + kDepth + down, output + 4 * across);
    }
    int const rows = last - row < kDepth ? static_cast<int>(last - row) : kDepth;
    if (with_bias) {
      multiply_rows<true>(tiles, buffer, rows, chains);
    } else {
      multiply_rows<false>(tiles, buffer, rows, chains);
    }
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kThreads)
    weights_kernel(ConstMat x, ConstMat dz, LaneWork lanes, bool accumulate, Mat dw, Mat db) {
  __shared__ WeightTiles tiles;
  int const across = static_cast<int>(threadIdx.x) % kSide;
  int const down = static_cast<int>(threadIdx.x) / kSide;
  std::int64_t const tiles_across = (dz.cols + kTile - 1) / kTile;
  std::int64_t const tiles_a_lane = (x.cols + kTile - 1) / kTile * tiles_across;
  for (std::int64_t t = blockIdx.x; t < tiles_a_lane * lanes.count; t += gridDim.x) {
    std::int64_t const lane = t / tiles_a_lane;
    std::int64_t const input = t % tiles_a_lane / tiles_across * kTile;
    std::int64_t const output = t % tiles_across * kTile;
    Mat const lane_dw = lanes.in_lane(dw, lane), lane_db = lanes.in_lane(db, lane);
    std::int64_t const col = output + 4 * across;
    bool const with_bias = input == 0 && down == 0;
    Chains chains{};
    if (accumulate) {
#pragma unroll
      for (int i = 0; i < 4; ++i) { chains.dw[i] = load_four(lane_dw, input + 4 * down + i, col); }
      if (with_bias) { chains.db = load_four(lane_db, 0, col); }
    }
    walk_rows(x, dz, input, output, lanes.begin(lane), lanes.begin(lane + 1), with_bias, tiles,
              chains);
    if (col >= dz.cols) { continue; }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      std::int64_t const row = input + 4 * down + i;
      if (row < x.cols) { store_four(lane_dw, row, col, chains.dw[i]); }
    }
    if (with_bias) { store_four(lane_db, 0, col, chains.db); }
  }
}

}  // namespace

void dense_backward_weights(cudaStream_t stream, ConstMat x, ConstMat dz, Lanes const& lanes,
                            LaneArenas const& arenas, bool accumulate, Mat dw, Mat db) {
  char const* const where = "dense_backward_weights";
  require_fours(where, "input", x, lanes.rows, x.cols);
  require_fours(where, "gradient", dz, lanes.rows, dz.cols);
  require_fours(where, "weight gradient", dw, x.cols, dz.cols);
  require_fours(where, "bias gradient", db, 1, dz.cols);
  std::int64_t const tiles = (x.cols + kTile - 1) / kTile * ((dz.cols + kTile - 1) / kTile);
  launch({where, lanes.rows, x.cols, dz.cols}, weights_kernel,
         grid_of_blocks(tiles * lanes.count, kThreads), stream, x, dz,
         LaneWork{lanes.rows, lanes.count, arenas}, accumulate, dw, db);
}

}  // namespace jetcal::cuda
