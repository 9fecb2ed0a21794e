#pragma once

#include "kernels/head.cuh"
#include "kernels/ops.hpp"

namespace jetcal::cuda {

/// What a head with a loss compares with, and leaves for every row, in one pass.
inline HeadRows head_rows(Head const& op, OpIo const& io) {
  HeadRows rows;
  rows.targets = io.in[1].data + op.target;
  rows.target_stride = io.in[1].ld;
  rows.weights = io.in[2].data;
  rows.gradient_scale = io.scalars + op.scalar;
  rows.row_loss = op.row_loss(io.saved);
  rows.row_kept = op.row_kept(io.saved);
  return rows;
}

}  // namespace jetcal::cuda
