#pragma once

#include "engine/lanes.hpp"
#include "kernels/dense.cuh"
#include "kernels/ops.hpp"

namespace jetcal::cuda {

/// The ops on a CUDA device with products on tensor cores: as CudaBackend, but values, saved
/// numbers and their gradients are T (Tf32 or Bf16, kernels/storage.hpp) in the memory of OpIo's
/// matrices. What comes from outside, what heads give out, and all of the parameters is float32.
template <class T>
class TensorBackend final : public Backend {
 public:
  /// `arenas`: where each lane's gradients go; without data in a pass without backward.
  TensorBackend(cudaStream_t stream, Lanes const& lanes, LaneArenas const& arenas)
      : stream_(stream), lanes_(lanes), arenas_(arenas) {}

  using Backend::backward;
  using Backend::forward;
  using Backend::prepare;

  void forward(Annotation const& op, OpIo const& io) const override;
  void backward(Annotation const& op, OpIo const& io) const override;
  void prepare(Annotation const& op, Layout const& layout, float const* parameters,
               float* prepared) const override;

  void forward(Dense const& op, OpIo const& io) const override;
  void backward(Dense const& op, OpIo const& io) const override;
  void prepare(Dense const& op, Layout const& layout, float const* parameters,
               float* prepared) const override;

  void forward(SoftmaxGate const& op, OpIo const& io) const override;
  void backward(SoftmaxGate const& op, OpIo const& io) const override;
  void prepare(SoftmaxGate const& op, Layout const& layout, float const* parameters,
               float* prepared) const override;

  void forward(Head const& op, OpIo const& io) const override;
  void backward(Head const& op, OpIo const& io) const override;
  void prepare(Head const& op, Layout const& layout, float const* parameters,
               float* prepared) const override;

 private:
  template <class Op>
  void backward_product(Op const& op, OpIo const& io, ConstMatOf<T> dz) const;

  cudaStream_t stream_;
  Lanes lanes_;
  LaneArenas arenas_;
};

/// Errors: ShapeError if an op of `tape` other than an Annotation reads what comes from outside,
/// which is float32, or an Annotation something else.
void require_stored(Tape const& tape);

}  // namespace jetcal::cuda
