#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/adam.hpp"
#include "kernels/diffgrad.hpp"
#include "kernels/radam.hpp"
#include "kernels/sgd.hpp"

namespace jetcal::cuda {

// One update of n contiguous parameters, to the bits of jetcal::cpu's function of the same name:
// same arguments, on the device, and the stream first. Errors: DeviceError if a launch fails.

void radam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                  RadamStep const& step);

void diffgrad_update(cudaStream_t stream, float* p, float* m, float* v, float* g_before,
                     float const* g, std::int64_t n, DiffgradStep const& step);

void adam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                 AdamStep const& step);

/// `velocity` may not be null here.
void sgd_update(cudaStream_t stream, float* p, float* velocity, float const* g, std::int64_t n,
                SgdStep const& step);

/// Errors: ConfigError for a decay outside [0, 1].
void average_update(cudaStream_t stream, float* average, float const* p, std::int64_t n,
                    float decay);

}  // namespace jetcal::cuda
