// Trains a small network of every part (annotation, core, forks, gate, heads) with every optimizer,
// and prints one line for each instruction set there is: its name and a hash of all parameter bits.
// The lines must agree here, and with those of the same program on another processor.

#include <bit>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/isa.hpp"
#include "engine/random.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"

namespace {

using namespace jetcal;

constexpr std::int64_t kRows = 611;
constexpr std::int64_t kFeatures = 7;

std::vector<float> numbers(std::int64_t n, float low, float high, std::uint64_t seed) {
  RandomStream const random(seed, Purpose::test);
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i) {
    auto const u = static_cast<float>(random.words(static_cast<std::uint64_t>(i))[0] >> 8);
    values.push_back(low + (high - low) * (u * 0x1p-24f));
  }
  return values;
}

model::Network network() {
  model::NetworkConfig config;
  config.core = {37, 41};
  config.fork = {29, 33};
  config.gate = {19};
  config.annotation.feature = "eta";
  return {config, {"a", "b", "eta", "d", "e", "f", "g"}};
}

/// One step of a schedule in small: a loss for each head and an optimizer.
struct Step {
  LossKind energy, mass;
  double truncation;
  int optimizer;
  bool frozen_core;
};

OptimizerStep optimizer_step(int which, std::int64_t t) {
  switch (which) {
    case 0:
      return radam_step(radam_options(RadamPreset::tfa), t, 3e-3);
    case 1:
      return diffgrad_step(diffgrad_options("keras"), t, 2e-3);
    case 2:
      return adam_step({}, t, 2e-3);
    default:
      return sgd_step({0.9, 1e-4}, 1e-2);
  }
}

std::uint64_t hash(std::uint64_t h, float v) {
  return (h ^ std::bit_cast<std::uint32_t>(v)) * std::uint64_t{0x100000001b3u};  // FNV-1a, by words
}

std::uint64_t train(int threads) {
  model::Network const net = network();
  auto const x = numbers(kRows * padded(kFeatures), -1.5f, 1.5f, 1);
  auto const targets = numbers(kRows * 2, 0.7f, 1.2f, 2);
  auto const weights = numbers(kRows, 0.2f, 2.0f, 3);
  HostBatch const batch{{x.data(), kRows, kFeatures, padded(kFeatures)},
                        {targets.data(), kRows, 2, 2},
                        weights.data()};
  ExecutionOptions options;
  options.threads = threads;
  auto const execution = make_execution(options);
  Buffer parameters({}, net.layout().size()), average({}, net.layout().size());
  parameters.upload(net.initial_parameters(5));
  average.copy_from(parameters);
  std::uint64_t h = 0xcbf29ce484222325u;
  Step const steps[] = {{LossKind::mdna, LossKind::mdna, 0, 0, false},
                        {LossKind::mdna, LossKind::mdna, 3, 1, false},
                        {LossKind::mse, LossKind::huber, 0, 2, false},
                        {LossKind::leaky_gaussian_kernel, LossKind::mae, 0, 3, false},
                        {LossKind::mdna, LossKind::mdn, 1, 1, true}};
  for (Step const& step : steps) {
    model::Recording what;
    what.training = true;
    LossConfig loss;
    loss.kind = step.energy;
    loss.truncation = step.truncation;
    if (!step.frozen_core) { what.energy_loss = loss; }
    loss.kind = step.mass;
    what.mass_loss = loss;
    if (step.frozen_core) { what.freeze = {"core", "energy"}; }
    model::RecordedNetwork const recorded = net.record(what, {0.4f, -0.05f});
    std::vector<Buffer> states;
    for (std::size_t i = 0; i < optimizer_states(optimizer_step(step.optimizer, 1)).size(); ++i) {
      states.emplace_back(Device{}, net.layout().size());
    }
    PassOptions const pass{std::vector<Divisor>(loss_entries(recorded.tape).size(), Divisor::all)};
    for (std::int64_t t = 1; t <= 12; ++t) {
      PassResult const& result =
          execution->update({recorded.tape, pass, optimizer_step(step.optimizer, t), parameters,
                             states, &average, 0.9f},
                            batch);
      for (HeadResult const& head : result.heads) {
        h = hash(h, static_cast<float>(head.loss));
        h = hash(h, static_cast<float>(head.kept));
      }
    }
  }
  for (float const p : parameters.download()) { h = hash(h, p); }
  for (float const p : average.download()) { h = hash(h, p); }
  return h;
}

}  // namespace

int main() {
  for (Isa const isa : available_isas()) {
    set_isa(isa);
    std::printf("%s %016llx\n", std::string(name(isa)).c_str(),
                static_cast<unsigned long long>(train(isa == Isa::scalar ? 1 : 2)));
  }
  return 0;
}
