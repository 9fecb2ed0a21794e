#include "kernels/cpu_backend.hpp"

#include <array>

#include "engine/isa.hpp"
#include "kernels/dense_bf16.hpp"
#include "kernels/dense_onednn.hpp"
#include "kernels/dense_onednn_bf16.hpp"
#include "kernels/head_weights.hpp"
#include "kernels/layer_io.hpp"
#include "kernels/softmax_gate.hpp"
#include "kernels/soon.hpp"

namespace jetcal {
namespace {

/// A dense layer's products, by our kernels or by oneDNN.
struct Products {
  decltype(&cpu::dense_pack) pack;
  decltype(&cpu::dense_pack_transposed) pack_transposed;
  decltype(&cpu::dense_forward) forward;
  decltype(&cpu::dense_backward) backward;
  std::int64_t packed_divisor = 1;  // of dense_packed_size floats one of so many is used
};

Products own_products(Precision precision) {
  if (precision == Precision::bf16) {
    return {bf16::dense_pack, bf16::dense_pack_transposed, bf16::dense_forward,
            bf16::dense_backward, bf16::has_instructions() ? 2 : 1};
  }
  return {cpu::dense_pack, cpu::dense_pack_transposed, cpu::dense_forward, cpu::dense_backward};
}

#if JETCAL_HAS_ONEDNN
Products onednn_products(Precision precision) {
  if (precision == Precision::bf16) {
    JETCAL_REQUIRE(
        bf16::onednn::supported(), DeviceError,
        "--dense-kernels: oneDNN has no bf16 products for this processor (needs AVX-512; "
        "does ONEDNN_MAX_CPU_ISA forbid it?). Use own, or --precision fp32");
    return {bf16::onednn::pack, bf16::onednn::pack_transposed, bf16::onednn::forward,
            bf16::onednn::backward};
  }
  return {onednn::dense_pack, onednn::dense_pack_transposed, onednn::dense_forward,
          onednn::dense_backward};
}
#else
Products onednn_products(Precision) {
  throw DeviceError(
      "--dense-kernels: this program was built without oneDNN (must be own). Install libdnnl-dev "
      "and build again");
}
#endif

Products products_of(DenseKernels kernels, Precision precision) {
  JETCAL_REQUIRE(kernels == DenseKernels::own || kernels == DenseKernels::onednn, DeviceError,
                 "--dense-kernels: " << name(kernels)
                                     << " computes on CUDA devices (device is cpu). Use own or "
                                        "onednn, or --device cuda:0");
  return kernels == DenseKernels::own ? own_products(precision) : onednn_products(precision);
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(DenseKernels kernels, Precision precision)
      : products_(products_of(kernels, precision)) {}

  using Backend::backward;
  using Backend::forward;
  using Backend::prepare;

  void forward(Annotation const& op, OpIo const& io) const override {
    cpu::annotation_forward(io.in[0], op.params, io.value);
  }
  void backward(Annotation const& op, OpIo const& io) const override {
    if (io.in_grad[0].data == nullptr) { return; }
    cpu::annotation_backward(io.in[0], io.value, io.grad, op.params, io.add[0], io.in_grad[0]);
  }
  void prepare(Annotation const&, Layout const&, float const*, float*) const override {}

  void forward(Dense const& op, OpIo const& io) const override {
    Mat const slope = io.training ? io.saved : Mat{};
    forward_product(op, io, op.activation, io.value, slope);
  }
  void backward(Dense const& op, OpIo const& io) const override {
    ConstMat const slope = op.activation == Activation::none ? ConstMat{} : ConstMat(io.saved);
    backward_product(op, io, slope, io.grad);
  }
  void prepare(Dense const& op, Layout const& layout, float const* parameters,
               float* prepared) const override {
    prepare_product(op, layout, parameters, prepared);
  }

  void forward(SoftmaxGate const& op, OpIo const& io) const override {
    cpu::softmax_gate_forward(io.in[0], io.in[1], op.scale, io.saved, io.value);
  }
  void backward(SoftmaxGate const& op, OpIo const& io) const override {
    cpu::softmax_gate_backward(io.grad, io.in[1], io.saved, op.scale, io.add[0], io.in_grad[0],
                               io.add[1], io.in_grad[1]);
  }
  void prepare(SoftmaxGate const&, Layout const&, float const*, float*) const override {}

  void forward(Head const& op, OpIo const& io) const override {
    if (!op.loss.has_value()) {
      forward_product(op, io, Activation::none, io.value, {});
      cpu::head_activation(io.value, io.value);
      return;
    }
    Mat const a = op.activations(io.saved);
    forward_product(op, io, Activation::none, a, {});
    cpu::head_loss(a, io.in[1].data + op.target, io.in[1].ld, io.in[2].data, *op.loss,
                   io.scalars[op.scalar], io.value, op.gradient(io.saved), op.row_loss(io.saved),
                   op.row_kept(io.saved));
  }
  void backward(Head const& op, OpIo const& io) const override {
    Mat const dz = op.gradient(io.saved);
    Head data = op;
    data.train = false;
    backward_product(data, io, {}, dz);
    if (!op.train) { return; }
    ConstMat const x = io.in[0];
    Mat const dw = weight_gradient(op, io), db = bias_gradient(op, io);
    if (x.ld < padded(x.cols)) {  // an input from outside, which need not be padded
      cpu::dense_backward_weights(x, dz, io.add_gradients, dw, db);
    } else {
      cpu::head_backward_weights(x, dz, io.add_gradients, dw);
      cpu::dense_backward_bias(dz, io.add_gradients, db);
    }
  }
  void prepare(Head const& op, Layout const& layout, float const* parameters,
               float* prepared) const override {
    prepare_product(op, layout, parameters, prepared);
  }

 private:
  // A pass without prepared parameters reads the arena's (CpuExecution::predict says when).
  template <class Op>
  void forward_product(Op const& op, OpIo const& io, Activation activation, Mat y,
                       Mat slope) const {
    float const* const b = bias(op, io);
    if (io.prepared == nullptr) {
      cpu::dense_forward_unpacked(io.in[0], weight(op, io), b, activation, y, slope);
    } else {
      products_.forward(io.in[0], io.prepared, b, activation, y, slope,
                        ahead_of(io, Direction::forward));
    }
  }

  template <class Op>
  void prepare_product(Op const& op, Layout const& layout, float const* parameters,
                       float* prepared) const {
    ConstMat const w = layout[op.weight].of(parameters);
    products_.pack(w, prepared);
    products_.pack_transposed(w, prepared + cpu::dense_packed_size(op.inputs, op.outputs));
  }

  template <class Op>
  void backward_product(Op const& op, OpIo const& io, ConstMat slope, Mat dz) const {
    cpu::DenseBackward b;
    b.slope = slope;
    b.dz = dz;
    b.x = io.in[0];
    b.packed_transposed = io.prepared + cpu::dense_packed_size(op.inputs, op.outputs);
    b.accumulate = io.add[0];
    b.dx = io.in_grad[0];
    if (op.train) {
      b.add_gradients = io.add_gradients;
      b.dw = weight_gradient(op, io);
      b.db = bias_gradient(op, io);
      b.ahead = ahead_of(io, Direction::backward);
    }
    products_.backward(b);
  }

  // What the ops after this one read or write first: their first rows and packed weights, as much
  // as leaves the second-level cache room for what this one uses. Dense layers ask for it, and
  // heads forward; backward only those that are trained.
  enum class Direction { forward, backward };
  static constexpr std::int64_t kAheadFloats = 81'920, kFirstRows = 14;

  Requests ahead_of(OpIo const& io, Direction direction) const {
    bool const backward = direction == Direction::backward;
    Requests ahead;
    for (OpIo const* next = io.next;
         next != nullptr && !ahead.full() && ahead.floats() < kAheadFloats; next = next->next) {
      using Rows = std::array<ConstMat, 3>;
      for (ConstMat const m : backward ? Rows{next->saved, next->grad, next->in_grad[0]}
                                       : Rows{next->value, next->saved, ConstMat{}}) {
        ahead.add(strip_of(m, 0, kFirstRows));
      }
      if (next->prepared == nullptr) { continue; }
      std::int64_t const half = next->prepared_floats / 2;  // for each direction
      ahead.add(next->prepared + (backward ? half : 0), half / products_.packed_divisor);
    }
    return ahead.take_first(kAheadFloats);
  }

  Products products_;
};

}  // namespace

DenseKernels fastest_dense_kernels(Precision precision) {
#if JETCAL_HAS_ONEDNN
  bool const tiles =
      active_isa() == Isa::avx512 && bf16::onednn::supported() && bf16::onednn::has_tiles();
  if (precision == Precision::bf16 && tiles) { return DenseKernels::onednn; }
#else
  (void)precision;
#endif
  return DenseKernels::own;
}

std::string onednn_summary() {
#if JETCAL_HAS_ONEDNN
  if (!bf16::onednn::supported()) { return "yes, without bf16 on this processor"; }
  if (!bf16::onednn::has_tiles()) { return "yes, bf16 without AMX"; }
  return "yes, bf16 with AMX (with --precision bf16 use --dense-kernels auto)";
#else
  return "no";
#endif
}

std::unique_ptr<Backend> make_cpu_backend(DenseKernels dense_kernels, Precision precision) {
  return std::make_unique<CpuBackend>(dense_kernels, precision);
}

}  // namespace jetcal
