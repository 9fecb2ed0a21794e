#include "model/network.hpp"

#include <algorithm>
#include <cmath>

#include "engine/random.hpp"

namespace jetcal::model {
namespace {

bool begins_with(std::string const& name, std::string const& group) {
  return name == group || name.compare(0, group.size() + 1, group + ".") == 0;
}

}  // namespace

Network::Network(NetworkConfig config, std::vector<std::string> const& features)
    : config_(std::move(config)), n_features_(static_cast<std::int64_t>(features.size())) {
  JETCAL_REQUIRE(n_features_ > 0, ConfigError, "model: no features (there must be at least 1)");
  JETCAL_REQUIRE(config_.energy || config_.mass, ConfigError,
                 "model: no heads (there must be energy, mass or both)");
  JETCAL_REQUIRE(config_.outputs == 2 || config_.outputs == 3, ConfigError,
                 "model: a head has " << config_.outputs << " outputs (must be 2 or 3)");
  JETCAL_REQUIRE(!config_.fork.empty(), ConfigError,
                 "model: the forks have no layers (each needs at least 1)");
  std::int64_t width = n_features_;
  if (config_.annotation.enabled) {
    auto const found = std::find(features.begin(), features.end(), config_.annotation.feature);
    JETCAL_REQUIRE(found != features.end(), ConfigError,
                   "model: annotated feature '" << config_.annotation.feature
                                                << "' is not among the features. Name one of them "
                                                   "or switch the annotation off");
    JETCAL_REQUIRE(
        config_.annotation.centres.size() == config_.annotation.widths.size(), ConfigError,
        "model: the annotation has " << config_.annotation.centres.size() << " centres but "
                                     << config_.annotation.widths.size() << " widths");
    annotated_ = found - features.begin();
    width += static_cast<std::int64_t>(config_.annotation.centres.size());
  }
  std::int64_t const gate_inputs = config_.gate_annotated ? width : n_features_;
  core_ = add_layers("core", width, config_.core);
  std::int64_t const core_width = config_.core.empty() ? width : config_.core.back();
  if (config_.energy) {
    energy_ = add_layers("energy", core_width, config_.fork);
    energy_head_ = add_layer("energy.head", config_.fork.back(), config_.outputs);
  }
  if (config_.mass) {
    if (config_.residual) {
      std::vector<std::int64_t> widths = config_.gate;
      widths.push_back(config_.fork.back());
      gate_ = add_layers("gate", gate_inputs, widths);
    }
    mass_ = add_layers("mass", core_width, config_.fork);
    mass_head_ = add_layer("mass.head", config_.fork.back(), config_.outputs);
  }
}

Network::Layer Network::add_layer(std::string const& name, std::int64_t inputs,
                                  std::int64_t outputs) {
  Layer layer;
  layer.weight = layout_.add(name + ".weight", inputs, outputs);
  layer.bias = layout_.add(name + ".bias", 1, outputs);
  layer.inputs = inputs;
  layer.outputs = outputs;
  return layer;
}

std::vector<Network::Layer> Network::add_layers(std::string const& group, std::int64_t inputs,
                                                std::vector<std::int64_t> const& widths) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    layers.push_back(add_layer(group + "." + std::to_string(i), inputs, widths[i]));
    inputs = widths[i];
  }
  return layers;
}

RecordedNetwork Network::record(Recording const& what, FeatureScale scale) const {
  bool const losses = what.energy_loss.has_value() || what.mass_loss.has_value();
  JETCAL_REQUIRE((!what.energy_loss || config_.energy) && (!what.mass_loss || config_.mass),
                 ConfigError, "model: a loss is given for a head that the network does not have");
  for (std::string const& group : what.freeze) {
    bool const known = group == "annotation" ||
                       std::any_of(layout_.slices().begin(), layout_.slices().end(),
                                   [&](Slice const& s) { return begins_with(s.name, group); });
    JETCAL_REQUIRE(known, ConfigError,
                   "freeze: no parameter of the network begins with '" << group << "'");
  }

  RecordedNetwork net{Tape(layout_)};
  Tape& tape = net.tape;
  Id const features = tape.input(n_features_);
  Id const targets = losses ? tape.input(2) : -1;
  Id const weights = losses ? tape.input(1) : -1;

  auto const trained = [&](Layer const& layer) {
    std::string const& name = layout_[layer.weight].name;
    return std::none_of(what.freeze.begin(), what.freeze.end(),
                        [&](std::string const& group) { return begins_with(name, group); });
  };
  auto const dense = [&](Id in, Layer const& layer, Activation activation) {
    return tape.record(
        Dense{layer.weight, layer.bias, layer.inputs, layer.outputs, activation, trained(layer)},
        {in});
  };
  auto const hidden = [&](Id in, std::vector<Layer> const& layers) {
    for (Layer const& layer : layers) { in = dense(in, layer, Activation::mish); }
    return in;
  };
  std::int64_t n_heads = 0;
  auto const head = [&](Id in, Layer const& layer, std::optional<LossConfig> const& loss,
                        std::int64_t target) {
    Head op{layer.weight, layer.bias, layer.inputs, layer.outputs, trained(layer), {}, target, 0};
    std::vector<Id> inputs{in};
    if (loss.has_value()) {
      op.loss = make_loss_params(*loss, layer.outputs);
      op.scalar = n_heads++;
      inputs = {in, targets, weights};
    }
    Id const id = tape.record(op, inputs);
    tape.output(id);
    return id;
  };

  Id annotated = features;
  if (annotated_ >= 0) {
    Annotation op;
    op.features = n_features_;
    op.params.feature = annotated_;
    op.params.symmetric = config_.annotation.symmetric;
    op.params.scale = scale.scale;
    op.params.offset = scale.offset;
    for (std::size_t i = 0; i < config_.annotation.centres.size(); ++i) {
      double const w = config_.annotation.widths[i];
      op.params.centres.push_back(static_cast<float>(config_.annotation.centres[i]));
      op.params.factors.push_back(static_cast<float>(1.0 / (2.0 * w * w)));
    }
    annotated = tape.record(op, {features});
  }
  Id const core = hidden(annotated, core_);
  if (config_.energy && what.energy && (what.energy_loss.has_value() || !losses)) {
    net.energy = head(hidden(core, energy_), energy_head_, what.energy_loss, 0);
  }
  if (config_.mass && what.mass && (what.mass_loss.has_value() || !losses)) {
    Id mass = hidden(core, mass_);
    if (config_.residual) {
      Id gate = config_.gate_annotated ? annotated : features;
      for (std::size_t i = 0; i + 1 < gate_.size(); ++i) {
        gate = dense(gate, gate_[i], Activation::mish);
      }
      Id const logits = dense(gate, gate_.back(), Activation::none);
      mass = tape.record(SoftmaxGate{gate_.back().outputs, static_cast<float>(config_.gate_scale)},
                         {logits, mass});
    }
    net.mass = head(mass, mass_head_, what.mass_loss, 1);
  }
  tape.finish(what.training);
  return net;
}

std::vector<float> Network::initial_parameters(std::uint64_t seed) const {
  std::vector<float> arena(static_cast<std::size_t>(layout_.size()), 0.0f);
  for (std::size_t i = 0; i < layout_.slices().size(); ++i) {
    Slice const& s = layout_.slices()[i];
    if (s.rows == 1 && s.name.size() > 5 && s.name.substr(s.name.size() - 5) == ".bias") {
      continue;
    }
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
