// train_steps N: N training steps of the paper's network on 126 jets, for count.py.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/random.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"

int main(int argc, char** argv) {
  using namespace jetcal;
  constexpr std::int64_t kRows = 126, kFeatures = 21, kStride = padded(kFeatures);
  RandomStream const random(1, Purpose::test);
  std::vector<float> x(kRows * kStride), targets(2 * kRows), weights(kRows, 1.0f);
  std::uint64_t i = 0;
  for (float& v : x) { v = static_cast<float>(random.uniform(i++) - 0.5); }
  for (float& v : targets) { v = static_cast<float>(0.8 + 0.4 * random.uniform(i++)); }
  HostBatch const batch{
      {x.data(), kRows, kFeatures, kStride}, {targets.data(), kRows, 2, 2}, weights.data()};

  std::vector<std::string> names(kFeatures, "f");
  for (std::size_t f = 0; f < names.size(); ++f) { names[f] += std::to_string(f); }
  model::NetworkConfig config;
  config.annotation.feature = "f2";
  model::Network const network(config, names);
  model::Recording what;
  what.training = true;
  what.energy_loss = what.mass_loss = LossConfig{};
  model::RecordedNetwork const net = network.record(what, {0.4f, 0.0f});
  Buffer parameters({}, network.layout().size());
  parameters.upload(network.initial_parameters(1));
  std::vector<Buffer> states;
  for (int s = 0; s < 2; ++s) { states.emplace_back(Device{}, network.layout().size()); }

  auto const execution = make_execution({});
  PassOptions const pass{{Divisor::all, Divisor::all}};
  int const steps = argc > 1 ? std::atoi(argv[1]) : 1;
  double loss = 0;
  for (int t = 1; t <= steps; ++t) {
    OptimizerStep const step = radam_step(radam_options(RadamPreset::tfa), t, 1e-3);
    loss = execution->update({net.tape, pass, step, parameters, states}, batch).heads[0].loss;
  }
  std::printf("%d jets a step, loss %.3f\n", static_cast<int>(kRows), loss);
  return std::isfinite(loss) ? 0 : 1;
}
