#pragma once

#include <cstdint>

#include "engine/matrix.hpp"
#include "kernels/precision.hpp"

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

/// Of one number, as Tape::Workspace has it.
constexpr std::int64_t stored_bytes(Precision precision) {
  return precision == Precision::bf16 ? sizeof(Bf16) : sizeof(float);
}

/// Where the gradient of a matrix goes: it is overwritten or added to and then, if slope has data,
/// multiplied with slope, which is what backward through the matrix's own activation begins with.
/// Nobody asks for a gradient without data.
template <class T>
struct GradientTo {
  MatOf<T> out;
  bool accumulate = false;
  ConstMatOf<T> slope;
};

/// A tape's matrices of numbers that are stored as T. They keep the number of elements from row to
/// row.
template <class T>
MatOf<T> stored_as(Mat m) {
  return {reinterpret_cast<T*>(m.data), m.rows, m.cols, m.ld};
}
template <class T>
ConstMatOf<T> stored_as(ConstMat m) {
  return {reinterpret_cast<T const*>(m.data), m.rows, m.cols, m.ld};
}

}  // namespace jetcal::cuda
