#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "engine/lanes.hpp"
#include "kernels/dense.cuh"
#include "kernels/ops.hpp"
#include "kernels/precision.hpp"
#include "kernels/vendor_kernels.cuh"

namespace jetcal::cuda {

/// The ops on a CUDA device, enqueued on one stream; for one pass. Parameters, values and gradients
/// are device memory, OpIo::scalars too; OpIo::gradients is lane 0's arena.
///
/// In tf32 and bf16 values, saved numbers and their gradients are Tf32 or Bf16
/// (kernels/storage.hpp) in the memory of OpIo's matrices. What comes from outside, what heads give
/// out, and all of the parameters is float32 always.
///
/// `arenas`: where each lane's gradients go; without data in a pass without backward.
std::unique_ptr<Backend> make_cuda_backend(Precision precision, cudaStream_t stream,
                                           Lanes const& lanes, LaneArenas const& arenas,
                                           VendorKernels const& vendor);

/// Errors: ShapeError if an op of `tape` other than an Annotation reads what comes from outside,
/// which is float32, or an Annotation something else: no passes for tf32 and bf16.
void require_stored(Tape const& tape);

}  // namespace jetcal::cuda
