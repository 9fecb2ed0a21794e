#include "kernels/dense_tensor.cuh"

#include "kernels/dense_epilogues.cuh"
#include "kernels/dense_views.cuh"
#include "kernels/launch.cuh"
#include "kernels/ptx.cuh"

namespace jetcal::cuda {
namespace {

// out [rows, cols] = a [rows, depth] b^T, b [cols, depth], on tensor cores. Tf32 and Bf16 differ in
// how many numbers 16 bytes hold and in the instruction, nowhere else.
//
//   a block owns   128 rows x 128 columns of out, and walks the depth 64 bytes of a row at a time
//                  (16 tf32, 32 bf16): while one stage is multiplied, the next two are copied
//   a warp owns    64 x 64: 4 x 8 products of 16 x 8
//   a thread has   128 sums, and copies 4 rows of a and 4 of b
//   shared memory  48 KiB: 3 stages of a (128 x 64 bytes) and b (the same). Pieces of 16 bytes
//                  change places within a row, so that neither the copies nor the 8 rows of an
//                  ldmatrix meet in a bank
//   block size     4 warps: with 64 x 64 a warp an operand loaded from shared memory is used 4 to 8
//                  times, and two blocks fit on a multiprocessor of every card from 8.0 on
constexpr int kTile = 128, kThreads = 128, kStages = 3;
constexpr int kRowBytes = 64, kPiece = 16, kPieces = kRowBytes / kPiece;
constexpr int kOperandBytes = kTile * kRowBytes;
constexpr int kStageBytes = 2 * kOperandBytes;
constexpr int kStepBytes = 2 * kPiece;          // of the depth in one mma
constexpr int kRowsACopy = kThreads / kPieces;  // rows that all threads together copy at a time
constexpr int kCopies = kTile / kRowsACopy;     // of each operand by a thread
constexpr int kDown = 4, kAcross = 8;           // products of 16 x 8 a warp

/// Where a piece of a row lies. The 8 rows of an ldmatrix are neighbours in a, and 0, 1, 4, 5, 8,
/// 9, 12, 13 (or 2 more) in b.
__device__ int place_in_a(int row, int piece) {
  return row * kRowBytes + (piece ^ (row / 2 % kPieces)) * kPiece;
}
__device__ int place_in_b(int row, int piece) {
  return kOperandBytes + row * kRowBytes + (piece ^ (row / 4 % kPieces)) * kPiece;
}

/// What a thread copies: one piece of 4 rows of each operand. Rows that are not there are read from
/// the last one; their products go nowhere. Beyond the depth both operands are 0.
template <class T>
class Copier {
 public:
  __device__ Copier(ConstMatOf<T> const& a, ConstMatOf<T> const& b, std::int64_t first_row,
                    std::int64_t first_col)
      : bytes_left_(a.cols * static_cast<std::int64_t>(sizeof(T)) - piece() * kPiece),
        to_a_(place_in_a(row(), piece())),
        to_b_(place_in_b(row(), piece())) {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      a_[i] = address(a, first_row + row() + i * kRowsACopy);
      b_[i] = address(b, first_col + row() + i * kRowsACopy);
    }
  }

  /// Starts to copy the next 64 bytes of the depth.
  __device__ void copy(std::uint32_t stage) {
    std::int64_t const left = bytes_left_ < kPiece ? bytes_left_ : kPiece;
    int const bytes = left < 0 ? 0 : static_cast<int>(left);
    copy_rows(stage + to_a_, a_, bytes);
    copy_rows(stage + to_b_, b_, bytes);
    bytes_left_ -= kRowBytes;
  }

 private:
  static __device__ int row() { return static_cast<int>(threadIdx.x) / kPieces; }
  static __device__ int piece() { return static_cast<int>(threadIdx.x) % kPieces; }

  static __device__ std::uint64_t address(ConstMatOf<T> const& m, std::int64_t row) {
    T const* const first = m.data + (row < m.rows ? row : m.rows - 1) * m.ld;
    return ptx::global_address(first) + static_cast<std::uint64_t>(piece() * kPiece);
  }

  static __device__ void copy_rows(std::uint32_t to, std::uint64_t (&from)[kCopies], int bytes) {
    constexpr int kApart = kRowsACopy * kRowBytes;
    ptx::copy_async<0 * kApart>(to, from[0], bytes);
    ptx::copy_async<1 * kApart>(to, from[1], bytes);
    ptx::copy_async<2 * kApart>(to, from[2], bytes);
    ptx::copy_async<3 * kApart>(to, from[3], bytes);
#pragma unroll
    for (int i = 0; i < kCopies; ++i) { from[i] += kRowBytes; }
  }

  std::uint64_t a_[kCopies], b_[kCopies];
  std::int64_t bytes_left_;
  std::uint32_t to_a_, to_b_;
};

/// The sums of one warp, and where it reads its operands.
///
/// Thread 4 g + t holds of product (i, j) the rows 16 i + g and 16 i + g + 8. Which column an
/// operand of b stands for is ours to choose: products j and j + 1 (j even) share 16 columns so
/// that a thread holds 4 neighbours of them, 4 t to 4 t + 3.
template <class T>
class WarpSums {
 public:
  __device__ WarpSums()
      : from_a_(place_in_a(first_row() + lane() % 16, lane() / 16)),
        from_b_(place_in_b(first_col() + lane() % 8 / 2 * 4 + lane() % 2 + lane() / 16 * 2,
                           lane() / 8 % 2)) {}

  __device__ void multiply_stage(std::uint32_t stage) {
#pragma unroll
    for (int step = 0; step < kRowBytes / kStepBytes; ++step) {
      std::uint32_t a[kDown][4], b[kAcross / 2][4];
      // The step changes one bit of the place, before and after the pieces change places.
      load_four_matrices(a, stage + (from_a_ ^ step * kStepBytes));
      load_four_matrices(b, stage + (from_b_ ^ step * kStepBytes));
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          std::uint32_t const* const pair = b[j / 2] + j % 2 * 2;
          ptx::mma(sums_[i][j], a[i], pair[0], pair[1], T{});
        }
      }
    }
  }

  template <class Finish>
  __device__ void finish(ConstMatOf<T> const& a, ConstMatOf<T> const& b, std::int64_t row,
                         std::int64_t col, Finish const& put) const {
    row += first_row() + lane() / 4;
    col += first_col() + lane() % 4 * 4;
#pragma unroll
    for (int j = 0; j < kAcross; j += 2) {
#pragma unroll
      for (int i = 0; i < 2 * kDown; ++i) {
        float const* const left = sums_[i / 2][j] + i % 2 * 2;
        float const* const right = sums_[i / 2][j + 1] + i % 2 * 2;
        if (row + 8 * i < a.rows && col + 8 * j < b.rows) {
          put(row + 8 * i, col + 8 * j, {left[0], left[1], right[0], right[1]});
        }
      }
    }
  }

 private:
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ int first_row() { return static_cast<int>(threadIdx.x) / 64 * 64; }
  static __device__ int first_col() { return static_cast<int>(threadIdx.x) / 32 % 2 * 64; }

  /// Of 64 rows.
  static __device__ void load_four_matrices(std::uint32_t (&m)[4][4], std::uint32_t address) {
    constexpr int kApart = 16 * kRowBytes;
    ptx::load_matrices<0 * kApart>(m[0], address);
    ptx::load_matrices<1 * kApart>(m[1], address);
    ptx::load_matrices<2 * kApart>(m[2], address);
    ptx::load_matrices<3 * kApart>(m[3], address);
  }

  float sums_[kDown][kAcross][4] = {};
  std::uint32_t from_a_, from_b_;
};

/// `finish(row, col, sums)` takes the columns col .. col + 3 of each row.
template <class T, class Finish>
__global__ void __launch_bounds__(kThreads, 2)
    tensor_product_kernel(ConstMatOf<T> a, ConstMatOf<T> b, Finish finish) {
  __shared__ __align__(128) unsigned char stages[kStages * kStageBytes];
  std::uint32_t const first_stage = ptx::shared_address(stages);
  std::uint32_t const end_of_stages = first_stage + kStages * kStageBytes;
  auto const after = [=](std::uint32_t stage) {
    return stage + kStageBytes == end_of_stages ? first_stage : stage + kStageBytes;
  };
  std::int64_t const across = (b.rows + kTile - 1) / kTile;
  std::int64_t const n_tiles = (a.rows + kTile - 1) / kTile * across;
  constexpr int kDepth = kRowBytes / static_cast<int>(sizeof(T));
  int const n_stages = static_cast<int>((a.cols + kDepth - 1) / kDepth);
  for (std::int64_t tile = blockIdx.x; tile < n_tiles; tile += gridDim.x) {
    std::int64_t const first_row = tile / across * kTile, first_col = tile % across * kTile;
    Copier<T> copier(a, b, first_row, first_col);
    WarpSums<T> sums;
    std::uint32_t to = first_stage, from = first_stage;
    for (int s = 0; s < kStages - 1; ++s, to = after(to)) {
      if (s < n_stages) { copier.copy(to); }
      ptx::commit_copies();
    }
    for (int s = 0; s < n_stages; ++s, from = after(from), to = after(to)) {
      ptx::wait_for_copies<kStages - 2>();
      __syncthreads();  // everybody's copies have come, and nobody reads the stage before any more
      if (s + kStages - 1 < n_stages) { copier.copy(to); }
      ptx::commit_copies();
      sums.multiply_stage(from);
    }
    sums.finish(a, b, first_row, first_col, finish);
    __syncthreads();  // before the next tile's copies
  }
}

template <class T, class Finish>
void launch_product(char const* where, cudaStream_t stream, ConstMatOf<T> a, ConstMatOf<T> b,
                    Finish const& finish) {
  std::int64_t const down = (a.rows + kTile - 1) / kTile, across = (b.rows + kTile - 1) / kTile;
  launch({where, a.rows, a.cols, b.rows}, tensor_product_kernel<T, Finish>,
         grid_of_blocks(down * across, kThreads), stream, a, b, finish);
}

}  // namespace

template <class T>
void dense_forward(cudaStream_t stream, ConstMatOf<T> x, ConstMatOf<T> transposed,
                   float const* bias, Activation activation, MatOf<T> y, MatOf<T> slope) {
  char const* const where = "dense_forward";
  require_fours(where, "input", x, y.rows, transposed.cols);
  require_fours(where, "transposed weight", transposed, y.cols, transposed.cols);
  require_fours(where, "output", y, y.rows, y.cols);
  ConstMat const b{bias, 1, y.cols, padded(y.cols)};
  require_fours(where, "bias", b, 1, y.cols);
  if (slope.data != nullptr) { require_fours(where, "slope", slope, y.rows, y.cols); }
  if (activation == Activation::mish) {
    launch_product(where, stream, x, transposed, BiasAndMish<T>{b, y, slope});
  } else {
    launch_product(where, stream, x, transposed, BiasOnly<T>{b, y});
  }
}

template <class T>
void dense_backward_data(cudaStream_t stream, ConstMatOf<T> dz, ConstMatOf<T> w,
                         GradientTo<T> const& dx) {
  char const* const where = "dense_backward_data";
  require_fours(where, "gradient", dz, dx.out.rows, w.cols);
  require_fours(where, "weight", w, dx.out.cols, w.cols);
  require_gradient(where, dx);
  launch_product(where, stream, dz, w, PutGradient<T>{dx});
}

template void dense_forward(cudaStream_t, ConstMatOf<Tf32>, ConstMatOf<Tf32>, float const*,
                            Activation, MatOf<Tf32>, MatOf<Tf32>);
template void dense_forward(cudaStream_t, ConstMatOf<Bf16>, ConstMatOf<Bf16>, float const*,
                            Activation, MatOf<Bf16>, MatOf<Bf16>);
template void dense_backward_data(cudaStream_t, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                  GradientTo<Tf32> const&);
template void dense_backward_data(cudaStream_t, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                  GradientTo<Bf16> const&);

}  // namespace jetcal::cuda
