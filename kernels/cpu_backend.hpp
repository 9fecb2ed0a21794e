#pragma once

#include <memory>
#include <string>

#include "kernels/kernel_choice.hpp"
#include "kernels/ops.hpp"
#include "kernels/precision.hpp"

namespace jetcal {

/// What `auto` means on the CPU, the fastest products there: oneDNN's in bf16 where they use the
/// tiles of AMX and the active instruction set is avx512, ours everywhere else.
DenseKernels fastest_dense_kernels(Precision precision);

/// What this program's oneDNN can do here, in words: "no", or "yes" with its bf16 products.
std::string onednn_summary();

/// The ops on the CPU, with our products or oneDNN's. Errors: DeviceError for other products, if
/// this build has no oneDNN, or for bf16 where oneDNN does not have it.
std::unique_ptr<Backend> make_cpu_backend(DenseKernels dense_kernels,
                                          Precision precision = Precision::fp32);

}  // namespace jetcal
