#pragma once

#include <cuda_runtime_api.h>

#include "engine/lanes.hpp"
#include "kernels/dense.cuh"
#include "kernels/reduce.hpp"

namespace jetcal::cuda {

// Sums in the orders of kernels/reduce.hpp and engine/lanes.hpp, to the bits of the CPU's. All
// enqueue on `stream`; results stay on the device. Errors: DeviceError if a launch fails.

/// arenas.first[i] = the fixed tree over the lanes' element i, begin <= i < end.
///
/// Errors    ShapeError unless n_lanes is a power of two, 1 to 256
void sum_lanes(cudaStream_t stream, LaneArenas const& arenas, std::int64_t n_lanes,
               std::int64_t begin, std::int64_t end);

/// Arrays of one number a row; those without data are skipped.
constexpr std::int64_t kMostRowArrays = 8;
struct RowArrays {
  float const* of[kMostRowArrays] = {};
};

/// totals[q] = the sum of arrays.of[q] in double: rows in order within a lane, then the tree over
/// lanes. `lane_sums` is room for
/// kMostRowArrays * lanes.count doubles.
void sum_rows(cudaStream_t stream, RowArrays const& arrays, Lanes const& lanes, double* lane_sums,
              double* totals);

/// *scale = 1 / *divisor, or 0 unless that is above 0.
void inverse_or_zero(cudaStream_t stream, double const* divisor, float* scale);

/// Elements of x that are summed before they join the total: the CPU's threads take so many.
constexpr std::int64_t kNormGroup = 16 * cpu::kNormChunk;

/// *total = nothing.
void clear_norm(cudaStream_t stream, NormResult* total);

/// Adds the squares of x[0] to x[n - 1] to *total, in groups of kNormGroup, and counts what is not
/// finite. `parts` is room for (n + cpu::kNormChunk - 1) / cpu::kNormChunk results.
void add_squared_norm(cudaStream_t stream, float const* x, std::int64_t n, NormResult* parts,
                      NormResult* total);

/// *refused = 1 if one of losses[0], losses[2], ... (n of them) or the gradient is not finite. Else
/// it stays as it is: what comes after a refused update is refused too.
void refuse_non_finite(cudaStream_t stream, double const* losses, int n, NormResult const* norm,
                       int* refused);

}  // namespace jetcal::cuda
