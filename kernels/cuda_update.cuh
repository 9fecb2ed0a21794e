#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "kernels/execution.hpp"

namespace jetcal::cuda {

/// What changes from update to update: it travels to the device with the batch.
struct UpdateConstants {
  alignas(16) unsigned char step[64] = {};  ///< the alternative of OptimizerStep at hand
  float average_rate = 0;
};

/// What does not.
struct UpdateArenas {
  std::size_t optimizer = 0;  ///< index of the alternative of OptimizerStep
  float* parameters = nullptr;
  std::vector<float*> states = {};
  float* averages = nullptr;  ///< none: no average is kept

  bool operator==(UpdateArenas const&) const = default;
};

UpdateConstants constants_of(Update const& update);

/// Errors: ShapeError unless there are as many states as the optimizer has.
UpdateArenas arenas_of(Update const& update);

/// Updates `range` of the arenas with what is in `gradients`, unless *refused. All but `arenas`
/// itself is on the device; enqueued on `stream`.
void update(cudaStream_t stream, UpdateArenas const& arenas, UpdateConstants const* constants,
            Range const& range, float const* gradients, int const* refused);

}  // namespace jetcal::cuda
