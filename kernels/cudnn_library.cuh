#pragma once

#include <memory>

#include "engine/matrix.hpp"
#include "kernels/cuda_context.cuh"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

/// NVIDIA's cuDNN on one device and its stream: softmax over the rows of matrices of T, float, Tf32
/// or Bf16, computed in float32 and rounded once. What is written as Tf32 is left as float32, not
/// rounded to Tf32's bits.
class Cudnn {
 public:
  /// Opens libcudnn.so.9. Errors: DeviceError if it, or its header at build time, is missing, or
  /// does not fit this driver.
  explicit Cudnn(Context& context);
  ~Cudnn();

  Context& context() const { return context_; }
  /// 91900 is 9.19.0.
  int version() const;

  /// share = softmax(logits), row by row.
  ///
  /// Shapes    both [rows, width]
  /// Errors    ShapeError if the shapes differ, DeviceError if cuDNN refuses
  template <class T>
  void softmax_forward(ConstMatOf<T> logits, MatOf<T> share) const;

  /// dlogits = scale share (t - sum over the row of share t), or += that.
  ///
  /// Shapes    all [rows, width]; share by softmax_forward, t the gradient with respect to scale *
  ///           share
  template <class T>
  void softmax_backward(ConstMatOf<T> share, ConstMatOf<T> t, float scale, bool accumulate,
                        MatOf<T> dlogits) const;

 private:
  struct Library;
  Context& context_;
  std::unique_ptr<Library> library_;
};

}  // namespace jetcal::cuda
