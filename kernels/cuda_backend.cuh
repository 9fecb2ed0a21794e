#pragma once

#include "engine/lanes.hpp"
#include "kernels/dense.cuh"
#include "kernels/ops.hpp"
#include "kernels/vendor_kernels.cuh"

namespace jetcal::cuda {

/// The ops on a CUDA device in fp32, enqueued on one stream; for one pass. Parameters, values and
/// gradients are device memory. OpIo::scalars too; OpIo::gradients is lane 0's arena.
class CudaBackend final : public Backend {
 public:
  /// `arenas`: where each lane's gradients go; without data in a pass without backward.
  CudaBackend(cudaStream_t stream, Lanes const& lanes, LaneArenas const& arenas,
              VendorKernels const& vendor = {})
      : stream_(stream), lanes_(lanes), arenas_(arenas), vendor_(vendor) {}

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
  /// cuDNN, if the gate shall run with it: forward and backward, which share what is saved.
  Cudnn const* cudnn_for(SoftmaxGate const& op, OpIo const& io) const;

  /// For those who do not do it as they write the gradient.
  void multiply_with_slope(OpIo const& io, std::size_t i) const;

  template <class Op>
  void backward_product(Op const& op, OpIo const& io, ConstMat dz) const;

  cudaStream_t stream_;
  Lanes lanes_;
  LaneArenas arenas_;
  VendorKernels vendor_;
};

}  // namespace jetcal::cuda
