#include "kernels/cuda_backend.cuh"

#include <type_traits>

#include "kernels/annotation.cuh"
#include "kernels/dense_cublas.cuh"
#include "kernels/dense_tensor.cuh"
#include "kernels/head_rows.cuh"
#include "kernels/layer_io.hpp"
#include "kernels/softmax_gate.cuh"
#include "kernels/softmax_gate_cudnn.cuh"

namespace jetcal::cuda {
namespace {

template <class T>
constexpr bool kFp32 = std::is_same_v<T, float>;

/// What prepare() leaves of a layer's weights: rounded to T, and that transposed. In fp32 there is
/// nothing to round: the first one has no data.
template <class T>
struct PreparedWeights {
  MatOf<T> rounded, transposed;

  template <class Op>
  static PreparedWeights of(Op const& op, float const* prepared) {
    std::int64_t const copy = kFp32<T> ? 0 : op.inputs * padded(op.outputs);
    auto const bytes =
        (copy + op.outputs * padded(op.inputs)) * static_cast<std::int64_t>(sizeof(T));
    auto const room = op.prepared() * static_cast<std::int64_t>(sizeof(float));
    JETCAL_REQUIRE(bytes <= room, ShapeError,
                   "cuda: the prepared weights [" << op.inputs << ", " << op.outputs << "] take "
                                                  << bytes << " bytes (at most " << room << ")");
    T* const first = reinterpret_cast<T*>(const_cast<float*>(prepared));
    return {{kFp32<T> ? nullptr : first, op.inputs, op.outputs, padded(op.outputs)},
            {first + copy, op.outputs, op.inputs, padded(op.inputs)}};
  }
};

/// A layer's weights as products take them.
template <class T>
struct Factors {
  ConstMatOf<T> straight, transposed;

  template <class Op>
  static Factors of(Op const& op, OpIo const& io) {
    auto const prepared = PreparedWeights<T>::of(op, io.prepared);
    if constexpr (kFp32<T>) {
      return {weight(op, io), prepared.transposed};
    } else {
      return {prepared.rounded, prepared.transposed};
    }
  }

  // Our products in fp32 walk along the rows of their second factor, those on tensor cores along
  // its columns.
  ConstMatOf<T> of_forward() const { return kFp32<T> ? straight : transposed; }
  ConstMatOf<T> of_backward() const { return kFp32<T> ? transposed : straight; }
};

template <class T>
GradientTo<T> input_gradient(OpIo const& io, std::size_t i) {
  return {stored_as<T>(io.in_grad[i]), io.add[i], stored_as<T>(io.in_slope[i])};
}

/// T: what is stored between the ops, float, Tf32 or Bf16.
template <class T>
class CudaBackend final : public Backend {
 public:
  CudaBackend(cudaStream_t stream, Lanes const& lanes, LaneArenas const& arenas,
              VendorKernels const& vendor)
      : stream_(stream), lanes_(lanes), arenas_(arenas), vendor_(vendor) {}

  using Backend::backward;
  using Backend::forward;
  using Backend::prepare;

  // ---- annotation: its input comes from outside and is float32 ----

  void forward(Annotation const& op, OpIo const& io) const override {
    annotation_forward(stream_, io.in[0], op.params, stored_as<T>(io.value));
  }
  void backward(Annotation const& op, OpIo const& io) const override {
    if (io.in_grad[0].data == nullptr) { return; }
    annotation_backward<T>(stream_, io.in[0], stored_as<T>(io.value), stored_as<T>(io.grad),
                           op.params, io.add[0], io.in_grad[0]);
    if (io.in_slope[0].data != nullptr) {
      dense_backward_activation<float>(stream_, io.in_slope[0], io.in_grad[0]);
    }
  }
  void prepare(Annotation const&, Layout const&, float const*, float*) const override {}

  // ---- dense ----

  void forward(Dense const& op, OpIo const& io) const override {
    ConstMatOf<T> const x = stored_as<T>(io.in[0]);
    MatOf<T> const y = stored_as<T>(io.value);
    MatOf<T> const slope = io.training ? stored_as<T>(io.saved) : MatOf<T>{};
    auto const w = Factors<T>::of(op, io);
    if (Cublas const* const cublas = cublas_for(KernelOp::dense_forward, op, io)) {
      dense_forward(*cublas, x, w.straight, bias(op, io), op.activation, y, slope);
    } else {
      dense_forward(stream_, x, w.of_forward(), bias(op, io), op.activation, y, slope);
    }
  }
  void backward(Dense const& op, OpIo const& io) const override {
    MatOf<T> const grad = stored_as<T>(io.grad);
    if (op.saves_slope() && !io.sloped) {
      dense_backward_activation<T>(stream_, stored_as<T>(io.saved), grad);
    }
    backward_product(op, io, grad);
  }
  void prepare(Dense const& op, Layout const& layout, float const* parameters,
               float* prepared) const override {
    prepare_weights(op, layout, parameters, prepared);
  }

  // ---- softmax gate ----

  void forward(SoftmaxGate const& op, OpIo const& io) const override {
    ConstMatOf<T> const logits = stored_as<T>(io.in[0]), h = stored_as<T>(io.in[1]);
    MatOf<T> const saved = stored_as<T>(io.saved), y = stored_as<T>(io.value);
    if (Cudnn const* const cudnn = cudnn_for(op, io)) {
      softmax_gate_forward(*cudnn, logits, h, op.scale, saved, y);
    } else {
      softmax_gate_forward(stream_, logits, h, op.scale, saved, y);
    }
  }
  void backward(SoftmaxGate const& op, OpIo const& io) const override {
    MatOf<T> const dy = stored_as<T>(io.grad);
    ConstMatOf<T> const h = stored_as<T>(io.in[1]), saved = stored_as<T>(io.saved);
    auto const dlogits = input_gradient<T>(io, 0), dh = input_gradient<T>(io, 1);
    if (Cudnn const* const cudnn = cudnn_for(op, io)) {
      softmax_gate_backward(*cudnn, dy, h, saved, op.scale, dlogits, dh);
    } else {
      softmax_gate_backward<T>(stream_, dy, h, saved, op.scale, dlogits, dh);
    }
  }
  void prepare(SoftmaxGate const&, Layout const&, float const*, float*) const override {}

  // ---- head: what it gives out is float32 ----

  void forward(Head const& op, OpIo const& io) const override {
    ConstMatOf<T> const x = stored_as<T>(io.in[0]);
    if (!op.loss.has_value()) {
      head_forward(stream_, x, weight(op, io), bias(op, io), io.value);
      return;
    }
    head_loss(stream_, x, weight(op, io), bias(op, io), head_rows(op, io), *op.loss, io.value,
              stored_as<T>(op.gradient(io.saved)));
  }
  void backward(Head const& op, OpIo const& io) const override {
    backward_product(op, io, stored_as<T>(op.gradient(io.saved)));
  }
  void prepare(Head const& op, Layout const& layout, float const* parameters,
               float* prepared) const override {
    prepare_weights(op, layout, parameters, prepared);
  }

 private:
  template <class Op>
  Cublas const* cublas_for(KernelOp which, Op const& op, OpIo const& io) const {
    return vendor_.cublas_for(KernelShape::of(which, io.rows, op.inputs, op.outputs));
  }
  /// Forward and backward alike, which share what is saved.
  Cudnn const* cudnn_for(SoftmaxGate const& op, OpIo const& io) const {
    return vendor_.cudnn_for(KernelShape::of(KernelOp::softmax_gate, io.rows, op.width, op.width));
  }

  template <class Op>
  void prepare_weights(Op const& op, Layout const& layout, float const* parameters,
                       float* prepared) const {
    auto const to = PreparedWeights<T>::of(op, prepared);
    dense_prepare(stream_, layout[op.weight].of(parameters), to.rounded, to.transposed);
  }

  template <class Op>
  void backward_product(Op const& op, OpIo const& io, ConstMatOf<T> dz) const {
    if (op.train) {
      ConstMatOf<T> const x = stored_as<T>(io.in[0]);
      Mat const dw = weight_gradient(op, io), db = bias_gradient(op, io);
      if (Cublas const* const cublas = cublas_for(KernelOp::dense_backward_weights, op, io)) {
        dense_backward_weights(*cublas, x, dz, lanes_, arenas_, io.add_gradients, dw, db);
      } else {
        dense_backward_weights(stream_, x, dz, lanes_, arenas_, io.add_gradients, dw, db);
      }
    }
    if (io.in_grad[0].data == nullptr) { return; }
    auto const w = Factors<T>::of(op, io);
    auto const dx = input_gradient<T>(io, 0);
    if (Cublas const* const cublas = cublas_for(KernelOp::dense_backward_data, op, io)) {
      dense_backward_data(*cublas, dz, w.straight, dx);
    } else {
      dense_backward_data(stream_, dz, w.of_backward(), dx);
    }
  }

  cudaStream_t stream_;
  Lanes lanes_;
  LaneArenas arenas_;
  VendorKernels vendor_;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(Precision precision, cudaStream_t stream,
                                           Lanes const& lanes, LaneArenas const& arenas,
                                           VendorKernels const& vendor) {
  switch (precision) {
    case Precision::fp32:
      break;
    case Precision::tf32:
      return std::make_unique<CudaBackend<Tf32>>(stream, lanes, arenas, vendor);
    case Precision::bf16:
      return std::make_unique<CudaBackend<Bf16>>(stream, lanes, arenas, vendor);
  }
  return std::make_unique<CudaBackend<float>>(stream, lanes, arenas, vendor);
}

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
