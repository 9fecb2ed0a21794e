#include "kernels/tensor_backend.cuh"

#include "kernels/annotation.cuh"
#include "kernels/dense_tensor.cuh"
#include "kernels/head_rows.cuh"
#include "kernels/layer_io.hpp"
#include "kernels/softmax_gate.cuh"

namespace jetcal::cuda {
namespace {

/// What prepare() leaves of a layer's weights: rounded, as they are and transposed.
template <class T>
struct PreparedWeights {
  MatOf<T> rounded, transposed;

  template <class Op>
  static PreparedWeights of(Op const& op, float const* prepared) {
    std::int64_t const copy = op.inputs * padded(op.outputs);
    auto const bytes =
        (copy + op.outputs * padded(op.inputs)) * static_cast<std::int64_t>(sizeof(T));
    auto const room = op.prepared() * static_cast<std::int64_t>(sizeof(float));
    JETCAL_REQUIRE(bytes <= room, ShapeError,
                   "cuda: the prepared weights [" << op.inputs << ", " << op.outputs << "] take "
                                                  << bytes << " bytes (at most " << room << ")");
    T* const first = reinterpret_cast<T*>(const_cast<float*>(prepared));
    return {{first, op.inputs, op.outputs, padded(op.outputs)},
            {first + copy, op.outputs, op.inputs, padded(op.inputs)}};
  }
};

template <class T, class Op>
void prepare_weights(cudaStream_t stream, Op const& op, Layout const& layout,
                     float const* parameters, float* prepared) {
  auto const to = PreparedWeights<T>::of(op, prepared);
  dense_prepare(stream, layout[op.weight].of(parameters), to.rounded, to.transposed);
}

template <class T>
GradientTo<T> input_gradient(OpIo const& io, std::size_t i) {
  return {stored_as<T>(io.in_grad[i]), io.add[i], stored_as<T>(io.in_slope[i])};
}

}  // namespace

template <class T>
void TensorBackend<T>::forward(Annotation const& op, OpIo const& io) const {
  annotation_forward(stream_, io.in[0], op.params, stored_as<T>(io.value));
}
template <class T>
void TensorBackend<T>::backward(Annotation const& op, OpIo const& io) const {
  if (io.in_grad[0].data == nullptr) { return; }
  annotation_backward<T>(stream_, io.in[0], stored_as<T>(io.value), stored_as<T>(io.grad),
                         op.params, io.add[0], io.in_grad[0]);
}
template <class T>
void TensorBackend<T>::prepare(Annotation const&, Layout const&, float const*, float*) const {}

template <class T>
void TensorBackend<T>::forward(Dense const& op, OpIo const& io) const {
  ConstMatOf<T> const x = stored_as<T>(io.in[0]);
  MatOf<T> const y = stored_as<T>(io.value);
  MatOf<T> const slope = io.training ? stored_as<T>(io.saved) : MatOf<T>{};
  ConstMatOf<T> const w = PreparedWeights<T>::of(op, io.prepared).transposed;
  dense_forward(stream_, x, w, bias(op, io), op.activation, y, slope);
}
template <class T>
void TensorBackend<T>::backward(Dense const& op, OpIo const& io) const {
  MatOf<T> const grad = stored_as<T>(io.grad);
  if (op.saves_slope() && !io.sloped) {
    dense_backward_activation<T>(stream_, stored_as<T>(io.saved), grad);
  }
  backward_product(op, io, grad);
}
template <class T>
void TensorBackend<T>::prepare(Dense const& op, Layout const& layout, float const* parameters,
                               float* prepared) const {
  prepare_weights<T>(stream_, op, layout, parameters, prepared);
}

template <class T>
void TensorBackend<T>::forward(SoftmaxGate const& op, OpIo const& io) const {
  softmax_gate_forward<T>(stream_, stored_as<T>(io.in[0]), stored_as<T>(io.in[1]), op.scale,
                          stored_as<T>(io.saved), stored_as<T>(io.value));
}
template <class T>
void TensorBackend<T>::backward(SoftmaxGate const& op, OpIo const& io) const {
  softmax_gate_backward<T>(stream_, stored_as<T>(io.grad), stored_as<T>(io.in[1]),
                           stored_as<T>(io.saved), op.scale, input_gradient<T>(io, 0),
                           input_gradient<T>(io, 1));
}
template <class T>
void TensorBackend<T>::prepare(SoftmaxGate const&, Layout const&, float const*, float*) const {}

template <class T>
void TensorBackend<T>::forward(Head const& op, OpIo const& io) const {
  ConstMatOf<T> const x = stored_as<T>(io.in[0]);
  if (!op.loss.has_value()) {
    head_forward(stream_, x, weight(op, io), bias(op, io), io.value);
    return;
  }
  head_loss(stream_, x, weight(op, io), bias(op, io), head_rows(op, io), *op.loss, io.value,
            stored_as<T>(op.gradient(io.saved)));
}
template <class T>
void TensorBackend<T>::backward(Head const& op, OpIo const& io) const {
  backward_product(op, io, stored_as<T>(op.gradient(io.saved)));
}
template <class T>
void TensorBackend<T>::prepare(Head const& op, Layout const& layout, float const* parameters,
                               float* prepared) const {
  prepare_weights<T>(stream_, op, layout, parameters, prepared);
}

template <class T>
template <class Op>
void TensorBackend<T>::backward_product(Op const& op, OpIo const& io, ConstMatOf<T> dz) const {
  if (op.train) {
    dense_backward_weights(stream_, ConstMatOf<T>(stored_as<T>(io.in[0])), dz, lanes_, arenas_,
                           io.add_gradients, weight_gradient(op, io), bias_gradient(op, io));
  }
  if (io.in_grad[0].data != nullptr) {
    ConstMatOf<T> const w = PreparedWeights<T>::of(op, io.prepared).rounded;
    dense_backward_data(stream_, dz, w, input_gradient<T>(io, 0));
  }
}

template class TensorBackend<Tf32>;
template class TensorBackend<Bf16>;

void require_stored(Tape const& tape) {
  for (Id id = 0; id < tape.size(); ++id) {
    auto const& entry = tape[id];
    if (std::holds_alternative<Tape::Input>(entry.op)) { continue; }
    bool const from_outside = tape[entry.inputs[0]].input_index >= 0;
    JETCAL_REQUIRE(
        from_outside == std::holds_alternative<Annotation>(entry.op), ShapeError,
        "cuda: op " << id << " reads " << (from_outside ? "an input" : "a layer")
                    << " (in tf32 and bf16 Annotations read inputs, which are float32, "
                    << "and all other ops what is stored). Record an Annotation between");
  }
}

}  // namespace jetcal::cuda
