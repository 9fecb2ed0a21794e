// Question: how fast is a whole training step of the paper's network (forward, loss, backward,
// gradient lanes, optimizer), or its inference, and what share of the processor's own FMA rate is
// that?
//
//   step_bench [--task train|train-mass|infer] [--threads 1,2] [--batch 15000,95000] [--isa auto]
//              [--dense-kernels own|onednn|auto] [--precision fp32|bf16] [--json]
//
// train-mass is the paper's last step: the mass fork alone, all else frozen. --batch 1 --task infer
// is the time of a library call for one jet. Every product is counted: 2 FLOP a multiply-add,
// forward and both backward products of every dense layer but the first's gradient to its
// inputs, 4.537 MFLOP a jet for P1's training.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/training/bench.hpp"
#include "benchmarks/training/fma_loop.hpp"
#include "engine/errors.hpp"
#include "engine/isa.hpp"

namespace jetcal {
namespace {

int run(int argc, char** argv) {
  CLI::App app{"The paper's training step, timed"};
  std::vector<int> threads{1, 2};
  std::vector<std::int64_t> batches{15'000, 95'000};
  std::string task = "train", isa = "auto", kernels = "own", precision = "fp32";
  double seconds = 5;
  bool json = false;
  app.add_option("--task", task)->check(CLI::IsMember({"train", "train-mass", "infer"}));
  app.add_option("--threads", threads)->delimiter(',');
  app.add_option("--batch", batches)->delimiter(',');
  app.add_option("--isa", isa);
  app.add_option("--dense-kernels", kernels)->check(CLI::IsMember({"own", "onednn", "auto"}));
  app.add_option("--precision", precision)->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--seconds", seconds, "measured time a line");
  app.add_flag("--json", json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
#ifndef NDEBUG
  std::fprintf(stderr, "step_bench: a build with assertions (must be a release build)\n");
  return 1;
#endif
  set_isa(isa);
  ExecutionOptions options;
  options.dense_kernels = parse_dense_kernels(kernels);
  options.precision = parse_precision(precision);
  std::string const peer = "jetcal " + kernels + " " + precision;
  if (!json) {
    std::printf(
        "%s, isa %s, dense kernels %s, %s\n"
        "threads  batch   jets/s  a CPU s  GFLOP/s  FMA loop  share  memory      peak\n",
        task.c_str(), std::string(name(active_isa())).c_str(), kernels.c_str(), precision.c_str());
  }
  for (int const n : threads) {
    for (std::int64_t const batch : batches) {
      options.threads = n;
      bench::Bench b(options, batch);
      double const before = bench::fma_loop_gflops();
      bench::Result const r = task == "infer"
                                  ? bench::time_inference(b, seconds)
                                  : bench::time_training(b, seconds, task == "train-mass");
      double const fma = std::max(before, bench::fma_loop_gflops());
      char const* const form =
          json
              ? "{\"peer\": \"%s\", \"task\": \"%s\", \"threads\": %d, \"batch\": %ld, "
                "\"jets_per_s\": %.0f, \"jets_per_cpu_s\": %.0f, \"gflops_a_thread\": %.1f, "
                "\"fma_gflops\": %.1f, \"share\": %.3f, \"memory_mib\": %.0f, \"peak_mib\": %.0f}\n"
              : "%.0s%.0s%7d %6ld %8.0f %8.0f  %7.1f  %8.1f  %4.1f%%  %4.0f MiB  %4.0f MiB\n";
      std::printf(form, peer.c_str(), task.c_str(), n, static_cast<long>(batch), r.jets_per_s,
                  r.jets_per_cpu_s, r.gflops, fma, (json ? 1 : 100) * r.gflops / fma, r.memory_mib,
                  r.peak_mib);
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace jetcal

int main(int argc, char** argv) {
  try {
    return jetcal::run(argc, argv);
  } catch (jetcal::Error const& e) { std::fprintf(stderr, "step_bench: %s\n", e.what()); }
  return 1;
}
