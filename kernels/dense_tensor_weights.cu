#include "kernels/dense_lanes.cuh"
#include "kernels/dense_tensor.cuh"
#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"
#include "kernels/ptx.cuh"
#include "kernels/tile.cuh"

namespace jetcal::cuda {
namespace {

// dw [inputs, outputs] = x^T dz and db = the sum of dz's rows, for each lane over its own rows, on
// tensor cores.
//
//   a block owns   64 x 64 elements of one lane's dw, and walks the lane's rows 64 (bf16) or 32
//                  (tf32) at a time: while one stage is multiplied, the next two are copied
//   a warp owns    a quarter of a stage's rows, one step of the depth, for all 64 x 64: 4 x 8
//                  products of 16 x 8; the four warps' sums are added in order at the end
//   a thread has   128 sums, 32 more for db where the block has it, and copies 4 pieces of x and dz
//   shared memory  48 KiB: 3 stages of x and dz (8 KiB each), in the end two times 32 KiB of sums.
//                  Pieces of 16 bytes change places within a row, so that no load meets in a bank
//   block size     small tiles, so that 8 lanes of a layer of 210 x 210 are 128 blocks
constexpr int kTile = 64, kWarps = 4, kThreads = 32 * kWarps, kStages = 3;
constexpr int kPiece = 16;
constexpr int kDown = 4, kAcross = 8;  // products of 16 x 8 a warp
constexpr int kCopies = 4;             // of x and of dz by a thread
constexpr int kOperandBytes = kThreads * kCopies * kPiece;
constexpr int kStageBytes = 2 * kOperandBytes;

template <class T>
struct Shape {
  static constexpr int kNumbers = kPiece / static_cast<int>(sizeof(T));  // in a piece
  static constexpr int kRowBytes = kTile * static_cast<int>(sizeof(T));
  static constexpr int kPieces = kRowBytes / kPiece;
  static constexpr int kDepth = kOperandBytes / kRowBytes;  // rows of a stage
  static constexpr int kStep = kDepth / kWarps;             // rows of an mma
  static constexpr int kRowsACopy = kThreads / kPieces;
};

/// Where a piece of a row lies: bf16 is loaded as 8 rows of one piece, tf32 as 4 rows of 2
/// neighbours.
__device__ int place(int row, int piece, Bf16) {
  return row * Shape<Bf16>::kRowBytes + (piece ^ row % 8) * kPiece;
}
__device__ int place(int row, int piece, Tf32) {
  return row * Shape<Tf32>::kRowBytes + (piece ^ row % 4 * 2) * kPiece;
}

__device__ int lane_of_warp() { return static_cast<int>(threadIdx.x) % 32; }
__device__ int warp_of_block() { return static_cast<int>(threadIdx.x) / 32; }

/// What a thread copies: one piece of 4 rows of x and of dz.
template <class T>
class Copier {
  using S = Shape<T>;

 public:
  __device__ Copier(unsigned char const* stages, ConstMatOf<T> const& x, ConstMatOf<T> const& dz,
                    std::int64_t first_row, std::int64_t last_row, std::int64_t input,
                    std::int64_t output)
      : x_(operand(x, first_row, input)),
        dz_(operand(dz, first_row, output)),
        rows_left_(last_row - first_row - row()),
        to_(ptx::shared_address(stages + place(row(), piece(), T{}))) {}

  /// Starts to copy the rows of the next stage, as one group; those past the last become 0.
  __device__ void copy(int stage) {
    constexpr std::int64_t kAll = kCopies * S::kRowsACopy;
    if (rows_left_ > kAll - S::kRowsACopy) {
      copy_rows<0>(stage, x_, kAll);
      copy_rows<kOperandBytes>(stage, dz_, kAll);
    } else {
      copy_rows<0>(stage, x_, rows_left_);
      copy_rows<kOperandBytes>(stage, dz_, rows_left_);
      x_.bytes = dz_.bytes = 0;  // nothing is left
    }
    rows_left_ -= S::kDepth;
    ptx::commit_copies();
  }

 private:
  struct Operand {
    std::uint64_t next, apart;  // this thread's piece of its next row, and bytes to the row after
    int bytes;                  // of the piece that the matrix has
  };

  static __device__ int row() { return static_cast<int>(threadIdx.x) / S::kPieces; }
  static __device__ int piece() { return static_cast<int>(threadIdx.x) % S::kPieces; }

  static __device__ Operand operand(ConstMatOf<T> const& m, std::int64_t first_row,
                                    std::int64_t first_col) {
    int const left = static_cast<int>(m.cols - first_col) - piece() * S::kNumbers;
    int const bytes = left < S::kNumbers ? left * static_cast<int>(sizeof(T)) : kPiece;
    T const* const first = m.data + (first_row + row()) * m.ld + first_col;
    return {ptx::global_address(first) + static_cast<std::uint64_t>(piece() * kPiece),
            static_cast<std::uint64_t>(S::kRowsACopy * m.ld) * sizeof(T), bytes < 0 ? 0 : bytes};
  }

  template <int kOffset>
  __device__ void copy_rows(int stage, Operand& from, std::int64_t rows_left) const {
    constexpr int kApart = S::kRowsACopy * S::kRowBytes;
    std::uint32_t const to = to_ + static_cast<std::uint32_t>(stage);
    copy_row<kOffset + 0 * kApart>(to, from, rows_left > 0 * S::kRowsACopy);
    copy_row<kOffset + 1 * kApart>(to, from, rows_left > 1 * S::kRowsACopy);
    copy_row<kOffset + 2 * kApart>(to, from, rows_left > 2 * S::kRowsACopy);
    copy_row<kOffset + 3 * kApart>(to, from, rows_left > 3 * S::kRowsACopy);
  }

  template <int kOffset>
  static __device__ void copy_row(std::uint32_t to, Operand& from, bool there) {
    ptx::copy_async<kOffset>(to, from.next, there ? from.bytes : 0);
    from.next += from.apart;
  }

  Operand x_, dz_;
  std::int64_t rows_left_;
  std::uint32_t to_;
};

// ---- the warps' sums on their way to dw ----

/// 32 x 64 sums of each warp in shared memory, 4 columns a piece, which change places within a row
/// so that neither the stores below nor the loads of whole rows meet in a bank.
constexpr int kPartialRows = 32, kPartialFours = kTile / 4;

struct PartialRow {
  float4* partial;
  int warp, row;

  __device__ float4* four(int i) const {
    int const place = i ^ row % 4 * 2 ^ row / 4 % 2;
    return partial + (warp * kPartialRows + row) * kPartialFours + place;
  }
};

/// Sums of products of one row of a: [product across][as ptx::mma has them].
using Sums = float[kAcross][4];

// ---- what bf16 and tf32 do differently: thread 4 g + t of a warp ----

/// Loads a step's factors of all products, x at kOffset 0 and dz at kOperandBytes: two products of
/// 8 columns in m[i], the first's in m[i][0] and m[i][2]. And says which element of dw a sum is.
template <class T>
class Fragments;

/// ldmatrix transposes. Product (i, j) has inputs 16 i to 16 i + 15 and outputs 8 j to 8 j + 7.
template <>
class Fragments<Bf16> {
 public:
  explicit __device__ Fragments(unsigned char const* stages) {
    int const lane = lane_of_warp(), first = warp_of_block() * Shape<Bf16>::kStep;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int const at = place(first + lane % 8 + lane / 16 * 8, 2 * i + lane / 8 % 2, Bf16{});
      from_[i] = ptx::shared_address(stages + at);
    }
  }

  template <int kOffset>
  __device__ void load(int stage, std::uint32_t (&m)[4][4]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      ptx::load_matrices_transposed<kOffset>(m[i], from_[i] + static_cast<std::uint32_t>(stage));
    }
  }

  /// Of 32 inputs, the one that the upper or lower row of products i = 0, 1 belongs to.
  static __device__ int input(int i, int lower) { return 16 * i + lane_of_warp() / 4 + 8 * lower; }

  static __device__ void store(Sums const& c, int lower, PartialRow const& row) {
    int const t = lane_of_warp() % 4;
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
      auto* const two = reinterpret_cast<float2*>(row.four(2 * j + t / 2));
      two[t % 2] = {c[j][2 * lower], c[j][2 * lower + 1]};
    }
  }

 private:
  std::uint32_t from_[4];
};

/// No instruction transposes elements of 4 bytes, but which input or output a factor stands for is
/// ours to choose: so that a thread loads 4 neighbours at once. Products 2 k and 2 k + 1 have
/// inputs 32 k + 4 g to 32 k + 4 g + 3, products 4 k to 4 k + 3 outputs 32 k + 4 g to 32 k + 4 g
/// + 3.
template <>
class Fragments<Tf32> {
 public:
  explicit __device__ Fragments(unsigned char const* stages)
      : from_(stages + place(warp_of_block() * Shape<Tf32>::kStep + lane_of_warp() % 4,
                             lane_of_warp() / 4, Tf32{})) {}

  template <int kOffset>
  __device__ void load(int stage, std::uint32_t (&m)[4][4]) const {
    constexpr int kLower = 4 * Shape<Tf32>::kRowBytes, kRight = 8 * kPiece;
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      unsigned char const* const p = from_ + stage + kOffset + k * kRight;
      uint4 const upper = *reinterpret_cast<uint4 const*>(p);
      uint4 const lower = *reinterpret_cast<uint4 const*>(p + kLower);
      m[2 * k][0] = upper.x, m[2 * k][1] = upper.y, m[2 * k][2] = lower.x, m[2 * k][3] = lower.y;
      m[2 * k + 1][0] = upper.z, m[2 * k + 1][1] = upper.w;
      m[2 * k + 1][2] = lower.z, m[2 * k + 1][3] = lower.w;
    }
  }

  static __device__ int input(int i, int lower) { return 4 * (lane_of_warp() / 4) + 2 * i + lower; }

  static __device__ void store(Sums const& c, int lower, PartialRow const& row) {
    int const t = lane_of_warp() % 4;
#pragma unroll
    for (int k = 0; k < 2; ++k) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        int const r = 2 * lower + e, j = 4 * k;
        *row.four(8 * k + 2 * t + e) = {c[j][r], c[j + 1][r], c[j + 2][r], c[j + 3][r]};
      }
    }
  }

 private:
  unsigned char const* from_;
};

// ---- the same for both ----

__device__ std::uint32_t two_ones(Bf16) { return 0x3f803f80u; }
__device__ std::uint32_t two_ones(Tf32) { return 0x3f800000u; }

/// The sums of one warp.
template <class T>
struct WarpSums {
  Sums dw[kDown] = {};
  Sums db = {};  // of a row of ones: the bias is a weight whose input is always 1

  __device__ void multiply(Fragments<T> const& fragments, int stage, bool with_bias) {
    std::uint32_t a[kDown][4], b[kAcross / 2][4];
    fragments.template load<0>(stage, a);
    fragments.template load<kOperandBytes>(stage, b);
#pragma unroll
    for (int i = 0; i < kDown; ++i) { multiply_row(a[i], b, dw[i]); }
    if (with_bias) {
      std::uint32_t const one = two_ones(T{});
      std::uint32_t const ones[4] = {one, one, one, one};
      multiply_row(ones, b, db);
    }
  }

  static __device__ void multiply_row(std::uint32_t const (&a)[4],
                                      std::uint32_t const (&b)[kAcross / 2][4], Sums& c) {
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
      ptx::mma(c[j], a, b[j / 2][j % 2], b[j / 2][j % 2 + 2], T{});
    }
  }
};

/// out's row, 4 columns from `col` on, = the four warps' sums in order (on top of it, if
/// `accumulate`).
__device__ void add_warps(float4* partial, int row, int four, bool accumulate, Mat const& out,
                          std::int64_t out_row, std::int64_t col) {
  if (out_row >= out.rows || col >= out.cols) { return; }
  float4 sum = *PartialRow{partial, 0, row}.four(four);
#pragma unroll
  for (int w = 1; w < kWarps; ++w) {
    float4 const more = *PartialRow{partial, w, row}.four(four);
    sum = {sum.x + more.x, sum.y + more.y, sum.z + more.z, sum.w + more.w};
  }
  if (accumulate) {
    float4 const old = load_four(out, out_row, col);
    sum = {old.x + sum.x, old.y + sum.y, old.z + sum.z, old.w + sum.w};
  }
  store_four(out, out_row, col, sum);
}

/// Adds the warps' sums up, 32 inputs at a time, and writes them.
template <class T>
__device__ void finish(WarpSums<T> const& sums, float4* partial, std::int64_t input,
                       std::int64_t output, bool with_bias, bool accumulate, Mat const& dw,
                       Mat const& db) {
  int const t = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    __syncthreads();  // nobody reads what is there any more
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int lower = 0; lower < 2; ++lower) {
        Fragments<T>::store(sums.dw[2 * half + i], lower,
                            {partial, warp_of_block(), Fragments<T>::input(i, lower)});
      }
    }
    __syncthreads();
    for (int i = t; i < kPartialRows * kPartialFours; i += kThreads) {
      int const row = i / kPartialFours, four = i % kPartialFours;
      add_warps(partial, row, four, accumulate, dw, input + half * kPartialRows + row,
                output + 4 * four);
    }
  }
  if (!with_bias) { return; }
  __syncthreads();
  if (lane_of_warp() < 4) { Fragments<T>::store(sums.db, 0, {partial, warp_of_block(), 0}); }
  __syncthreads();
  if (t < kPartialFours) { add_warps(partial, 0, t, accumulate, db, 0, output + 4 * t); }
}

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    tensor_weights_kernel(ConstMatOf<T> x, ConstMatOf<T> dz, LaneWork lanes, bool accumulate,
                          Mat dw, Mat db) {
  __shared__ __align__(128) unsigned char stages[kStages * kStageBytes];
  auto const after = [](int stage) {
    return stage == (kStages - 1) * kStageBytes ? 0 : stage + kStageBytes;
  };
  Fragments<T> const fragments(stages);
  std::int64_t const tiles_across = (dz.cols + kTile - 1) / kTile;
  std::int64_t const tiles_a_lane = (x.cols + kTile - 1) / kTile * tiles_across;
  for (std::int64_t tile = blockIdx.x; tile < tiles_a_lane * lanes.count; tile += gridDim.x) {
    std::int64_t const lane = tile / tiles_a_lane;
    std::int64_t const input = tile % tiles_a_lane / tiles_across * kTile;
    std::int64_t const output = tile % tiles_across * kTile;
    bool const with_bias = input == 0;
    std::int64_t const first = lanes.begin(lane), last = lanes.begin(lane + 1);
    constexpr int kDepth = Shape<T>::kDepth;
    std::int64_t const n_stages = (last - first + kDepth - 1) / kDepth;
    Copier<T> copier(stages, x, dz, first, last, input, output);
    WarpSums<T> sums;
    int stage = 0, before = (kStages - 1) * kStageBytes;
    for (int s = 0; s < before; s += kStageBytes) { copier.copy(s); }
    for (std::int64_t s = 0; s < n_stages; ++s, before = stage, stage = after(stage)) {
      ptx::wait_for_copies<kStages - 2>();
      __syncthreads();  // everybody's copies have come, and nobody reads the stage before any more
      copier.copy(before);
      sums.multiply(fragments, stage, with_bias);
    }
    ptx::wait_for_copies<0>();
    finish(sums, reinterpret_cast<float4*>(stages), input, output, with_bias, accumulate,
           lanes.in_lane(dw, lane), lanes.in_lane(db, lane));
    __syncthreads();  // before the next tile's copies
  }
}

}  // namespace

template <class T>
void dense_backward_weights(cudaStream_t stream, ConstMatOf<T> x, ConstMatOf<T> dz,
                            Lanes const& lanes, LaneArenas const& arenas, bool accumulate, Mat dw,
                            Mat db) {
  char const* const where = "dense_backward_weights";
  require_fours(where, "input", x, lanes.rows, x.cols);
  require_fours(where, "gradient", dz, lanes.rows, dz.cols);
  require_fours(where, "weight gradient", dw, x.cols, dz.cols);
  require_fours(where, "bias gradient", db, 1, dz.cols);
  std::int64_t const tiles = (x.cols + kTile - 1) / kTile * ((dz.cols + kTile - 1) / kTile);
  launch({where, lanes.rows, x.cols, dz.cols}, tensor_weights_kernel<T>,
         grid_of_blocks(tiles * lanes.count, kThreads), stream, x, dz,
         LaneWork{lanes.rows, lanes.count, arenas}, accumulate, dw, db);
}

template void dense_backward_weights(cudaStream_t, ConstMatOf<Tf32>, ConstMatOf<Tf32>, Lanes const&,
                                     LaneArenas const&, bool, Mat, Mat);
template void dense_backward_weights(cudaStream_t, ConstMatOf<Bf16>, ConstMatOf<Bf16>, Lanes const&,
                                     LaneArenas const&, bool, Mat, Mat);

}  // namespace jetcal::cuda
