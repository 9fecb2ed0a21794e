#include "kernels/bin_sums.cuh"

#include "kernels/launch.cuh"
#include "kernels/strands.cuh"

namespace jetcal::cuda {
namespace {

// A block owns a bin and walks the rows in tiles of 1024: it looks for those of its bin and brings
// their numbers to shared memory, one behind the other in the order of the rows; then one thread a
// sum adds them up, which is the order that defines the bits.
//
//   a warp         32 neighbouring rows at a time, four times a tile
//   shared memory  20.2 KiB: the numbers, five rows of them whose elements lie in different banks
constexpr int kWarp = 32, kWarps = kBlock / kWarp, kRounds = 4, kTile = kRounds * kBlock;
constexpr int kNumbers =
    5;  // weight; loss and kept of two heads: BinSums from its second number on

__device__ float const* numbers_of(BinRows const& rows, int i) {
  if (i == 0) { return rows.weights; }
  auto const& head = rows.heads[(i - 1) / 2];
  return i % 2 == 1 ? head.loss : head.kept;
}

__global__ void __launch_bounds__(kBlock)
    bin_sums_kernel(__grid_constant__ BinRows const rows, std::int64_t n_bins, BinSums* sums) {
  __shared__ float numbers[kNumbers][kTile + 1];
  __shared__ int counts[kRounds * kWarps];  // rows of this bin among 32 neighbours
  int const t = static_cast<int>(threadIdx.x);
  unsigned const threads_before = (1u << t % kWarp) - 1;
  for (std::int64_t bin = blockIdx.x; bin < n_bins; bin += gridDim.x) {
    double* const of_bin = &sums[bin].jets;
    double sum = t < kNumbers + 1 ? of_bin[t] : 0;
    for (std::int64_t first = 0; first < rows.rows; first += kTile) {
      unsigned found[kRounds];  // by the 32 neighbours
#pragma unroll
      for (int k = 0; k < kRounds; ++k) {
        std::int64_t const row = first + k * kBlock + t;
        bool const here = row < rows.rows && rows.bins[row] == bin;
        found[k] = __ballot_sync(kWholeWarp, here);
        if (t % kWarp == 0) { counts[k * kWarps + t / kWarp] = __popc(found[k]); }
      }
      __syncthreads();
      int total = 0;
#pragma unroll
      for (int k = 0; k < kRounds; ++k) {
        for (int warp = 0; warp < kWarps; ++warp) {
          if (warp == t / kWarp && (found[k] >> t % kWarp & 1) != 0) {
            int const place = total + __popc(found[k] & threads_before);
            std::int64_t const row = first + k * kBlock + t;
#pragma unroll
            for (int i = 0; i < kNumbers; ++i) {
              float const* const from = numbers_of(rows, i);
              if (from != nullptr) { numbers[i][place] = from[row]; }
            }
          }
          total += counts[k * kWarps + warp];
        }
      }
      __syncthreads();
      if (t == 0) {
        sum += total;
      } else if (t <= kNumbers && numbers_of(rows, t - 1) != nullptr) {
        for (int i = 0; i < total; ++i) { sum += static_cast<double>(numbers[t - 1][i]); }
      }
    }
    if (t < kNumbers + 1) { of_bin[t] = sum; }
  }
}

}  // namespace

void add_to_bins(cudaStream_t stream, BinRows const& rows, std::int64_t n_bins, BinSums* sums) {
  static_assert(sizeof(BinSums) == (kNumbers + 1) * sizeof(double));
  std::int64_t const blocks = rows.rows > 0 ? n_bins : 0;
  launch({"add_to_bins", rows.rows, n_bins, kNumbers + 1}, bin_sums_kernel,
         grid_of_blocks(blocks, kBlock), stream, rows, n_bins, sums);
}

}  // namespace jetcal::cuda
