#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/layout.hpp"
#include "kernels/ops.hpp"

// What networks are made of. A network declares its layers in a Layout, once, and records them on a
// Tape as often as it likes. docs/first-network.md shows a whole one.

namespace jetcal::model {

/// A dense layer's place in a layout: slices NAME.weight [inputs, outputs] and NAME.bias [outputs].
struct Layer {
  std::int64_t weight = 0, bias = 0;
  std::int64_t inputs = 0, outputs = 0;
};

/// Declares one layer. Errors: ConfigError for a name used twice, ShapeError for a width below 1.
Layer add_layer(Layout& layout, std::string const& name, std::int64_t inputs, std::int64_t outputs);

/// Declares layers GROUP.0, GROUP.1, ... of these widths, each fed by the one before.
std::vector<Layer> add_layers(Layout& layout, std::string const& group, std::int64_t inputs,
                              std::vector<std::int64_t> const& widths);

/// Records activation(x W + b). `train` false: frozen, its parameters get no gradient.
Id record_dense(Tape& tape, Id x, Layer const& layer, Activation activation, bool train = true);

/// The jets' side of a loss: entries of the targets [rows, n] and weights [rows, 1], the target's
/// column, and which of the pass's scalars (one a head, from 0) divides the loss.
struct LossInputs {
  Id targets = -1, weights = -1;
  std::int64_t column = 0;
  std::int64_t scalar = 0;
};

/// Records a head tanh(x W + b) + 1 whose value stays readable: without a loss, or with one.
Id record_head(Tape& tape, Id x, Layer const& layer, bool train = true);
Id record_head(Tape& tape, Id x, Layer const& layer, LossConfig const& loss,
               LossInputs const& inputs, bool train = true);

/// Glorot-uniform weights and zero biases, in the layout (X. Glorot, Y. Bengio, AISTATS 2010):
/// uniform in +- sqrt(6 / (inputs + outputs)). A pure function of the seed, the slice's place in
/// the layout and the element's place in the slice.
std::vector<float> glorot_uniform(Layout const& layout, std::uint64_t seed);

}  // namespace jetcal::model
