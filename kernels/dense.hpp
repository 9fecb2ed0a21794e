#pragma once

#include <cstdint>

#include "engine/matrix.hpp"
#include "kernels/soon.hpp"

namespace jetcal {

/// What follows the product in a dense layer.
enum class Activation { none, mish };

namespace cpu {

/// Floats that the packed form of a weight matrix [inputs, outputs] takes: panels of 32 columns,
/// each [inputs, 32], zero where there is no column. Room for 32 rows at a time, which forms of
/// other products need.
std::int64_t dense_packed_size(std::int64_t inputs, std::int64_t outputs);

/// Packs w [inputs, outputs] for dense_forward.
void dense_pack(ConstMat w, float* packed);

/// Packs the transpose of w [inputs, outputs] for dense_backward_data:
/// dense_packed_size(outputs, inputs) floats.
void dense_pack_transposed(ConstMat w, float* packed);

/// Dense layer y = activation(x W + b), fused.
///
/// Shapes    x [rows, inputs], packed: W [inputs, outputs] by dense_pack, bias [outputs] padded
/// with
///           zeros to padded(outputs), y [rows, outputs], slope [rows, outputs] or without data
/// Values    y = activation(z), slope = d activation / d z (1 is not written for `none`);
///           z = (chain of fma over the inputs in order, from 0) + bias
/// Writes    y and slope up to padded(outputs) columns, so their ld must be at least that; the
///           padding of y becomes 0 (where x is finite)
/// Asks for  `ahead`, what comes after this layer, while it computes the last rows
/// Accuracy  the chain is exact to its definition on every instruction set; Mish 4 ulp (test)
/// Errors    ShapeError if the shapes differ; rows == 0 is allowed
void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope, Requests ahead = {});

/// The same from the weights as they are, w [inputs, outputs] with rows padded with zeros: the same
/// bits, slower for many rows, faster than packing first for a few.
void dense_forward_unpacked(ConstMat x, ConstMat w, float const* bias, Activation activation, Mat y,
                            Mat slope);

/// dy *= slope, in place: the gradient with respect to z.
void dense_backward_activation(ConstMat slope, Mat dy);

/// Gradient with respect to the inputs: dx = dz W^T, chains over the outputs in order, from 0.
///
/// Shapes    dz [rows, outputs], packed_transposed by dense_pack_transposed, dx [rows, inputs]
/// Writes    dx, or adds to it if `accumulate`; its padding too
void dense_backward_data(ConstMat dz, float const* packed_transposed, bool accumulate, Mat dx);

/// Gradients with respect to weights and bias: dw = x^T dz and db = sum of dz's rows, both chains
/// over the rows in order. `accumulate` continues the chains from the values in dw and db (the next
/// tile of the same lane) instead of from 0.
///
/// Shapes    x [rows, inputs], dz [rows, outputs] with zero padding, dw [inputs, outputs],
///           db [1, outputs]
void dense_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db);

/// A layer's whole backward pass.
struct DenseBackward {
  ConstMat slope;                            ///< of the activation; no data: there is none
  Mat dz;                                    ///< the value's gradient; becomes that of z
  ConstMat x;                                ///< the layer's input, for dw
  float const* packed_transposed = nullptr;  ///< for dx
  bool accumulate = false;                   ///< add to dx or overwrite it
  Mat dx;                                    ///< no data: nobody asks for it
  bool add_gradients = false;                ///< continue the chains in dw and db
  Mat dw, db;                                ///< both without data: frozen
  Requests ahead;  ///< what comes after this layer, asked for during the last rows of dw, if any
};

/// Errors: ShapeError if what is asked for does not fit together.
void require_shapes(char const* where, DenseBackward const& b);

/// The three above in one sweep, with the same bits: dense_backward_activation, then
/// dense_backward_data and dense_backward_weights as far as they are asked for.
void dense_backward(DenseBackward const& b);

/// The parts of the above that are no product, for those who bring their own: y = activation(y)
/// with its slope, y = activation(y + bias), and db = sum of dz's rows in order (on top of db if
/// `accumulate`).
void dense_activation(Activation activation, Mat y, Mat slope);
void dense_epilogue(float const* bias, Activation activation, Mat y, Mat slope);
void dense_backward_bias(ConstMat dz, bool accumulate, Mat db);

}  // namespace cpu
}  // namespace jetcal
