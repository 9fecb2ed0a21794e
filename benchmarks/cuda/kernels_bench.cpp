// Question: how close does each CUDA kernel come to the card's limits, with its data in the caches
// (hot) and without (cold)?
//
//   cuda_kernels_bench [--rows 15000,95000,155000] [--benchmark_filter=dense_forward.*] ...
//
// Every case is checked against a reference before it is timed; one that is wrong is not timed, and
// the status is 1. Times are between CUDA events, one kernel at a time (cold: after memory of twice
// the size of the second-level cache was written) or 20 in a row (hot); those of whole updates are
// the host's, from the first one's start to the last one's results. `bandwidth` is the share of
// the rate at which the card copies memory, measured first; `products` that of the peak at the
// highest clock. On the emulator (docs/emulator.md) there is no time: every case runs, is checked,
// and says so.

#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "benchmarks/clock.hpp"
#include "benchmarks/cuda/cases.hpp"
#include "engine/errors.hpp"
#include "engine/version.hpp"
#include "kernels/launch_checks.cuh"
#include "tests/cuda/device_matrix.hpp"
#include "tests/emulator/emulator.hpp"

namespace jetcal::bench {
namespace {

/// Seconds on the device between its making and stop().
class Stopwatch {
 public:
  Stopwatch() {
    for (cudaEvent_t* const event : {&begin_, &end_}) {
      cuda::require_success(cudaEventCreate(event), "cudaEventCreate");
    }
  }
  ~Stopwatch() {
    static_cast<void>(cudaEventDestroy(begin_));
    static_cast<void>(cudaEventDestroy(end_));
  }
  Stopwatch(Stopwatch const&) = delete;
  Stopwatch& operator=(Stopwatch const&) = delete;

  void start() const { cuda::require_success(cudaEventRecord(begin_, test::stream()), "an event"); }
  double stop() const {
    float ms = 0;
    cuda::require_success(cudaEventRecord(end_, test::stream()), "an event");
    cuda::require_success(cudaEventSynchronize(end_), "waiting for an event");
    cuda::require_success(cudaEventElapsedTime(&ms, begin_, end_), "cudaEventElapsedTime");
    return 1e-3 * static_cast<double>(ms);
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

int attribute(cudaDeviceAttr which) {
  int value = 0;
  cuda::require_success(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
  return value;
}

/// What shares are taken of.
struct Card {
  Card()
      : flush(test::context(), attribute(cudaDevAttrL2CacheSize) / 2),
        clocks(1e3 * attribute(cudaDevAttrClockRate) * attribute(cudaDevAttrMultiProcessorCount)) {
    std::int64_t const floats = emulator_client::present() ? 1 << 10 : 1 << 27;
    Buffer const from(test::context(), floats);
    Buffer to(test::context(), floats);
    for (int i = 0; i < 5; ++i) {
      watch.start();
      test::context().copy(from.data(), to.data(), floats);
      bytes_per_s = std::max(bytes_per_s, 2 * 4.0 * static_cast<double>(floats) / watch.stop());
    }
  }

  /// Operations a second: of fp32, or of tensor cores with factors of 16 or 19 bits (dense, sums in
  /// float32; NVIDIA's white papers of each architecture).
  double peak(int tensor_bits) const {
    int const capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor) +
                           attribute(cudaDevAttrComputeCapabilityMinor);
    if (tensor_bits == 0) { return clocks * (capability == 80 ? 128 : 256); }
    double const of_16_bits = capability == 80    ? 2048
                              : capability == 90  ? 4096
                              : capability == 100 ? 8192
                              : capability == 89  ? 1024
                                                  : 512;
    return clocks * (tensor_bits == 16 ? of_16_bits : of_16_bits / 2);
  }

  Stopwatch watch;
  Buffer flush;  ///< twice the second-level cache
  double clocks, bytes_per_s = 0;
};

/// Seconds that `repeat` of them in a row take.
double timed(Case const& made, int repeat, Stopwatch const& watch) {
  auto const enqueue = [&] {
    for (int i = 0; i < repeat; ++i) { made.enqueue(); }
  };
  if (!made.wait) {
    watch.start();
    enqueue();
    return watch.stop();
  }
  cuda::require_success(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  double const begin = wall_seconds();
  enqueue();
  made.wait();
  return wall_seconds() - begin;
}

/// Checks, then times; what is wrong is counted in `wrong` and not timed.
void measure(benchmark::State& state, NamedCase const& named, std::int64_t rows, bool cold,
             Card& card, int& wrong) {
  Case made;
  try {
    made = named.make(rows);
  } catch (DeviceError const& error) {  // no cuBLAS here, or not enough memory
    state.SkipWithError(error.what());
    return;
  }
  made.enqueue();
  test::Comparison const found = made.check();
  if (!found.ok) {
    ++wrong;
    state.SkipWithError(("wrong: " + found.message).c_str());
    return;
  }
  bool const emulated = emulator_client::present();
  int const repeat = cold || emulated ? 1 : 20;
  for (int i = 0; i < (emulated ? 0 : 3); ++i) { made.enqueue(); }  // warm-up
  for (auto _ : state) {
    if (cold) { card.flush.fill_zero(); }
    double const seconds = timed(made, repeat, card.watch) / repeat;
    state.SetIterationTime(emulated ? 0 : seconds);
  }
  if (emulated) {
    state.SetLabel("right; emulated, not timed");
    return;
  }
  using benchmark::Counter;
  auto const rate = Counter::kIsIterationInvariantRate;
  if (made.bytes > 0) {
    state.counters["bytes/s"] = Counter(made.bytes, rate);
    state.counters["bandwidth"] = Counter(made.bytes / card.bytes_per_s, rate);
  }
  state.counters["jets/s"] = Counter(static_cast<double>(rows), rate);
  if (made.flops > 0) {
    state.counters["flop/s"] = Counter(made.flops, rate);
    state.counters["products"] = Counter(made.flops / card.peak(made.tensor_bits), rate);
  }
}

std::vector<NamedCase> all_cases() {
  std::vector<NamedCase> list = dense_cases();
  for (auto const& more : {row_cases(), batch_cases(), parameter_cases(), step_cases()}) {
    list.insert(list.end(), more.begin(), more.end());
  }
  return list;
}

/// How many cases were wrong.
int run(std::vector<std::int64_t> const& sizes) {
  auto const card = std::make_shared<Card>();
  bool const emulated = emulator_client::present();
  int wrong = 0;
  for (NamedCase const& named : all_cases()) {
    bool const all_parameters = named.of_parameters && !emulated;
    auto const of_this = all_parameters ? std::vector<std::int64_t>{kParameters} : sizes;
    for (std::int64_t const rows : of_this) {
      for (bool const cold : {true, false}) {
        if (cold && emulated) { continue; }  // without a time they are the same
        std::string const name =
            named.name + "/" + std::to_string(rows) + (cold ? "/cold" : "/hot");
        auto* const added =
            benchmark::RegisterBenchmark(name.c_str(), [=, &wrong](benchmark::State& state) {
              measure(state, named, rows, cold, *card, wrong);
            });
        added->UseManualTime()->Unit(benchmark::kMicrosecond);
        if (emulated) { added->Iterations(1); }
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return wrong;
}

void describe_run() {
  cudaDeviceProp device{};
  int driver = 0, runtime = 0;
  cuda::require_success(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
  cuda::require_success(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  cuda::require_success(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  benchmark::AddCustomContext("device", device.name);
  benchmark::AddCustomContext("driver, runtime",
                              std::to_string(driver) + ", " + std::to_string(runtime));
  benchmark::AddCustomContext("jetcal", std::string(kVersion) + " " + std::string(kCommit));
}

}  // namespace
}  // namespace jetcal::bench

int main(int argc, char** argv) {
  using namespace jetcal;
  CLI::App app{"The CUDA kernels, checked and timed. Options of Google Benchmark are taken too"};
  std::vector<std::int64_t> sizes{15'000, 95'000, 155'000};
  app.add_option("--rows", sizes, "jets of a batch")->delimiter(',')->check(CLI::PositiveNumber);
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
#ifndef NDEBUG
  std::fprintf(stderr, "cuda_kernels_bench: a build with assertions (must be a release build)\n");
  return 1;
#endif
  try {
    benchmark::Initialize(&argc, argv);
    bench::describe_run();
    return bench::run(sizes) == 0 ? 0 : 1;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "cuda_kernels_bench: %s\n", error.what());
    return 1;
  }
}
