#include "model/layers.hpp"

#include <cmath>

#include "engine/random.hpp"

namespace jetcal::model {
namespace {

constexpr char kBias[] = ".bias";

bool is_bias(Slice const& s) {
  std::size_t const n = sizeof kBias - 1;
  return s.rows == 1 && s.name.size() > n && s.name.compare(s.name.size() - n, n, kBias) == 0;
}

}  // namespace

Layer add_layer(Layout& layout, std::string const& name, std::int64_t inputs,
                std::int64_t outputs) {
  Layer layer;
  layer.weight = layout.add(name + ".weight", inputs, outputs);
  layer.bias = layout.add(name + kBias, 1, outputs);
  layer.inputs = inputs;
  layer.outputs = outputs;
  return layer;
}

std::vector<Layer> add_layers(Layout& layout, std::string const& group, std::int64_t inputs,
                              std::vector<std::int64_t> const& widths) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    layers.push_back(add_layer(layout, group + "." + std::to_string(i), inputs, widths[i]));
    inputs = widths[i];
  }
  return layers;
}

Id record_dense(Tape& tape, Id x, Layer const& layer, Activation activation, bool train) {
  return tape.record(
      Dense{layer.weight, layer.bias, layer.inputs, layer.outputs, activation, train}, {x});
}

Id record_head(Tape& tape, Id x, Layer const& layer, bool train) {
  Head const op{layer.weight, layer.bias, layer.inputs, layer.outputs, train, {}, 0, 0};
  Id const id = tape.record(op, {x});
  tape.output(id);
  return id;
}

Id record_head(Tape& tape, Id x, Layer const& layer, LossConfig const& loss,
               LossInputs const& inputs, bool train) {
  Head const op{layer.weight,  layer.bias,   layer.inputs,
                layer.outputs, train,        make_loss_params(loss, layer.outputs),
                inputs.column, inputs.scalar};
  Id const id = tape.record(op, {x, inputs.targets, inputs.weights});
  tape.output(id);
  return id;
}

std::vector<float> glorot_uniform(Layout const& layout, std::uint64_t seed) {
  std::vector<float> arena(static_cast<std::size_t>(layout.size()), 0.0f);
  for (std::size_t i = 0; i < layout.slices().size(); ++i) {
    Slice const& s = layout.slices()[i];
    if (is_bias(s)) { continue; }
    RandomStream const random(seed, Purpose::weights, static_cast<std::uint32_t>(i));
    double const limit = std::sqrt(6.0 / static_cast<double>(s.rows + s.cols));
    Mat const w = s.of(arena.data());
    for (std::int64_t r = 0; r < s.rows; ++r) {
      for (std::int64_t c = 0; c < s.cols; ++c) {
        double const u = random.uniform(static_cast<std::uint64_t>(r * s.cols + c));
        w.row(r)[c] = static_cast<float>((2.0 * u - 1.0) * limit);
      }
    }
  }
  return arena;
}

}  // namespace jetcal::model
