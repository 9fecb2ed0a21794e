#pragma once

#include "kernels/dense.cuh"

namespace jetcal::cuda {

/// Which rows each lane has and where its gradients go.
struct LaneWork {
  std::int64_t rows, count;
  LaneArenas arenas;

  __host__ __device__ std::int64_t begin(std::int64_t lane) const { return lane * rows / count; }
  /// Lane 0's matrix, in another lane's arena.
  __host__ __device__ Mat in_lane(Mat first, std::int64_t lane) const {
    if (lane != 0) {
      first.data = arenas.others + (lane - 1) * arenas.stride + (first.data - arenas.first);
    }
    return first;
  }
};

}  // namespace jetcal::cuda
