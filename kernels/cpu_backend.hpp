#pragma once

#include <memory>

#include "kernels/kernel_choice.hpp"
#include "kernels/ops.hpp"
#include "kernels/precision.hpp"

namespace jetcal {

/// The ops on the CPU, with our products or oneDNN's. Errors: DeviceError for other products, if
/// this build has no oneDNN, or for oneDNN in bf16.
std::unique_ptr<Backend> make_cpu_backend(DenseKernels dense_kernels,
                                          Precision precision = Precision::fp32);

}  // namespace jetcal
