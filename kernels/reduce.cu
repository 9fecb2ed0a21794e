#include "kernels/reduce.cuh"

#include "engine/errors.hpp"
#include "kernels/launch.cuh"
#include "kernels/strands.cuh"

namespace jetcal::cuda {
namespace {

// ---- gradient lanes ----

/// ((l0 + l1) + (l2 + l3)) + ... of kLanes neighbours, `stride` floats apart.
template <int kLanes>
__device__ float tree(float const* lane, std::int64_t stride) {
  if constexpr (kLanes == 1) {
    return *lane;
  } else {
    float const left = tree<kLanes / 2>(lane, stride);
    return left + tree<kLanes / 2>(lane + kLanes / 2 * stride, stride);
  }
}

/// The same where the first of kLanes lies elsewhere: `lane` is where the second one is.
template <int kLanes>
__device__ float tree_from(float first, float const* lane, std::int64_t stride) {
  if constexpr (kLanes == 1) {
    return first;
  } else {
    float const left = tree_from<kLanes / 2>(first, lane, stride);
    return left + tree<kLanes / 2>(lane + (kLanes / 2 - 1) * stride, stride);
  }
}

template <int kLanes>
__global__ void lanes_kernel(LaneArenas arenas, std::int64_t begin, std::int64_t end) {
  for (auto i = begin + first_index(); i < end; i += index_stride()) {
    arenas.first[i] = tree_from<kLanes>(arenas.first[i], arenas.others + i, arenas.stride);
  }
}

using LanesKernel = void (*)(LaneArenas, std::int64_t, std::int64_t);

LanesKernel kernel_for(std::int64_t n_lanes) {
  switch (n_lanes) {
    case 1:
      return lanes_kernel<1>;
    case 2:
      return lanes_kernel<2>;
    case 4:
      return lanes_kernel<4>;
    case 8:
      return lanes_kernel<8>;
    case 16:
      return lanes_kernel<16>;
    case 32:
      return lanes_kernel<32>;
    case 64:
      return lanes_kernel<64>;
    case 128:
      return lanes_kernel<128>;
    case 256:
      return lanes_kernel<256>;
    default:
      throw ShapeError("sum_lanes: there are " + std::to_string(n_lanes) +
                       " lanes (must be a power of two, 1 to 256)");
  }
}

// ---- sums over rows ----

constexpr int kStaged = 2048;

// A block owns one lane of one array. All threads bring rows to shared memory, the first one adds
// them up: the order is the definition.
__global__ void row_sums_kernel(__grid_constant__ RowArrays const arrays, std::int64_t rows,
                                std::int64_t lanes, double* lane_sums) {
  __shared__ float staged[kStaged];
  std::int64_t const lane = blockIdx.x % lanes;
  float const* const values = arrays.of[blockIdx.x / lanes];
  if (values == nullptr) { return; }
  std::int64_t const end = (lane + 1) * rows / lanes;
  double sum = 0;
  for (std::int64_t first = lane * rows / lanes; first < end; first += kStaged) {
    std::int64_t const here = end - first < kStaged ? end - first : kStaged;
    for (std::int64_t i = threadIdx.x; i < here; i += blockDim.x) { staged[i] = values[first + i]; }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int i = 0; i < here; ++i) { sum += static_cast<double>(staged[i]); }
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) { lane_sums[blockIdx.x] = sum; }
}

// A block owns one array: the tree over its lanes.
__global__ void row_tree_kernel(__grid_constant__ RowArrays const arrays, std::int64_t lanes,
                                double const* lane_sums, double* totals) {
  __shared__ double sums[kBlock];
  if (arrays.of[blockIdx.x] == nullptr) { return; }
  int const i = static_cast<int>(threadIdx.x);
  if (i < lanes) { sums[i] = lane_sums[blockIdx.x * lanes + i]; }
  for (int step = 1; step < lanes; step *= 2) {
    __syncthreads();
    if (i % (2 * step) == 0 && i + step < lanes) { sums[i] += sums[i + step]; }
  }
  if (i == 0) { totals[blockIdx.x] = sums[0]; }
}

__global__ void inverse_kernel(double const* divisor, float* scale) {
  *scale = *divisor > 0 ? static_cast<float>(1.0 / *divisor) : 0.0f;
}

// ---- norms ----

// Half a warp owns a chunk and its 16 threads are the strands.
__global__ void norm_parts_kernel(float const* x, std::int64_t n, std::int64_t n_parts,
                                  NormResult* parts) {
  for (auto part = half_warp_index(); part < even_rows(n_parts); part += half_warp_stride()) {
    std::int64_t const begin = part * cpu::kNormChunk;
    std::int64_t const end = begin + cpu::kNormChunk < n ? begin + cpu::kNormChunk : n;
    double sum = 0;
    int non_finite = 0;
#pragma unroll 4
    for (std::int64_t i = begin + strand_index(); i < end; i += kStrands) {
      auto const v = static_cast<double>(x[i]);
      sum += v * v;
      non_finite += isfinite(x[i]) ? 0 : 1;
    }
    sum = sum_of_strands(sum);
    non_finite = sum_of_strands(non_finite);
    if (strand_index() == 0 && part < n_parts) { parts[part] = {sum, non_finite}; }
  }
}

// One block: parts to shared memory, then one thread adds them in order, 16 to a group.
__global__ void norm_total_kernel(NormResult const* parts, std::int64_t n_parts,
                                  NormResult* total) {
  constexpr int kGroup = static_cast<int>(kNormGroup / cpu::kNormChunk);
  __shared__ NormResult staged[kBlock];
  NormResult sum = *total;
  for (std::int64_t first = 0; first < n_parts; first += kBlock) {
    int const here = n_parts - first < kBlock ? static_cast<int>(n_parts - first) : kBlock;
    int const i = static_cast<int>(threadIdx.x);
    if (i < here) { staged[i] = parts[first + i]; }
    __syncthreads();
    for (int group = 0; threadIdx.x == 0 && group < here; group += kGroup) {
      double in_group = 0;
      for (int k = group; k < here && k < group + kGroup; ++k) {
        in_group += staged[k].sum_of_squares;
        sum.non_finite += staged[k].non_finite;
      }
      sum.sum_of_squares += in_group;
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) { *total = sum; }
}

__global__ void refuse_kernel(double const* losses, int n, NormResult const* norm, int* refused) {
  bool finite = norm->non_finite == 0 && isfinite(norm->sum_of_squares);
  for (int i = 0; i < n; ++i) { finite = finite && isfinite(losses[2 * i]); }
  if (!finite) { *refused = 1; }
}

}  // namespace

void sum_lanes(cudaStream_t stream, LaneArenas const& arenas, std::int64_t n_lanes,
               std::int64_t begin, std::int64_t end) {
  LanesKernel const kernel = kernel_for(n_lanes);
  if (n_lanes == 1) { return; }
  launch({"sum_lanes", end - begin, n_lanes, 1}, kernel, grid_of(end - begin), stream, arenas,
         begin, end);
}

void sum_rows(cudaStream_t stream, RowArrays const& arrays, Lanes const& lanes, double* lane_sums,
              double* totals) {
  constexpr std::int64_t n = kMostRowArrays;
  OpShape const shape{"sum_rows", lanes.rows, n, 1};
  launch(shape, row_sums_kernel, {n * lanes.count, kBlock}, stream, arrays, lanes.rows, lanes.count,
         lane_sums);
  launch(shape, row_tree_kernel, {n, kBlock}, stream, arrays, lanes.count, lane_sums, totals);
}

void inverse_or_zero(cudaStream_t stream, double const* divisor, float* scale) {
  launch({"inverse_or_zero", 1, 1, 1}, inverse_kernel, {1, 1}, stream, divisor, scale);
}

void clear_norm(cudaStream_t stream, NormResult* total) {
  require_success(cudaMemsetAsync(total, 0, sizeof *total, stream), "clear_norm");
}

void add_squared_norm(cudaStream_t stream, float const* x, std::int64_t n, NormResult* parts,
                      NormResult* total) {
  std::int64_t const n_parts = (n + cpu::kNormChunk - 1) / cpu::kNormChunk;
  OpShape const shape{"squared_norm", n, 1, 1};
  launch(shape, norm_parts_kernel, grid_of((n_parts + 1) / 2 * 2 * kStrands), stream, x, n, n_parts,
         parts);
  launch(shape, norm_total_kernel, {n_parts > 0 ? 1 : 0, kBlock}, stream, parts, n_parts, total);
}

void refuse_non_finite(cudaStream_t stream, double const* losses, int n, NormResult const* norm,
                       int* refused) {
  launch({"refuse_non_finite", n, 1, 1}, refuse_kernel, {1, 1}, stream, losses, n, norm, refused);
}

}  // namespace jetcal::cuda
