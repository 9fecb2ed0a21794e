#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "kernels/loss_config.hpp"
#include "model/config.hpp"

namespace jetcal::train {

enum class OptimizerKind { radam, diffgrad, adam, sgd };

/// Which published implementation of an optimizer is followed.
struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::radam;
  std::string preset;  ///< radam: tfa, torch, author, paper; diffgrad: reference, keras; else empty
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double momentum = 0;  ///< sgd
  double weight_decay = 0;

  bool operator==(OptimizerConfig const&) const = default;
};

/// One step of the schedule.
struct StepConfig {
  std::string name;
  double epochs = 1;  ///< may be fractional: the step ends after ceil(epochs * updates per epoch)
  std::int64_t batch_size = 15000;
  double learning_rate = 1e-3;
  double learning_rate_end = 1e-3;  ///< linear in the update; equal: constant
  std::int64_t warmup_updates = 0;  ///< the rate rises linearly over these
  OptimizerConfig optimizer;
  std::optional<LossConfig>
      energy;  ///< none: the head is not trained and its loss not evaluated in training
  std::optional<LossConfig> mass;
  std::vector<std::string> freeze;  ///< groups: "annotation", "core", "gate", "energy", "mass", or
                                    ///< a parameter name's beginning
  bool reset_optimizer = true;
  double average_decay = 0;  ///< > 0: the step ends with an exponential average of its weights
};

/// Stop (or go back to the step's start) when a head keeps too few jets.
struct CollapseConfig {
  double fraction = 0.5;      ///< of the expected kept fraction erf(N / sqrt 2)
  std::int64_t batches = 20;  ///< consecutive batches
  bool restore = false;       ///< go back to the step's first state and warm up longer
  std::int64_t retries = 2;
};

struct CheckpointConfig {
  std::int64_t every_updates = 0;  ///< besides the end of every epoch; 0: none
  double every_seconds = 300;      ///< 0: none
  std::int64_t keep = 2;
};

/// Everything a run needs, every default filled in.
struct Recipe {
  std::string name;         ///< the file's stem unless it says otherwise
  std::string description;  ///< free text
  std::uint64_t seed = 1;
  std::int64_t lanes = 8;
  data::DataConfig data;
  data::LoaderConfig loader;
  std::vector<data::FeatureConfig> features;
  std::map<std::string, data::TargetConfig> targets;  ///< "energy", "mass"
  data::KinematicsConfig kinematics;
  data::BinsConfig bins;
  model::NetworkConfig model;
  double sigma_floor_energy = 0.01;
  double sigma_floor_mass = 0.02;
  std::vector<StepConfig> schedule;
  CollapseConfig collapse;
  CheckpointConfig checkpoint;
  std::int64_t validation_every = 0;  ///< epochs between closures of held-out jets; 0: none
};

}  // namespace jetcal::train
