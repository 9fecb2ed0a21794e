#include "kernels/cuda_backend.cuh"

#include "kernels/annotation.cuh"
#include "kernels/dense_cublas.cuh"
#include "kernels/head_rows.cuh"
#include "kernels/layer_io.hpp"
#include "kernels/softmax_gate.cuh"
#include "kernels/softmax_gate_cudnn.cuh"

namespace jetcal::cuda {
namespace {

/// Where prepare() leaves the transposed weights of a product.
template <class Op>
Mat transposed(Op const& op, float* prepared) {
  std::int64_t const ld = padded(op.inputs);
  JETCAL_REQUIRE(op.outputs * ld <= op.prepared(), ShapeError,
                 "cuda: the transposed weights [" << op.outputs << ", " << op.inputs << "] take "
                                                  << op.outputs * ld << " floats (at most "
                                                  << op.prepared() << ")");
  return {prepared, op.outputs, op.inputs, ld};
}

template <class Op>
ConstMat transposed(Op const& op, float const* prepared) {
  return transposed(op, const_cast<float*>(prepared));
}

template <class Op>
void prepare_product(cudaStream_t stream, Op const& op, Layout const& layout,
                     float const* parameters, float* prepared) {
  dense_transpose(stream, layout[op.weight].of(parameters), transposed(op, prepared));
}

}  // namespace

void CudaBackend::forward(Annotation const& op, OpIo const& io) const {
  annotation_forward(stream_, io.in[0], op.params, io.value);
}
void CudaBackend::backward(Annotation const& op, OpIo const& io) const {
  if (io.in_grad[0].data == nullptr) { return; }
  annotation_backward<float>(stream_, io.in[0], io.value, io.grad, op.params, io.add[0],
                             io.in_grad[0]);
  multiply_with_slope(io, 0);
}
void CudaBackend::prepare(Annotation const&, Layout const&, float const*, float*) const {}

void CudaBackend::forward(Dense const& op, OpIo const& io) const {
  Mat const slope = io.training ? io.saved : Mat{};
  KernelShape const shape =
      KernelShape::of(KernelOp::dense_forward, io.rows, op.inputs, op.outputs);
  if (Cublas const* const cublas = vendor_.cublas_for(shape)) {
    dense_forward(*cublas, io.in[0], weight(op, io), bias(op, io), op.activation, io.value, slope);
  } else {
    dense_forward(stream_, io.in[0], weight(op, io), bias(op, io), op.activation, io.value, slope);
  }
}
void CudaBackend::backward(Dense const& op, OpIo const& io) const {
  if (op.saves_slope() && !io.sloped) {
    dense_backward_activation<float>(stream_, io.saved, io.grad);
  }
  backward_product(op, io, io.grad);
}
void CudaBackend::prepare(Dense const& op, Layout const& layout, float const* parameters,
                          float* prepared) const {
  prepare_product(stream_, op, layout, parameters, prepared);
}

Cudnn const* CudaBackend::cudnn_for(SoftmaxGate const& op, OpIo const& io) const {
  return vendor_.cudnn_for(KernelShape::of(KernelOp::softmax_gate, io.rows, op.width, op.width));
}

void CudaBackend::forward(SoftmaxGate const& op, OpIo const& io) const {
  if (Cudnn const* const cudnn = cudnn_for(op, io)) {
    softmax_gate_forward(*cudnn, io.in[0], io.in[1], op.scale, io.saved, io.value);
  } else {
    softmax_gate_forward<float>(stream_, io.in[0], io.in[1], op.scale, io.saved, io.value);
  }
}
void CudaBackend::backward(SoftmaxGate const& op, OpIo const& io) const {
  if (Cudnn const* const cudnn = cudnn_for(op, io)) {
    softmax_gate_backward(*cudnn, io.grad, io.in[1], io.saved, op.scale, io.add[0], io.in_grad[0],
                          io.add[1], io.in_grad[1]);
    multiply_with_slope(io, 0);
    multiply_with_slope(io, 1);
  } else {
    softmax_gate_backward<float>(stream_, io.grad, io.in[1], io.saved, op.scale,
                                 {io.in_grad[0], io.add[0], io.in_slope[0]},
                                 {io.in_grad[1], io.add[1], io.in_slope[1]});
  }
}
void CudaBackend::prepare(SoftmaxGate const&, Layout const&, float const*, float*) const {}

void CudaBackend::forward(Head const& op, OpIo const& io) const {
  if (!op.loss.has_value()) {
    head_forward<float>(stream_, io.in[0], weight(op, io), bias(op, io), io.value);
    return;
  }
  head_loss<float>(stream_, io.in[0], weight(op, io), bias(op, io), head_rows(op, io), *op.loss,
                   io.value, op.gradient(io.saved));
}
void CudaBackend::backward(Head const& op, OpIo const& io) const {
  backward_product(op, io, op.gradient(io.saved));
}
void CudaBackend::prepare(Head const& op, Layout const& layout, float const* parameters,
                          float* prepared) const {
  prepare_product(stream_, op, layout, parameters, prepared);
}

template <class Op>
void CudaBackend::backward_product(Op const& op, OpIo const& io, ConstMat dz) const {
  auto const cublas_for = [&](KernelOp which) {
    return vendor_.cublas_for(KernelShape::of(which, io.rows, op.inputs, op.outputs));
  };
  if (op.train) {
    Mat const dw = weight_gradient(op, io), db = bias_gradient(op, io);
    if (Cublas const* const cublas = cublas_for(KernelOp::dense_backward_weights)) {
      dense_backward_weights(*cublas, io.in[0], dz, lanes_, arenas_, io.add_gradients, dw, db);
    } else {
      dense_backward_weights(stream_, io.in[0], dz, lanes_, arenas_, io.add_gradients, dw, db);
    }
  }
  if (io.in_grad[0].data == nullptr) { return; }
  if (Cublas const* const cublas = cublas_for(KernelOp::dense_backward_data)) {
    dense_backward_data(*cublas, dz, weight(op, io), io.add[0], io.in_grad[0]);
    multiply_with_slope(io, 0);
  } else {
    dense_backward_data(stream_, dz, transposed(op, io.prepared),
                        {io.in_grad[0], io.add[0], io.in_slope[0]});
  }
}

void CudaBackend::multiply_with_slope(OpIo const& io, std::size_t i) const {
  if (io.in_slope[i].data != nullptr) {
    dense_backward_activation(stream_, io.in_slope[i], io.in_grad[i]);
  }
}

}  // namespace jetcal::cuda
