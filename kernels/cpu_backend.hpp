#pragma once

#include <memory>

#include "kernels/ops.hpp"

namespace jetcal {

/// Whose matrix products dense layers use: ours, which define the bits, or oneDNN's, which are
/// outside that promise.
enum class DenseKernels { own, onednn };

/// The ops on the CPU. Errors: DeviceError if this build has no oneDNN.
std::unique_ptr<Backend> make_cpu_backend(DenseKernels dense_kernels);

}  // namespace jetcal
