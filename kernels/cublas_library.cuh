#pragma once

#include <memory>

#include "engine/matrix.hpp"
#include "kernels/cuda_context.cuh"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

/// A factor of a product: a matrix, or its transpose.
template <class T>
struct Factor {
  ConstMatOf<T> matrix;
  bool transposed = false;

  std::int64_t rows() const { return transposed ? matrix.cols : matrix.rows; }
  std::int64_t cols() const { return transposed ? matrix.rows : matrix.cols; }
};

/// Equal products side by side: how many, and the elements from one's matrix to the next's.
struct ProductBatch {
  std::int64_t count = 1;
  std::int64_t a_stride = 0, b_stride = 0, out_stride = 0;
};

/// NVIDIA's cuBLAS on one device and its stream. Its workspace is taken once, so products may be
/// captured into a graph and give the same bits from run to run on the same card with the same
/// library; another card or version may give others.
class Cublas {
 public:
  /// Opens libcublas.so.13. Errors: DeviceError if it, or its header at build time, is missing, or
  /// does not fit this driver.
  explicit Cublas(Context& context);
  ~Cublas();

  Context& context() const { return context_; }
  /// 130100 is 13.1.0.
  int version() const;
  std::int64_t workspace_bytes() const;

  /// out = a b, or out += a b, summed in float32 and rounded once to Out; enqueued on the context's
  /// stream. T is float, Tf32 or Bf16 (both on tensor cores), Out is T or float. An out of Tf32 is
  /// left as float32, not rounded to Tf32's bits.
  ///
  /// Shapes    a [rows, depth], b [depth, cols], out [rows, cols], each `batch.count` times
  /// Errors    ShapeError if the shapes differ, DeviceError if cuBLAS refuses
  template <class T, class Out>
  void multiply(Factor<T> const& a, Factor<T> const& b, bool accumulate, MatOf<Out> out,
                ProductBatch const& batch = {}) const;

 private:
  struct Library;
  Context& context_;
  std::unique_ptr<Library> library_;
};

}  // namespace jetcal::cuda
