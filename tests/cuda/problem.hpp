#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal::test {

// Whole networks and batches for them, for tests of executions.

inline Device const kCuda{Device::Kind::cuda, 0};

/// Jets with targets near 1 and weights of many sizes; others for each `number`.
struct Sample {
  Sample(std::int64_t n_rows, std::int64_t n_features, std::int64_t number = 0)
      : rows(n_rows),
        features(n_features),
        x(uniform(rows * padded(features), -1, 1, seed_of("features", rows + 10'000 * number))),
        targets(uniform(rows * 2, 0.6, 1.4, seed_of("targets", rows + 10'000 * number))),
        weights(uniform(rows, 0.1, 3, seed_of("weights", rows + 10'000 * number))) {}
  HostBatch batch() const {
    return {
        {x.data(), rows, features, padded(features)}, {targets.data(), rows, 2, 2}, weights.data()};
  }
  std::int64_t rows, features;
  std::vector<float> x, targets, weights;
};

inline std::vector<std::string> names(std::int64_t n) {
  std::vector<std::string> list{"eta"};
  while (static_cast<std::int64_t>(list.size()) < n) {
    list.push_back("f" + std::to_string(list.size()));
  }
  return list;
}

/// A small network with every kind of op, for 5 features.
inline model::NetworkConfig small_config() {
  model::NetworkConfig config;
  config.core = {19, 23};
  config.fork = {17, 21};
  config.gate = {18};
  config.gate_scale = 21;
  return config;
}
inline model::Network small_network() { return {small_config(), names(5)}; }

inline PassOptions both(Divisor divisor) { return {{divisor, divisor}}; }

/// A network, and jets for it.
struct Problem {
  Problem(model::NetworkConfig const& config, std::int64_t rows, std::int64_t features)
      : jets(rows, features), network(config, names(features)) {}

  model::RecordedNetwork training(std::vector<std::string> const& freeze = {}) const {
    model::Recording what;
    what.training = true;
    what.energy_loss = LossConfig{};
    what.mass_loss = LossConfig{};
    what.freeze = freeze;
    return network.record(what, {0.4f, -0.1f});
  }
  Buffer initial_parameters(Device device) const {
    Buffer parameters(device, network.layout().size());
    parameters.upload(network.initial_parameters(7));
    return parameters;
  }

  Sample jets;
  model::Network network;
};

/// What a training pass and a prediction give.
struct Numbers {
  std::vector<float> row_loss, gradients, predicted;
};

inline Numbers numbers(Problem const& problem, ExecutionOptions const& options,
                       std::vector<std::string> const& freeze = {}) {
  model::RecordedNetwork const training = problem.training(freeze);
  model::RecordedNetwork const prediction = problem.network.record({}, {0.4f, -0.1f});
  auto const execution = make_execution(options);
  Buffer const parameters = problem.initial_parameters(options.device);
  HostBatch const batch = problem.jets.batch();
  Numbers found;
  PassResult const& result = execution->train(training.tape, batch, both(Divisor::all), parameters);
  for (HeadResult const& head : result.heads) {
    found.row_loss.insert(found.row_loss.end(), head.row_loss.begin(), head.row_loss.end());
  }
  found.gradients = execution->gradients().download();
  std::int64_t const rows = problem.jets.rows;
  auto const n = static_cast<std::size_t>(3 * rows);
  std::vector<float> mass(n);
  found.predicted.resize(n);
  execution->predict(prediction.tape, batch.features, parameters,
                     {prediction.energy, prediction.mass},
                     {Mat{found.predicted.data(), rows, 3, 3}, Mat{mass.data(), rows, 3, 3}});
  found.predicted.insert(found.predicted.end(), mass.begin(), mass.end());
  return found;
}

/// The options of a CUDA device.
inline ExecutionOptions on_cuda(Precision precision, DenseKernels dense = DenseKernels::own,
                                SoftmaxKernels softmax = SoftmaxKernels::own) {
  ExecutionOptions options;
  options.device = kCuda;
  options.precision = precision;
  options.dense_kernels = dense;
  options.softmax_kernels = softmax;
  return options;
}

/// |a - b| / |b| over all elements.
inline double distance(std::vector<float> const& a, std::vector<float> const& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    difference += (x - y) * (x - y);
    size += y * y;
  }
  return std::sqrt(difference / size);
}

/// The errors of k roundings to tf32 or bf16 add up like a random walk: sqrt(k) units of the last
/// place each, and a factor of 4 to spare.
inline double drift(Precision precision, double roundings) {
  double const unit = precision == Precision::tf32 ? 0x1p-11 : 0x1p-8;
  return 4 * std::sqrt(roundings) * unit;
}

}  // namespace jetcal::test
