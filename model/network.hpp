#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/layout.hpp"
#include "kernels/loss_config.hpp"
#include "kernels/ops.hpp"
#include "model/config.hpp"
#include "model/layers.hpp"

namespace jetcal::model {

/// The affine normalisation of the feature that is annotated: x = v * scale + offset.
struct FeatureScale {
  float scale = 1;
  float offset = 0;
};

/// What one recording of the network is for. A head without a loss is a prediction (no training);
/// beside one with a loss it is left out, as is a head that is not asked for, with everything that
/// only it needs.
struct Recording {
  bool training = false;
  bool energy = true;
  bool mass = true;
  std::optional<LossConfig> energy_loss;
  std::optional<LossConfig> mass_loss;
  bool predict_others = false;      ///< heads without a loss stay, too, beside one with a loss
  std::vector<std::string> freeze;  ///< beginnings of parameter names: "core", "energy.head", ...
};

/// A recorded network. Inputs: features [rows, n]; with losses also targets [rows, 2] and weights
/// [rows, 1].
struct RecordedNetwork {
  Tape tape;
  Id energy = -1;  ///< entries of the heads, -1 if left out
  Id mass = -1;
};

/// The calibration network of arXiv:2311.08885, section 5.3.
class Network {
 public:
  /// Errors: ConfigError for a shape that makes no network, or an annotated feature that is not in
  /// `features`.
  Network(NetworkConfig config, std::vector<std::string> const& features);

  NetworkConfig const& config() const { return config_; }
  Layout const& layout() const { return layout_; }
  std::int64_t features() const { return n_features_; }

  /// Index of the annotated feature, -1 without annotation.
  std::int64_t annotated_feature() const { return annotated_; }

  /// The annotated feature's entry of a normalisation; 1 and 0 without annotation.
  FeatureScale annotated_scale(std::vector<float> const& scale,
                               std::vector<float> const& offset) const {
    if (annotated_ < 0) { return {}; }
    auto const i = static_cast<std::size_t>(annotated_);
    return {scale.at(i), offset.at(i)};
  }

  /// `scale` is the annotated feature's normalisation. Errors: ConfigError for a loss on a head the
  /// network lacks, or a `freeze` that names no parameter.
  RecordedNetwork record(Recording const& what, FeatureScale scale) const;

  /// glorot_uniform() of the layout.
  std::vector<float> initial_parameters(std::uint64_t seed) const {
    return glorot_uniform(layout_, seed);
  }

 private:
  NetworkConfig config_;
  Layout layout_;
  std::int64_t n_features_ = 0;
  std::int64_t annotated_ = -1;
  std::vector<Layer> core_, energy_, mass_, gate_;
  Layer energy_head_, mass_head_;
};

}  // namespace jetcal::model
