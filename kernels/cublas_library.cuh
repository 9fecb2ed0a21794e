#pragma once

#include <memory>

#include "engine/matrix.hpp"
#include "kernels/cuda_context.cuh"

namespace jetcal::cuda {

/// A factor of a product: a matrix, or its transpose.
struct Factor {
  ConstMat matrix;
  bool transposed = false;

  std::int64_t rows() const { return transposed ? matrix.cols : matrix.rows; }
  std::int64_t cols() const { return transposed ? matrix.rows : matrix.cols; }
};

/// Equal products side by side: how many, and the floats from one's matrix to the next's.
struct Batch {
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

  /// out = a b, or out += a b, in fp32; enqueued on the context's stream.
  ///
  /// Shapes    a [rows, depth], b [depth, cols], out [rows, cols], each `batch.count` times
  /// Errors    ShapeError if the shapes differ, DeviceError if cuBLAS refuses
  void multiply(Factor const& a, Factor const& b, bool accumulate, Mat out,
                Batch const& batch = {}) const;

 private:
  struct Library;
  Context& context_;
  std::unique_ptr<Library> library_;
};

}  // namespace jetcal::cuda
