#pragma once

#include "engine/matrix.hpp"

namespace jetcal::cpu {

/// dw = x^T dz, or dw += it: the weight gradient of a head, whose few outputs would fill a fifth of
/// a vector. So the vectors run along the inputs, and x passes by once for all outputs.
///
/// Source    arXiv:2311.08885, section 5.3 (the heads)
/// Shapes    x [rows, inputs], dz [rows, outputs], dw [inputs, outputs]; outputs 1 to 3
/// Order     each dw[i][j] is one chain of fma over the rows, from 0 or from its value: the bits of
///           dense_backward_weights
/// Writes    dw; its padding becomes 0, or keeps its value when adding
/// Errors    ShapeError if the shapes differ or x or dw lack padding; rows == 0 is allowed
void head_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw);

}  // namespace jetcal::cpu
