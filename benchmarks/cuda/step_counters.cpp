// Question: what does a training step execute on a CUDA device?
//
//   step_counters --rows N [--network P1] [--optimizer radam|diffgrad] [--mass-only]
//                 [--precision fp32] [--lanes 8]
//
// One step of the paper's training (arXiv:2311.08885) on the emulator of docs/emulator.md: forward,
// losses, backward, gradient norm, optimizer. Prints one JSON object: the step's layers, and the
// counters of every launch. `predict` scales them to the batches of the paper. --mass-only is the
// paper's last step: the mass alone, everything before its fork frozen.

#include <cuda_runtime_api.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/random.hpp"
#include "kernels/execution.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/emulator/emulator.hpp"

namespace jetcal {
namespace {

struct Options {
  std::int64_t rows = 0, lanes = 8;
  std::string network = "P1", optimizer = "radam", precision = "fp32";
  bool mass_only = false;
};

constexpr std::int64_t kFeatures = 21, kStride = padded(kFeatures);

std::vector<float> uniform(std::int64_t n, std::uint64_t seed, double low, double high) {
  RandomStream const random(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(low + (high - low) * random.uniform(i));
  }
  return values;
}

model::Network network(Options const& options) {
  std::vector<std::string> names{"energy", "mass", "eta"};
  while (names.size() < kFeatures) { names.push_back("f" + std::to_string(names.size())); }
  return {model::preset_network(options.network), names};
}

model::RecordedNetwork record(model::Network const& network, bool mass_only) {
  model::Recording what;
  what.training = true;
  what.mass_loss = LossConfig{};
  if (mass_only) {
    what.energy = false;
    what.freeze = {"core"};
  } else {
    what.energy_loss = LossConfig{};
  }
  return network.record(what, {0.4f, 0.0f});
}

void take_step(Options const& options, model::Network const& network,
               model::RecordedNetwork const& net) {
  ExecutionOptions where;
  where.device = {Device::Kind::cuda, 0};
  where.lanes = options.lanes;
  where.precision = parse_precision(options.precision);
  auto const execution = make_execution(where);
  Buffer parameters(where.device, network.layout().size());
  parameters.upload(network.initial_parameters(1));
  OptimizerStep const step =
      options.optimizer == "radam"
          ? OptimizerStep(radam_step(radam_options(RadamPreset::tfa), 7, 1e-3))
          : diffgrad_step(diffgrad_options("keras"), 7, 1e-3);
  std::vector<Buffer> states;
  for (std::size_t i = 0; i < optimizer_states(step).size(); ++i) {
    states.emplace_back(where.device, network.layout().size());
  }
  auto const x = uniform(options.rows * kStride, 1, -1, 1);
  auto const targets = uniform(options.rows * 2, 2, 0.7, 1.3);
  std::vector<float> const weights(static_cast<std::size_t>(options.rows), 1.0f);
  PassOptions const pass{std::vector<Divisor>(loss_entries(net.tape).size(), Divisor::all)};

  emulator_client::reset_counters();
  execution->update({net.tape, pass, step, parameters, states},
                    HostBatch{{x.data(), options.rows, kFeatures, kStride},
                              {targets.data(), options.rows, 2, 2},
                              weights.data()});
  cudaDeviceSynchronize();
}

/// What the step consists of: the least it must read and write follows from that.
nlohmann::ordered_json layers_of(Tape const& tape) {
  auto layers = nlohmann::ordered_json::array();
  for (Id id = 0; id < tape.size(); ++id) {
    auto const& entry = tape[id];
    auto const product = [&](char const* kind, auto const& op) {
      layers.push_back({{"kind", kind},
                        {"inputs", op.inputs},
                        {"outputs", op.outputs},
                        {"train", op.train},
                        {"input_gradient", tape[entry.inputs[0]].needs_grad}});
    };
    if (auto const* const dense = std::get_if<Dense>(&entry.op)) {
      product(dense->activation == Activation::mish ? "mish" : "dense", *dense);
    } else if (auto const* const head = std::get_if<Head>(&entry.op)) {
      product("head", *head);
    } else if (auto const* const gate = std::get_if<SoftmaxGate>(&entry.op)) {
      layers.push_back({{"kind", "gate"},
                        {"width", gate->width},
                        {"logits_gradient", tape[entry.inputs[0]].needs_grad},
                        {"hidden_gradient", tape[entry.inputs[1]].needs_grad}});
    } else if (auto const* const annotation = std::get_if<Annotation>(&entry.op)) {
      layers.push_back({{"kind", "annotation"},
                        {"inputs", annotation->features},
                        {"outputs", annotation->cols()}});
    }
  }
  return layers;
}

void print_step(Options const& options) {
  JETCAL_REQUIRE(emulator_client::set("LAUNCHES", 1), DeviceError,
                 "step_counters: this is not the emulator (counters exist there only). Set "
                 "LD_LIBRARY_PATH to tests/emulator/lib of the build folder");
  model::Network const net = network(options);
  model::RecordedNetwork const recorded = record(net, options.mass_only);
  take_step(options, net, recorded);
  std::int64_t trained = 0;
  for (Range const& range : trained_ranges(recorded.tape)) { trained += range.end - range.begin; }
  std::string const findings = emulator_client::take_findings();
  JETCAL_REQUIRE(findings.empty(), DeviceError, "step_counters: " << findings);
  auto const counters = nlohmann::ordered_json::parse(emulator_client::counters());
  nlohmann::ordered_json const found = {{"rows", options.rows},
                                        {"network", options.network},
                                        {"precision", options.precision},
                                        {"optimizer", options.optimizer},
                                        {"mass_only", options.mass_only},
                                        {"lanes", options.lanes},
                                        {"trained_parameters", trained},
                                        {"layers", layers_of(recorded.tape)},
                                        {"launches", counters.at("launches")}};
  std::printf("%s\n", found.dump().c_str());
}

}  // namespace
}  // namespace jetcal

int main(int argc, char** argv) {
  CLI::App app{"What a training step executes on a CUDA device"};
  jetcal::Options options;
  app.add_option("--rows", options.rows, "jets of the batch")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("--network", options.network, "P1, small, ...");
  app.add_option("--optimizer", options.optimizer)->check(CLI::IsMember({"radam", "diffgrad"}));
  app.add_option("--precision", options.precision)->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  app.add_option("--lanes", options.lanes);
  app.add_flag("--mass-only", options.mass_only, "the last step of the paper's training");
  CLI11_PARSE(app, argc, argv);
  try {
    jetcal::print_step(options);
    return 0;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
