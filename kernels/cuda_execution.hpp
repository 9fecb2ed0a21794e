#pragma once

#include "kernels/execution.hpp"

/// Exported by libjetcal_cuda.so beside the functions of engine/cuda_library.hpp: an execution on
/// options.device, which belongs to the caller. Errors: DeviceError if the device is not there.
extern "C" [[gnu::visibility("default")]] jetcal::Execution* jetcal_cuda_execution(
    jetcal::ExecutionOptions const& options);
