#pragma once

#include <type_traits>

#include "kernels/dense.cuh"

namespace jetcal::cuda {

/// Makes what is stored of the gradient that NVIDIA's kernels left in `to.out`: they know no slope,
/// and leave unrounded float32 where Tf32 is stored.
template <class T>
void finish_gradient(cudaStream_t stream, GradientTo<T> const& to) {
  if (std::is_same_v<T, Tf32> || to.slope.data != nullptr) {
    dense_backward_activation<T>(stream, to.slope, to.out);
  }
}

}  // namespace jetcal::cuda
