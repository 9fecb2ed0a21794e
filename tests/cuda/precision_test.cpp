// Whole networks in tf32 and bf16 on the device, against the CPU's fp32.
#include <cmath>

#include "kernels/execution.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"

namespace jetcal::model {
namespace {

using test::error_text;
using test::has;
using test::seed_of;
using test::uniform;

Device const kCuda{Device::Kind::cuda, 0};

/// A network, and jets with targets near 1 for it.
struct Problem {
  Problem(NetworkConfig const& config, std::int64_t n_rows, std::int64_t n_features)
      : rows(n_rows),
        features(n_features),
        x(uniform(rows * padded(features), -1, 1, seed_of("features", rows))),
        targets(uniform(rows * 2, 0.6, 1.4, seed_of("targets", rows))),
        weights(uniform(rows, 0.1, 3, seed_of("weights", rows))),
        network(config, names(n_features)) {}

  static std::vector<std::string> names(std::int64_t n) {
    std::vector<std::string> list{"eta"};
    while (static_cast<std::int64_t>(list.size()) < n) {
      list.push_back("f" + std::to_string(list.size()));
    }
    return list;
  }
  HostBatch batch() const {
    return {
        {x.data(), rows, features, padded(features)}, {targets.data(), rows, 2, 2}, weights.data()};
  }

  std::int64_t rows, features;
  std::vector<float> x, targets, weights;
  Network network;
};

NetworkConfig small_config() {
  NetworkConfig config;
  config.core = {19, 23};
  config.fork = {17, 21};
  config.gate = {18};
  config.gate_scale = 21;
  return config;
}

/// What a training pass and a prediction give.
struct Numbers {
  std::vector<float> row_loss, gradients, predicted;
};

Numbers numbers(Problem const& problem, Device device, Precision precision,
                std::vector<std::string> const& freeze = {}) {
  Recording what;
  what.training = true;
  what.energy_loss = LossConfig{};
  what.mass_loss = LossConfig{};
  what.freeze = freeze;
  RecordedNetwork const training = problem.network.record(what, {0.4f, -0.1f});
  RecordedNetwork const prediction = problem.network.record({}, {0.4f, -0.1f});
  ExecutionOptions options;
  options.device = device;
  options.precision = precision;
  auto const execution = make_execution(options);
  Buffer parameters(device, problem.network.layout().size());
  parameters.upload(problem.network.initial_parameters(7));
  Numbers found;
  PassResult const& result =
      execution->train(training.tape, problem.batch(), {{Divisor::all, Divisor::all}}, parameters);
  for (HeadResult const& head : result.heads) {
    found.row_loss.insert(found.row_loss.end(), head.row_loss.begin(), head.row_loss.end());
  }
  found.gradients = execution->gradients().download();
  auto const n = static_cast<std::size_t>(3 * problem.rows);
  std::vector<float> mass(n);
  found.predicted.resize(n);
  execution->predict(
      prediction.tape, problem.batch().features, parameters, {prediction.energy, prediction.mass},
      {Mat{found.predicted.data(), problem.rows, 3, 3}, Mat{mass.data(), problem.rows, 3, 3}});
  found.predicted.insert(found.predicted.end(), mass.begin(), mass.end());
  return found;
}

/// |a - b| / |b| over all elements.
double distance(std::vector<float> const& a, std::vector<float> const& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    difference += (x - y) * (x - y);
    size += y * y;
  }
  return std::sqrt(difference / size);
}

/// The errors of k roundings add up like a random walk: sqrt(k) units of the last place each, and a
/// factor of 4 to spare.
double drift(Precision precision, double roundings) {
  double const unit = precision == Precision::tf32 ? 0x1p-11 : 0x1p-8;
  return 4 * std::sqrt(roundings) * unit;
}

TEST_CASE("cuda trains networks in tf32 and bf16 close to fp32", "[cuda][precision]") {
  struct {
    char const* name;
    Problem problem;
    double layers;  // one behind the other
  } const kCases[] = {{"small", {small_config(), 301, 5}, 6},
                      {"paper", {preset_network("P1"), 67, 21}, 12}};
  for (auto const& c : kCases) {
    Numbers const want = numbers(c.problem, {}, Precision::fp32);
    for (Precision const precision : {Precision::tf32, Precision::bf16}) {
      CAPTURE(c.name, name(precision));
      Numbers const got = numbers(c.problem, kCuda, precision);
      // Forward a layer rounds its weights and its values, backward its slope and its gradient too.
      CHECK(distance(got.predicted, want.predicted) < drift(precision, 2 * c.layers));
      CHECK(distance(got.row_loss, want.row_loss) < drift(precision, 2 * c.layers));
      CHECK(distance(got.gradients, want.gradients) < drift(precision, 6 * c.layers));
      // And it is not fp32 that ran.
      CHECK(distance(got.gradients, want.gradients) > drift(precision, 1) / 40);
      Numbers const again = numbers(c.problem, kCuda, precision);
      CHECK_SAME_BITS(again.gradients, got.gradients);
      CHECK_SAME_BITS(again.predicted, got.predicted);
    }
  }
}

TEST_CASE("cuda in tf32 and bf16 knows every form of the network", "[cuda][precision]") {
  NetworkConfig plain = small_config();
  plain.annotation.enabled = false;
  NetworkConfig apart = small_config();
  apart.gate_annotated = false;
  NetworkConfig simple = small_config();
  simple.residual = false;
  simple.core = {};
  for (NetworkConfig const& config : {plain, apart, simple}) {
    Problem const problem(config, 90, 5);
    Numbers const want = numbers(problem, {}, Precision::fp32);
    for (Precision const precision : {Precision::tf32, Precision::bf16}) {
      CAPTURE(config.annotation.enabled, config.gate_annotated, config.residual, name(precision));
      Numbers const got = numbers(problem, kCuda, precision);
      CHECK(distance(got.predicted, want.predicted) < drift(precision, 12));
      CHECK(distance(got.gradients, want.gradients) < drift(precision, 36));
    }
  }
}

TEST_CASE("cuda in tf32 and bf16 leaves frozen parts alone", "[cuda][precision]") {
  Problem const problem(small_config(), 90, 5);
  Numbers const want = numbers(problem, {}, Precision::fp32, {"core", "gate"});
  for (Precision const precision : {Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    Numbers const got = numbers(problem, kCuda, precision, {"core", "gate"});
    CHECK(distance(got.gradients, want.gradients) < drift(precision, 36));
    for (std::size_t i = 0; i < got.gradients.size(); ++i) {
      if (want.gradients[i] == 0 && got.gradients[i] != 0) { FAIL("a gradient of what is frozen"); }
    }
  }
}

TEST_CASE("cuda takes half the memory for a jet in bf16", "[cuda][precision]") {
  Problem const problem(preset_network("P1"), 7, 21);
  Recording what;
  what.training = true;
  what.energy_loss = LossConfig{};
  what.mass_loss = LossConfig{};
  RecordedNetwork const net = problem.network.record(what, {});
  double bytes_a_jet[3] = {};
  for (Precision const precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    ExecutionOptions options;
    options.device = kCuda;
    options.precision = precision;
    auto const execution = make_execution(options);
    auto const bytes_with = [&](std::int64_t rows) {
      execution->reserve({{net.tape, rows}}, 0);
      return static_cast<double>(execution->memory());
    };
    double const of_2000 = bytes_with(2'000), of_3000 = bytes_with(3'000);
    CHECK(bytes_with(100) == of_3000);  // it does not shrink
    bytes_a_jet[static_cast<int>(precision)] = (of_3000 - of_2000) / 1'000;
    Buffer parameters(kCuda, problem.network.layout().size());
    parameters.upload(problem.network.initial_parameters(7));
    execution->train(net.tape, problem.batch(), {{Divisor::all, Divisor::all}}, parameters);
    CHECK(static_cast<double>(execution->memory()) == of_3000);
  }
  CHECK(bytes_a_jet[1] == bytes_a_jet[0]);
  // The batch, and the few numbers of each head, are float32 always.
  CHECK(bytes_a_jet[2] > 0.5 * bytes_a_jet[0]);
  CHECK(bytes_a_jet[2] < 0.53 * bytes_a_jet[0]);
}

TEST_CASE("the CPU refuses tf32, and tf32 and bf16 other kernels than our own",
          "[cuda][precision]") {
  ExecutionOptions options;
  options.precision = Precision::tf32;
  std::string text = error_text<DeviceError>([&] { make_execution(options); });
  CHECK(has(text, "tf32 is not available on the CPU (must be fp32 or bf16)"));
  options.device = kCuda;
  options.dense_kernels = DenseKernels::cublas;
  text = error_text<DeviceError>([&] { make_execution(options); });
  CHECK(has(text, "tf32 runs with own kernels only, but --dense-kernels is cublas"));
}

}  // namespace
}  // namespace jetcal::model
