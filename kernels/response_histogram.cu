#include "kernels/launch.cuh"
#include "kernels/response_histogram.cuh"
#include "kernels/response_histogram.math.hpp"

namespace jetcal::cuda {
namespace {

using Sum = unsigned long long;
static_assert(sizeof(Sum) == sizeof(std::uint64_t));

// A thread owns a row and adds to counters in global memory, where the order does not matter. There
// is no copy of them in shared memory: every block would have to clear and add up 24.6 KB for a
// bin and response (123 KB with weights), for the few hundred rows it has of them. Rows that meet
// in a cell wait for each other: 32,768 jets of one bin whose responses all lie in 200 cells
// make 160 additions one behind the other, which is little beside the network's pass over them.
__global__ void responses_kernel(__grid_constant__ ResponseRows const rows,
                                 __grid_constant__ ResponseCounters const counters) {
  for (auto r = first_index(); r < rows.rows; r += index_stride()) {
#pragma unroll
    for (int response = 0; response < kResponses; ++response) {
      std::int64_t const at = math::response_counter(rows, r, response, counters.bins);
      if (at < 0) { continue; }
      atomicAdd(counters.jets + at, 1u);
      if (counters.units == nullptr) { continue; }
      std::uint32_t const weight =
          math::whole_weight(rows.weights[r], counters.units[rows.bins[r]]);
      atomicAdd(reinterpret_cast<Sum*>(counters.weights + at), Sum{weight});
      atomicAdd(reinterpret_cast<Sum*>(counters.squares + at), Sum{math::whole_square(weight)});
    }
  }
}

}  // namespace

void count_responses(cudaStream_t stream, ResponseRows const& rows,
                     ResponseCounters const& counters) {
  rows.require_shapes("count_responses");
  launch({"count_responses", rows.rows, counters.bins, kResponseCells}, responses_kernel,
         grid_of(rows.rows), stream, rows, counters);
}

}  // namespace jetcal::cuda
