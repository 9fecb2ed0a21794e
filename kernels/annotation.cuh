#pragma once

#include <cuda_runtime_api.h>

#include "kernels/annotation.hpp"

namespace jetcal::cuda {

/// The most Gaussians of an annotation: they travel with the launch.
constexpr std::int64_t kMostGaussians = 256;

// The annotation of kernels/annotation.hpp, to the bits of jetcal::cpu's. Same shapes and values;
// what pads a row is neither read nor written. Enqueues on `stream`.
//
// Errors    ShapeError, ConfigError as there and for more than kMostGaussians; DeviceError if a
//           launch fails

void annotation_forward(cudaStream_t stream, ConstMat x, AnnotationParams const& params, Mat y);

void annotation_backward(cudaStream_t stream, ConstMat x, ConstMat y, ConstMat dy,
                         AnnotationParams const& params, bool accumulate, Mat dx);

}  // namespace jetcal::cuda
