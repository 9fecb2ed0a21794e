#pragma once

#include <cstdint>

#include "engine/matrix.hpp"

namespace jetcal::cuda {

// What activations, saved slopes and their gradients are stored as on a CUDA device: float (fp32),
// Tf32 or Bf16. A number is rounded once, when it is written (kernels/storage.cuh); whoever reads
// it multiplies it as it is.

/// A float32 rounded to the 10 bits of fraction a tensor core looks at.
struct Tf32 {
  float value;
};

/// The upper half of a float32.
struct Bf16 {
  std::uint16_t bits;
};

/// Where the gradient of a matrix goes: it is overwritten or added to and then, if slope has data,
/// multiplied with slope, which is what backward through the matrix's own activation begins with.
/// Nobody asks for a gradient without data.
template <class T>
struct GradientTo {
  MatOf<T> out;
  bool accumulate = false;
  ConstMatOf<T> slope;
};

/// Matrices of T in memory the tape reserves as floats. Narrower elements keep the number of
/// elements from row to row and so take the beginning of that memory.
template <class T>
MatOf<T> stored_as(Mat m) {
  return {reinterpret_cast<T*>(m.data), m.rows, m.cols, m.ld};
}
template <class T>
ConstMatOf<T> stored_as(ConstMat m) {
  return {reinterpret_cast<T const*>(m.data), m.rows, m.cols, m.ld};
}

}  // namespace jetcal::cuda
