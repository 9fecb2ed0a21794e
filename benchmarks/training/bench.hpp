#pragma once

// The paper's network on random jets, and how long its steps take.

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/clock.hpp"
#include "engine/random.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"

namespace jetcal::bench {

struct Result {
  double jets_per_s = 0;      // of wall time, median
  double jets_per_cpu_s = 0;  // of the processor time of all threads
  double gflops = 0;          // in that, a thread
  double memory_mib = 0;      // of the network's passes: lanes, tiles, packed weights
  double peak_mib = 0;        // resident memory of the whole process so far, jets included
};

inline double flop_per_jet(Tape const& tape) {
  double flop = 0;
  for (Id id = 0; id < tape.size(); ++id) {
    auto const count = [&](auto const& op) {
      double const product = 2.0 * static_cast<double>(op.inputs * op.outputs);
      flop += product;
      if (!tape.training()) { return; }
      flop += op.train ? product : 0;
      if (tape[tape[id].inputs[0]].needs_grad) { flop += product; }
    };
    if (auto const* dense = std::get_if<Dense>(&tape[id].op)) { count(*dense); }
    if (auto const* head = std::get_if<Head>(&tape[id].op)) { count(*head); }
  }
  return flop;
}

inline std::vector<float> normals(std::int64_t n, std::uint64_t seed, double mean, double width) {
  RandomStream const random(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;  // of four uniforms: variance 1/3
    for (auto const word : random.words(i)) { sum += static_cast<double>(word) * 0x1p-32; }
    values[i] = static_cast<float>(mean + width * std::sqrt(3.0) * (sum - 2));
  }
  return values;
}

/// What every measurement needs: the network, random jets, a device.
struct Bench {
  explicit Bench(ExecutionOptions const& options, std::int64_t n)
      : batch(n),
        features(normals(batch * kStride, 1, 0, 0.4)),
        targets(normals(batch * 2, 2, 0.95, 0.1)),
        weights(static_cast<std::size_t>(batch), 1.0f),
        network(config(), names()),
        execution(make_execution(options)),
        parameters({}, network.layout().size()) {
    parameters.upload(network.initial_parameters(1));
  }

  static std::vector<std::string> names() {
    std::vector<std::string> list;
    for (int i = 0; i < 21; ++i) { list.push_back("f" + std::to_string(i)); }
    return list;
  }
  static model::NetworkConfig config() {
    model::NetworkConfig config;
    config.annotation.feature = "f2";
    return config;
  }
  /// `mass_only`: the paper's last step, which trains the mass fork with all else frozen.
  model::RecordedNetwork record(bool training, bool mass_only = false) const {
    model::Recording what;
    what.training = training;
    if (training) { what.mass_loss = LossConfig{}; }
    if (training && !mass_only) { what.energy_loss = LossConfig{}; }
    if (mass_only) { what.freeze = {"core", "energy"}; }
    return network.record(what, {0.4f, 0.0f});
  }
  ConstMat x() const { return {features.data(), batch, 21, kStride}; }

  static constexpr std::int64_t kStride = padded(21);
  std::int64_t batch;
  std::vector<float> features, targets, weights;
  model::Network network;
  std::unique_ptr<Execution> execution;
  Buffer parameters;
};

template <class Step>
Result timed(Bench const& bench, double flop, double seconds, Step const& step) {
  step();
  std::vector<double> times;
  double const cpu = process_seconds();
  double const start = wall_seconds();
  while (times.size() < 3 || wall_seconds() - start < seconds) {
    double const one = wall_seconds();
    step();
    times.push_back(wall_seconds() - one);
  }
  double const cpu_per_step = (process_seconds() - cpu) / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  auto const n = static_cast<double>(bench.batch);
  Result result;
  result.jets_per_s = n / times[times.size() / 2];
  result.jets_per_cpu_s = n / cpu_per_step;
  result.gflops = result.jets_per_cpu_s * flop * 1e-9;
  result.memory_mib = static_cast<double>(bench.execution->memory()) / (1 << 20);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  result.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return result;
}

inline Result time_training(Bench& b, double seconds, bool mass_only = false) {
  model::RecordedNetwork const net = b.record(true, mass_only);
  HostBatch const data{b.x(), {b.targets.data(), b.batch, 2, 2}, b.weights.data()};
  std::vector<Buffer> states;
  for (int i = 0; i < 2; ++i) { states.emplace_back(Device{}, b.network.layout().size()); }
  PassOptions const pass{{Divisor::all, Divisor::all}};
  std::int64_t t = 0;
  double loss = 0;
  Result result = timed(b, flop_per_jet(net.tape), seconds, [&] {
    OptimizerStep const step = radam_step(radam_options(RadamPreset::tfa), ++t, 1e-3);
    loss = b.execution->update({net.tape, pass, step, b.parameters, states}, data).heads[0].loss;
  });
  if (!std::isfinite(loss)) { result.jets_per_s = result.jets_per_cpu_s = 0; }
  return result;
}

inline Result time_inference(Bench& b, double seconds) {
  model::RecordedNetwork const net = b.record(false);
  std::vector<float> energy(static_cast<std::size_t>(3 * b.batch)), mass = energy;
  double const flop = flop_per_jet(net.tape);
  Result result = timed(b, flop, seconds, [&] {
    b.execution->predict(net.tape, b.x(), b.parameters, {net.energy, net.mass},
                         {{energy.data(), b.batch, 3, 3}, {mass.data(), b.batch, 3, 3}});
  });
  if (!std::isfinite(energy[0] + mass[0])) { result.jets_per_s = result.jets_per_cpu_s = 0; }
  return result;
}

}  // namespace jetcal::bench
