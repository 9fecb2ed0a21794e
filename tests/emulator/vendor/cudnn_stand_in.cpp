// A stand-in for NVIDIA's cuDNN on the emulator, NOT cuDNN: the few functions this project calls,
// as plain loops on the host, in double and rounded once. It checks what it is given more strictly
// than the real one.
#include "tests/emulator/stand_in.hpp"
#include "tests/emulator/vendor/bf16.hpp"

#include <cudnn_ops.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

struct cudnnTensorStruct {
  std::int64_t rows = -1, cols = 0, ld = 0;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;

  std::size_t element_bytes() const { return type == CUDNN_DATA_BFLOAT16 ? 2 : 4; }
};

namespace {

template <class Pointer>
std::set<Pointer>& living() {
  static auto* all = new std::set<Pointer>;  // used until the very end of the process
  return *all;
}

/// A tensor [rows, cols] on the device.
struct Tensor {
  char const* name;
  void* data;
  cudnnTensorStruct shape;

  std::size_t bytes_of(std::int64_t elements) const {
    return static_cast<std::size_t>(elements) * shape.element_bytes();
  }
  void* row(std::int64_t r) const { return static_cast<char*>(data) + bytes_of(r * shape.ld); }
  std::string text(std::int64_t r) const {
    return std::string("cuDNN stand-in: row ") + std::to_string(r) + " of " + name;
  }

  /// Empty after a finding.
  std::vector<double> read(std::int64_t r) const {
    void const* const at =
        jetcal_emulator_read(text(r).c_str(), row(r), bytes_of(shape.cols), shape.element_bytes());
    std::vector<double> values;
    for (std::int64_t c = 0; at != nullptr && c < shape.cols; ++c) {
      values.push_back(shape.type == CUDNN_DATA_BFLOAT16
                           ? from_bf16(static_cast<std::uint16_t const*>(at)[c])
                           : static_cast<double>(static_cast<float const*>(at)[c]));
    }
    return values;
  }

  /// v, or v + beta times what is there. False after a finding.
  bool write(std::int64_t r, std::vector<double> v, float beta) const {
    if (beta != 0) {
      std::vector<double> const old = read(r);
      if (old.empty()) { return false; }
      for (std::size_t c = 0; c < v.size(); ++c) { v[c] += static_cast<double>(beta) * old[c]; }
    }
    void* const at =
        jetcal_emulator_write(text(r).c_str(), row(r), bytes_of(shape.cols), shape.element_bytes());
    for (std::size_t c = 0; at != nullptr && c < v.size(); ++c) {
      auto const value = static_cast<float>(v[c]);
      if (shape.type == CUDNN_DATA_BFLOAT16) {
        static_cast<std::uint16_t*>(at)[c] = to_bf16(value);
      } else {
        static_cast<float*>(at)[c] = value;
      }
    }
    return at != nullptr;
  }
};

std::vector<double> softmax(std::vector<double> row, double alpha) {
  double const top = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& v : row) { sum += v = std::exp(v - top); }
  for (double& v : row) { v *= alpha / sum; }
  return row;
}

void forward(Tensor const& x, Tensor const& y, float alpha, float beta) {
  for (std::int64_t r = 0; r < x.shape.rows; ++r) {
    std::vector<double> const row = x.read(r);
    if (row.empty() || !y.write(r, softmax(row, static_cast<double>(alpha)), beta)) { return; }
  }
}

void backward(Tensor const& y, Tensor const& dy, Tensor const& dx, float alpha, float beta) {
  for (std::int64_t r = 0; r < y.shape.rows; ++r) {
    std::vector<double> const share = y.read(r), t = dy.read(r);
    if (share.empty() || t.empty()) { return; }
    double mean = 0;
    for (std::size_t c = 0; c < t.size(); ++c) { mean += share[c] * t[c]; }
    std::vector<double> slope(t.size());
    for (std::size_t c = 0; c < t.size(); ++c) {
      slope[c] = static_cast<double>(alpha) * share[c] * (t[c] - mean);
    }
    if (!dx.write(r, slope, beta)) { return; }
  }
}

bool same_shape(cudnnTensorDescriptor_t a, cudnnTensorDescriptor_t b) {
  return living<cudnnTensorDescriptor_t>().count(a) == 1 &&
         living<cudnnTensorDescriptor_t>().count(b) == 1 && a->rows >= 1 && a->rows == b->rows &&
         a->cols == b->cols && a->type == b->type;
}

cudnnStatus_t enqueue(cudnnHandle_t handle, std::function<void()> const& run) {
  bool const done =
      jetcal_emulator_enqueue(handle->stream, "a softmax of the cuDNN stand-in", run) == 0;
  return done ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

bool supported(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm, cudnnSoftmaxMode_t mode) {
  return living<cudnnHandle_t>().count(handle) == 1 && algorithm == CUDNN_SOFTMAX_ACCURATE &&
         mode == CUDNN_SOFTMAX_MODE_INSTANCE;
}

float number(void const* scalar) { return *static_cast<float const*>(scalar); }

}  // namespace

size_t cudnnGetVersion() { return CUDNN_VERSION; }

char const* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS ? "success (stand-in)" : "refused by the stand-in";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = new cudnnContext;
  living<cudnnHandle_t>().insert(*handle);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  if (living<cudnnHandle_t>().erase(handle) == 0) { return CUDNN_STATUS_BAD_PARAM; }
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (living<cudnnHandle_t>().count(handle) == 0) { return CUDNN_STATUS_BAD_PARAM; }
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
  *descriptor = new cudnnTensorStruct;
  living<cudnnTensorDescriptor_t>().insert(*descriptor);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
  if (living<cudnnTensorDescriptor_t>().erase(descriptor) == 0) { return CUDNN_STATUS_BAD_PARAM; }
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

// Rows of neighbouring floats only: n = rows, c = columns.
cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type,
                                           int n, int c, int h, int w, int n_stride, int c_stride,
                                           int, int) {
  bool const right =
      living<cudnnTensorDescriptor_t>().count(descriptor) == 1 && n >= 1 && c >= 1 && n_stride >= c;
  if (!right) { return CUDNN_STATUS_BAD_PARAM; }
  bool const known_type = type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_BFLOAT16;
  if (!known_type || h != 1 || w != 1 || c_stride != 1) { return CUDNN_STATUS_NOT_SUPPORTED; }
  *descriptor = {n, c, n_stride, type};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSoftmaxForward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm,
                                  cudnnSoftmaxMode_t mode, void const* alpha,
                                  cudnnTensorDescriptor_t const x_shape, void const* x,
                                  void const* beta, cudnnTensorDescriptor_t const y_shape,
                                  void* y) {
  if (!supported(handle, algorithm, mode)) { return CUDNN_STATUS_NOT_SUPPORTED; }
  if (!same_shape(x_shape, y_shape)) { return CUDNN_STATUS_BAD_PARAM; }
  return enqueue(handle,
                 [from = Tensor{"x", const_cast<void*>(x), *x_shape}, to = Tensor{"y", y, *y_shape},
                  a = number(alpha), b = number(beta)] { forward(from, to, a, b); });
}

cudnnStatus_t cudnnSoftmaxBackward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm,
                                   cudnnSoftmaxMode_t mode, void const* alpha,
                                   cudnnTensorDescriptor_t const y_shape, void const* y,
                                   cudnnTensorDescriptor_t const dy_shape, void const* dy,
                                   void const* beta, cudnnTensorDescriptor_t const dx_shape,
                                   void* dx) {
  if (!supported(handle, algorithm, mode)) { return CUDNN_STATUS_NOT_SUPPORTED; }
  if (!same_shape(y_shape, dy_shape) || !same_shape(y_shape, dx_shape)) {
    return CUDNN_STATUS_BAD_PARAM;
  }
  return enqueue(handle, [of = Tensor{"y", const_cast<void*>(y), *y_shape},
                          from = Tensor{"dy", const_cast<void*>(dy), *dy_shape},
                          to = Tensor{"dx", dx, *dx_shape}, a = number(alpha),
                          b = number(beta)] { backward(of, from, to, a, b); });
}
