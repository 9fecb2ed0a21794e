#include "model/network.hpp"

#include <algorithm>

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
  core_ = add_layers(layout_, "core", width, config_.core);
  std::int64_t const core_width = config_.core.empty() ? width : config_.core.back();
  if (config_.energy) {
    energy_ = add_layers(layout_, "energy", core_width, config_.fork);
    energy_head_ = add_layer(layout_, "energy.head", config_.fork.back(), config_.outputs);
  }
  if (config_.mass) {
    if (config_.residual) {
      std::vector<std::int64_t> widths = config_.gate;
      widths.push_back(config_.fork.back());
      gate_ = add_layers(layout_, "gate", gate_inputs, widths);
    }
    mass_ = add_layers(layout_, "mass", core_width, config_.fork);
    mass_head_ = add_layer(layout_, "mass.head", config_.fork.back(), config_.outputs);
  }
}

RecordedNetwork Network::record(Recording const& what, FeatureScale scale) const {
  bool const losses = what.energy_loss.has_value() || what.mass_loss.has_value();
  bool const predicts = !losses || what.predict_others;
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
  auto const hidden = [&](Id in, std::vector<Layer> const& layers) {
    for (Layer const& layer : layers) {
      in = record_dense(tape, in, layer, Activation::mish, trained(layer));
    }
    return in;
  };
  std::int64_t n_heads = 0;
  auto const head = [&](Id in, Layer const& layer, std::optional<LossConfig> const& loss,
                        std::int64_t column) {
    if (!loss.has_value()) { return record_head(tape, in, layer, trained(layer)); }
    LossInputs const inputs{targets, weights, column, n_heads++};
    return record_head(tape, in, layer, *loss, inputs, trained(layer));
  };

  // Layers read features through an Annotation always, with or without Gaussians: it writes them as
  // a device stores what its products multiply.
  Annotation plain;
  plain.features = n_features_;
  auto const without_gaussians = [&] { return tape.record(plain, {features}); };
  Id annotated = -1;
  if (annotated_ >= 0) {
    Annotation op = plain;
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
  } else {
    annotated = without_gaussians();
  }
  Id const core = hidden(annotated, core_);
  if (config_.energy && what.energy && (what.energy_loss.has_value() || predicts)) {
    net.energy = head(hidden(core, energy_), energy_head_, what.energy_loss, 0);
  }
  if (config_.mass && what.mass && (what.mass_loss.has_value() || predicts)) {
    Id mass = hidden(core, mass_);
    if (config_.residual) {
      Id gate = config_.gate_annotated ? annotated : without_gaussians();
      gate = hidden(gate, {gate_.begin(), gate_.end() - 1});
      Layer const& last = gate_.back();
      Id const logits = record_dense(tape, gate, last, Activation::none, trained(last));
      mass = tape.record(SoftmaxGate{last.outputs, static_cast<float>(config_.gate_scale)},
                         {logits, mass});
    }
    net.mass = head(mass, mass_head_, what.mass_loss, 1);
  }
  tape.finish(what.training);
  return net;
}

}  // namespace jetcal::model
