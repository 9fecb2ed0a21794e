#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/tape.hpp"
#include "kernels/annotation.hpp"
#include "kernels/dense.hpp"
#include "kernels/loss.hpp"

namespace jetcal {

// The ops a tape can hold. engine/tape.hpp says what each member means. A new op is a struct here,
// an entry in OpBackend below, and its forward and backward in every backend: the compiler names
// what is missing.

/// Features, and Gaussians of one of them beside them. in: features.
struct Annotation {
  AnnotationParams params;
  std::int64_t features = 0;

  std::int64_t cols() const { return features + static_cast<std::int64_t>(params.centres.size()); }
  std::int64_t saved() const { return 0; }
  std::vector<std::int64_t> parameters() const { return {}; }
  bool trainable() const { return false; }
  bool is_loss() const { return false; }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return false; }
  std::int64_t prepared() const { return 0; }
};

/// activation(x W + b). in: x. `weight` and `bias` number slices of the layout.
struct Dense {
  std::int64_t weight = 0, bias = 0;
  std::int64_t inputs = 0, outputs = 0;
  Activation activation = Activation::mish;
  bool train = true;

  std::int64_t cols() const { return outputs; }
  std::int64_t saved() const { return activation == Activation::none ? 0 : outputs; }
  std::vector<std::int64_t> parameters() const { return {weight, bias}; }
  bool trainable() const { return train; }
  bool is_loss() const { return false; }
  bool saves_slope() const { return activation != Activation::none; }
  bool keeps_floats() const { return false; }
  std::int64_t prepared() const {
    return cpu::dense_packed_size(inputs, outputs) + cpu::dense_packed_size(outputs, inputs);
  }
};

/// scale * softmax(logits) times h, elementwise. in: logits, h.
struct SoftmaxGate {
  std::int64_t width = 0;
  float scale = 1;

  std::int64_t cols() const { return width; }
  std::int64_t saved() const { return width; }
  std::vector<std::int64_t> parameters() const { return {}; }
  bool trainable() const { return false; }
  bool is_loss() const { return false; }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return false; }
  std::int64_t prepared() const { return 0; }
};

/// tanh(x W + b) + 1 and, if there is a loss, the loss and its gradient. in: x; with a loss also
/// the targets [rows, n] and the weights [rows, 1]. The gradient is that of scalars[scalar] * sum
/// of weight * loss.
struct Head {
  std::int64_t weight = 0, bias = 0;
  std::int64_t inputs = 0, outputs = 3;
  bool train = true;
  std::optional<LossParams> loss;
  std::int64_t target = 0;  ///< column of the targets
  std::int64_t scalar = 0;

  std::int64_t cols() const { return outputs; }
  std::int64_t saved() const { return 3 * kColumns; }
  std::vector<std::int64_t> parameters() const { return {weight, bias}; }
  bool trainable() const { return train; }
  bool is_loss() const { return loss.has_value(); }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return true; }
  std::int64_t prepared() const {
    return cpu::dense_packed_size(inputs, outputs) + cpu::dense_packed_size(outputs, inputs);
  }

  // What forward keeps, carved out of one block: pre-activations, their gradient, and for each row
  // weight * loss and the kept weight.
  static constexpr std::int64_t kColumns = 16;
  Mat activations(Mat saved) const { return {saved.data, saved.rows, outputs, kColumns}; }
  Mat gradient(Mat saved) const {
    return {saved.data + saved.rows * kColumns, saved.rows, outputs, kColumns};
  }
  float* row_loss(Mat saved) const { return saved.data + 2 * saved.rows * kColumns; }
  float* row_kept(Mat saved) const { return row_loss(saved) + saved.rows; }
};

/// What a device must be able to do with one kind of op.
template <class Op>
class OpBackend {
 public:
  virtual ~OpBackend() = default;
  virtual void forward(Op const& op, OpIo const& io) const = 0;
  virtual void backward(Op const& op, OpIo const& io) const = 0;
  /// Lays the op's parameters out for the passes that follow, in op.prepared() floats.
  virtual void prepare(Op const& op, Layout const& layout, float const* parameters,
                       float* prepared) const = 0;
};

template <class... Ops>
struct OpList {
  class Backend : public OpBackend<Ops>... {
   public:
    using OpBackend<Ops>::forward...;
    using OpBackend<Ops>::backward...;
    using OpBackend<Ops>::prepare...;
  };
  using Tape = BasicTape<Backend, Ops...>;
};

/// The one list.
using AllOps = OpList<Annotation, Dense, SoftmaxGate, Head>;
using Backend = AllOps::Backend;
using Tape = AllOps::Tape;

}  // namespace jetcal
