// Question: how fast is a whole training step of the paper's network (forward, loss, backward,
// gradient lanes, optimizer), and what share of the processor's own FMA rate is that?
//
//   step_bench [--threads 1,2] [--batch 15000,95000] [--isa auto] [--dense-kernels own] [--json]
//
// Every product is counted: 2 FLOP a multiply-add, forward and both backward products of every
// dense layer but the first's gradient to its inputs, 4.537 MFLOP a jet for P1.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/clock.hpp"
#include "benchmarks/training/fma_loop.hpp"
#include "engine/isa.hpp"
#include "engine/random.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"

namespace jetcal {
namespace {

struct Result {
  int threads = 0;
  std::int64_t batch = 0;
  double jets_per_s = 0;      // of wall time, median
  double jets_per_cpu_s = 0;  // of the processor time of all threads
  double gflops = 0;          // in that, a thread
  double memory_mib = 0;
};

double flop_per_jet(Tape const& tape) {
  double flop = 0;
  for (Id id = 0; id < tape.size(); ++id) {
    auto const count = [&](auto const& op) {
      double const product = 2.0 * static_cast<double>(op.inputs * op.outputs);
      flop += product + (op.train ? product : 0);
      if (tape[tape[id].inputs[0]].needs_grad) { flop += product; }
    };
    if (auto const* dense = std::get_if<Dense>(&tape[id].op)) { count(*dense); }
    if (auto const* head = std::get_if<Head>(&tape[id].op)) { count(*head); }
  }
  return flop;
}

std::vector<float> normals(std::int64_t n, std::uint64_t seed, double mean, double width) {
  RandomStream const random(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;  // of four uniforms: variance 1/3
    for (auto const word : random.words(i)) { sum += static_cast<double>(word) * 0x1p-32; }
    values[i] = static_cast<float>(mean + width * std::sqrt(3.0) * (sum - 2));
  }
  return values;
}

Result measure(int threads, std::int64_t batch, DenseKernels kernels, double seconds) {
  std::vector<std::string> features(21, "f");
  for (std::size_t i = 0; i < features.size(); ++i) { features[i] += std::to_string(i); }
  model::NetworkConfig config;
  config.annotation.feature = "f2";
  model::Network const network(config, features);
  model::Recording what;
  what.training = true;
  what.energy_loss = LossConfig{};
  what.mass_loss = LossConfig{};
  model::RecordedNetwork const net = network.record(what, {0.4f, 0.0f});

  std::int64_t const ld = padded(21);
  auto const x = normals(batch * ld, 1, 0, 0.4);
  auto const targets = normals(batch * 2, 2, 0.95, 0.1);
  std::vector<float> const weights(static_cast<std::size_t>(batch), 1.0f);
  HostBatch const data{{x.data(), batch, 21, ld}, {targets.data(), batch, 2, 2}, weights.data()};

  ExecutionOptions options;
  options.threads = threads;
  options.dense_kernels = kernels;
  auto const execution = make_execution(options);
  Buffer parameters({}, network.layout().size());
  parameters.upload(network.initial_parameters(1));
  auto const ranges = trained_ranges(net.tape);
  std::vector<Buffer> states;
  for (int i = 0; i < 2; ++i) { states.emplace_back(Device{}, network.layout().size()); }
  PassOptions const pass{{Divisor::all, Divisor::all}};
  std::int64_t t = 0;
  double loss = 0;
  auto const step = [&] {
    loss = execution->train(net.tape, data, pass, parameters).heads[0].loss;
    execution->gradient_norm(ranges);
    execution->update(radam_step(radam_options(RadamPreset::tfa), ++t, 1e-3), ranges, parameters,
                      states);
  };
  step();
  std::vector<double> times;
  double const cpu = bench::process_seconds();
  double const start = bench::wall_seconds();
  while (times.size() < 3 || bench::wall_seconds() - start < seconds) {
    double const one = bench::wall_seconds();
    step();
    times.push_back(bench::wall_seconds() - one);
  }
  double const cpu_per_step = (bench::process_seconds() - cpu) / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  Result result;
  result.threads = threads;
  result.batch = batch;
  result.jets_per_s = static_cast<double>(batch) / times[times.size() / 2];
  result.jets_per_cpu_s = static_cast<double>(batch) / cpu_per_step;
  result.gflops = result.jets_per_cpu_s * flop_per_jet(net.tape) * 1e-9;
  result.memory_mib = static_cast<double>(execution->memory()) / (1 << 20);
  if (!std::isfinite(loss)) { result.jets_per_s = 0; }
  return result;
}

}  // namespace
}  // namespace jetcal

int main(int argc, char** argv) {
  using namespace jetcal;
  CLI::App app{"The paper's training step, timed"};
  std::vector<int> threads{1, 2};
  std::vector<std::int64_t> batches{15'000, 95'000};
  std::string isa = "auto", kernels = "own";
  double seconds = 5;
  bool json = false;
  app.add_option("--threads", threads)->delimiter(',');
  app.add_option("--batch", batches)->delimiter(',');
  app.add_option("--isa", isa);
  app.add_option("--dense-kernels", kernels)->check(CLI::IsMember({"own", "onednn"}));
  app.add_option("--seconds", seconds, "measured time a line");
  app.add_flag("--json", json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
#ifndef NDEBUG
  std::fprintf(stderr, "step_bench: a build with assertions (must be a release build)\n");
  return 1;
#endif
  set_isa(isa);
  auto const choice = kernels == "own" ? DenseKernels::own : DenseKernels::onednn;
  if (!json) {
    std::printf(
        "isa %s, dense kernels %s\n"
        "threads  batch   jets/s  a CPU s  GFLOP/s  FMA loop  share  memory\n",
        std::string(name(active_isa())).c_str(), kernels.c_str());
  }
  for (int const n : threads) {
    for (std::int64_t const batch : batches) {
      double const before = bench::fma_loop_gflops();
      Result const r = measure(n, batch, choice, seconds);
      double const fma = std::max(before, bench::fma_loop_gflops());
      char const* const form =
          json ? "{\"peer\": \"jetcal %s\", \"threads\": %d, \"batch\": %ld, \"jets_per_s\": %.0f, "
                 "\"jets_per_cpu_s\": %.0f, \"gflops_a_thread\": %.1f, \"fma_gflops\": %.1f, "
                 "\"share\": %.3f, \"memory_mib\": %.0f}\n"
               : "%.0s%7d %6ld %8.0f %8.0f  %7.1f  %8.1f  %4.1f%%  %4.0f MiB\n";
      std::printf(form, kernels.c_str(), r.threads, static_cast<long>(r.batch), r.jets_per_s,
                  r.jets_per_cpu_s, r.gflops, fma, (json ? 1 : 100) * r.gflops / fma, r.memory_mib);
      std::fflush(stdout);
    }
  }
  return 0;
}
