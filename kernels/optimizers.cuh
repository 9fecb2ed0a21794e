#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/adam.hpp"
#include "kernels/diffgrad.hpp"
#include "kernels/radam.hpp"
#include "kernels/sgd.hpp"

namespace jetcal::cuda {

// One update of n contiguous parameters, to the bits of jetcal::cpu's function of the same name:
// same arguments, the stream first. All of them are on the device, the constants of the update too,
// so that one captured launch serves every update. Unless *refused is 0 nothing is written.
// Errors: DeviceError if a launch fails.

void radam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                  RadamStep const* step, int const* refused);

void diffgrad_update(cudaStream_t stream, float* p, float* m, float* v, float* g_before,
                     float const* g, std::int64_t n, DiffgradStep const* step, int const* refused);

void adam_update(cudaStream_t stream, float* p, float* m, float* v, float const* g, std::int64_t n,
                 AdamStep const* step, int const* refused);

/// `velocity` may not be null here.
void sgd_update(cudaStream_t stream, float* p, float* velocity, float const* g, std::int64_t n,
                SgdStep const* step, int const* refused);

/// *rate is average_rate() of kernels/average.hpp.
void average_update(cudaStream_t stream, float* average, float const* p, std::int64_t n,
                    float const* rate, int const* refused);

}  // namespace jetcal::cuda
