#pragma once

// Gradients of the softmax gate's inputs, for our softmax and for cuDNN's.

#include "kernels/storage.cuh"
#include "kernels/views.hpp"

namespace jetcal::cuda {

/// v is element (r, c).
template <class T>
__device__ void put(GradientTo<T> const& to, std::int64_t r, std::int64_t c, float v) {
  T* const p = to.out.data + r * to.out.ld + c;
  if (to.accumulate) { v = widened(*p) + v; }
  if (to.slope.data != nullptr) { v = v * widened(to.slope.data[r * to.slope.ld + c]); }
  *p = narrowed<T>(v);
}

/// Errors: ShapeError.
template <class T>
void require_gradient(char const* where, char const* what, GradientTo<T> const& to,
                      std::int64_t rows, std::int64_t cols) {
  require_view(where, what, to.out, rows, cols);
  if (to.slope.data != nullptr) { require_view(where, "slope", to.slope, rows, cols); }
}

}  // namespace jetcal::cuda
