#pragma once

#include "kernels/ops.hpp"

namespace jetcal {

// Where an op with a weight and a bias (Dense, Head) finds them and leaves their gradients.

template <class Op>
ConstMat weight(Op const& op, OpIo const& io) {
  return (*io.layout)[op.weight].of(io.parameters);
}

template <class Op>
float const* bias(Op const& op, OpIo const& io) {
  return (*io.layout)[op.bias].of(io.parameters).data;
}

template <class Op>
Mat weight_gradient(Op const& op, OpIo const& io) {
  return (*io.layout)[op.weight].of(io.gradients);
}

template <class Op>
Mat bias_gradient(Op const& op, OpIo const& io) {
  return (*io.layout)[op.bias].of(io.gradients);
}

}  // namespace jetcal
