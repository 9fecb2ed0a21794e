#pragma once

#include <memory>

#include "kernels/ops.hpp"
#include "kernels/precision.hpp"

namespace jetcal {

/// Whose matrix products dense layers use: ours, which define the bits, or oneDNN's, which are
/// outside that promise.
enum class DenseKernels { own, onednn };

/// The ops on the CPU. Errors: DeviceError if this build has no oneDNN, or for oneDNN in bf16.
std::unique_ptr<Backend> make_cpu_backend(DenseKernels dense_kernels,
                                          Precision precision = Precision::fp32);

}  // namespace jetcal
