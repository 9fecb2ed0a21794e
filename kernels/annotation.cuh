#pragma once

#include <cuda_runtime_api.h>

#include "kernels/annotation.hpp"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

/// The most Gaussians of an annotation: they travel with the launch.
constexpr std::int64_t kMostGaussians = 256;

// The annotation of kernels/annotation.hpp, to the bits of jetcal::cpu's before y is rounded to T
// (kernels/storage.hpp). Same shapes; what pads a row is neither read nor written. Inputs and their
// gradients are float32. Enqueues on `stream`.
//
// Errors    ShapeError, ConfigError as there and for more than kMostGaussians; DeviceError if a
//           launch fails

template <class T>
void annotation_forward(cudaStream_t stream, ConstMat x, AnnotationParams const& params,
                        MatOf<T> y);

template <class T>
void annotation_backward(cudaStream_t stream, ConstMat x, ConstMatOf<T> y, ConstMatOf<T> dy,
                         AnnotationParams const& params, bool accumulate, Mat dx);

}  // namespace jetcal::cuda
