#include "model/network.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/dense_onednn_bf16.hpp"
#include "kernels/execution.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"
#include "tests/model/network_reference.hpp"

namespace jetcal::model {
namespace {

using test::kEps;
using test::seed_of;
using test::uniform;

NetworkConfig small_config() {
  NetworkConfig config;
  config.core = {19, 23};
  config.fork = {17, 21};
  config.gate = {18};
  config.annotation.feature = "eta";
  config.annotation.centres = {0.0, 1.0, 2.0};
  config.annotation.widths = {0.5, 0.3, 0.4};
  return config;
}

std::vector<std::string> const kFeatures = {"a", "eta", "c", "d", "e"};
FeatureScale const kScale{0.4f, -0.1f};

/// Inputs, targets near 1 and weights of many sizes: the weights are the random cotangent.
struct Sample {
  explicit Sample(std::int64_t n)
      : rows(n),
        x(uniform(n * padded(5), -1, 1, seed_of("network x", n))),
        targets(uniform(n * 2, 0.6, 1.4, seed_of("network r", n))),
        weights(uniform(n, 0.1, 3, seed_of("network w", n))) {}
  HostBatch batch() const {
    return {{x.data(), rows, 5, padded(5)}, {targets.data(), rows, 2, 2}, weights.data()};
  }
  std::vector<double> row(std::int64_t r) const {
    auto const first = x.begin() + r * padded(5);
    return {first, first + 5};
  }
  std::int64_t rows;
  std::vector<float> x, targets, weights;
};

test::ReferenceNetwork reference(Network const& network, std::vector<float> const& parameters) {
  return {network.config(),
          network.layout(),
          {parameters.begin(), parameters.end()},
          1,
          static_cast<double>(kScale.scale),
          static_cast<double>(kScale.offset)};
}

/// Weights larger than Glorot's, and biases, so that every path matters.
std::vector<float> lively_parameters(Network const& network) {
  auto arena = network.initial_parameters(7);
  for (std::size_t i = 0; i < network.layout().slices().size(); ++i) {
    Slice const& s = network.layout().slices()[i];
    auto const noise = uniform(s.rows * s.cols, -0.2, 0.2, seed_of(s.name));
    Mat const w = s.of(arena.data());
    for (std::int64_t r = 0; r < s.rows; ++r) {
      for (std::int64_t c = 0; c < s.cols; ++c) {
        w.row(r)[c] += noise[static_cast<std::size_t>(r * s.cols + c)];
      }
    }
  }
  return arena;
}

TEST_CASE("presets have the published numbers of parameters", "[network]") {
  std::vector<std::string> names;
  for (int i = 0; i < 21; ++i) { names.push_back(i == 2 ? "eta" : "f" + std::to_string(i)); }
  struct {
    std::vector<std::int64_t> core, fork, gate;
    std::int64_t parameters;
  } const cases[] = {{{210, 210, 210}, {250, 250, 250, 250, 250}, {210}, 764'236},
                     {{210, 210, 210, 210, 210}, {260, 260, 260, 260}, {210}, 764'406},
                     {std::vector<std::int64_t>(8, 210), {256, 256, 256}, {256}, 764'082},
                     {{210, 210, 210}, std::vector<std::int64_t>(7, 210), {210}, 768'396},
                     {{64, 64, 64}, {80, 80, 80}, {64}, 54'550}};
  for (auto const& c : cases) {
    NetworkConfig config;
    config.core = c.core;
    config.fork = c.fork;
    config.gate = c.gate;
    CHECK(Network(config, names).layout().parameter_count() == c.parameters);
  }
}

TEST_CASE("parameters are called what the files call them", "[network]") {
  Network const network(small_config(), kFeatures);
  std::vector<std::string> names;
  for (Slice const& s : network.layout().slices()) { names.push_back(s.name); }
  std::vector<std::string> want;
  for (std::string const layer : {"core.0", "core.1", "energy.0", "energy.1", "energy.head",
                                  "gate.0", "gate.1", "mass.0", "mass.1", "mass.head"}) {
    want.push_back(layer + ".weight");
    want.push_back(layer + ".bias");
  }
  CHECK(names == want);
  CHECK(network.layout().at("core.0.weight").rows == 8);
  CHECK(network.layout().at("gate.1.weight").cols == 21);
}

TEST_CASE("initial weights are Glorot-uniform, biases zero", "[network]") {
  NetworkConfig config = small_config();
  config.core = {210, 210};
  Network const network(config, kFeatures);
  auto const arena = network.initial_parameters(3);
  Slice const& w = network.layout().at("core.1.weight");
  double const limit = std::sqrt(6.0 / 420);
  double sum = 0, squares = 0, most = 0;
  for (std::int64_t r = 0; r < 210; ++r) {
    for (std::int64_t c = 0; c < w.ld; ++c) {
      double const v = arena[static_cast<std::size_t>(w.offset + r * w.ld + c)];
      if (c >= 210) { REQUIRE(v == 0.0); }
      sum += v;
      squares += v * v;
      most = std::max(most, std::abs(v));
    }
  }
  double const n = 210 * 210;
  CHECK(std::abs(sum / n) < 5 * limit / std::sqrt(3 * n));
  CHECK(squares / n == Approx(limit * limit / 3).epsilon(0.02));
  CHECK(most <= limit);
  CHECK(most > 0.999 * limit);
  Slice const& bias = network.layout().at("core.1.bias");
  for (std::int64_t c = 0; c < bias.ld; ++c) {
    REQUIRE(arena[static_cast<std::size_t>(bias.offset + c)] == 0.0f);
  }
  CHECK(arena == network.initial_parameters(3));
  CHECK(arena != network.initial_parameters(4));
}

TEST_CASE("predictions are the equations', with every part switched on and off", "[network]") {
  Sample const sample(67);
  for (int variant = 0; variant < 6; ++variant) {
    CAPTURE(variant);
    NetworkConfig config = small_config();
    if (variant == 1) { config.annotation.enabled = false; }
    if (variant == 2) { config.residual = false; }
    if (variant == 3) { config.gate_annotated = false; }
    if (variant == 4) { config.gate_scale = 21; }
    if (variant == 5) { config.annotation.symmetric = false; }
    Network const network(config, kFeatures);
    auto const arena = lively_parameters(network);
    auto const ref = reference(network, arena);
    std::vector<double> want_energy, want_mass;
    for (std::int64_t r = 0; r < sample.rows; ++r) {
      for (double const y : ref.energy(sample.row(r))) { want_energy.push_back(y); }
      for (double const y : ref.mass(sample.row(r))) { want_mass.push_back(y); }
    }
    RecordedNetwork const net = network.record({}, kScale);
    auto const execution = make_execution({});
    Buffer parameters({}, network.layout().size());
    parameters.upload(arena);
    std::vector<float> energy(67 * 3), mass(67 * 3);
    execution->predict(net.tape, sample.batch().features, parameters, {net.energy, net.mass},
                       {{energy.data(), 67, 3, 3}, {mass.data(), 67, 3, 3}});
    // Six layers of at most 25 terms of size 1, each with slopes up to 1.1: some 200 roundings.
    CHECK_CLOSE(energy, want_energy, (test::Tolerance{0, 200 * kEps}));
    CHECK_CLOSE(mass, want_mass, (test::Tolerance{0, 200 * kEps}));
  }
}

// Narrow enough that untrained sigmas of about 1 drop part of the jets.
constexpr double kWindow = 0.25;

/// The training pass of both heads, energy truncated at kWindow.
struct Gradients {
  std::vector<float> values;
  double loss_energy = 0, loss_mass = 0, kept_energy = 0, weight = 0;
  std::vector<float> row_kept_energy, row_kept_mass;
};
Gradients train_once(Network const& network, std::vector<float> const& arena, Sample const& sample,
                     ExecutionOptions const& options, Recording what) {
  what.training = true;
  RecordedNetwork const net = network.record(what, kScale);
  auto const execution = make_execution(options);
  Buffer parameters({}, network.layout().size());
  parameters.upload(arena);
  std::size_t const heads = loss_entries(net.tape).size();
  PassResult const& result = execution->train(
      net.tape, sample.batch(), {std::vector<Divisor>(heads, Divisor::all)}, parameters);
  Gradients g;
  g.values.assign(static_cast<std::size_t>(network.layout().size()), 0.0f);
  auto const all = execution->gradients().download();
  for (Range const& range : trained_ranges(net.tape)) {
    std::copy(all.begin() + range.begin, all.begin() + range.end, g.values.begin() + range.begin);
  }
  g.loss_energy = result.heads.front().loss;
  g.loss_mass = result.heads.back().loss;
  g.kept_energy = result.heads.front().kept;
  g.weight = result.weight;
  g.row_kept_energy = result.heads.front().row_kept;
  g.row_kept_mass = result.heads.back().row_kept;
  return g;
}

Recording truncated_recording() {
  Recording what;
  LossConfig loss;
  loss.truncation = kWindow;
  loss.sigma_floor = 1e-3;
  what.energy_loss = loss;
  loss.truncation = 0;
  what.mass_loss = loss;
  return what;
}

TEST_CASE("gradients of the whole network agree with central differences in double", "[network]") {
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  Sample const sample(131);
  Gradients const got = train_once(network, arena, sample, {}, truncated_recording());
  auto ref = reference(network, arena);
  double const density = std::exp(-kWindow * kWindow / 2) / std::sqrt(2 * M_PI);
  double const share = std::erf(kWindow / std::sqrt(2.0));
  double const v = 1 - 2 * kWindow * density / share;
  double weight = 0;
  for (float const w : sample.weights) { weight += static_cast<double>(w); }
  auto const loss = [&] {  // the window is held where the forward pass found it
    double sum = 0;
    for (std::int64_t r = 0; r < sample.rows; ++r) {
      auto const i = static_cast<std::size_t>(r);
      auto const x = sample.row(r);
      double const w = sample.weights[i];
      if (got.row_kept_energy[i] > 0) {
        sum += w * test::mdna(ref.energy(x), sample.targets[2 * i], v);
      }
      sum += w * test::mdna(ref.mass(x), sample.targets[2 * i + 1], 1);
    }
    return sum / weight;
  };
  // A jet exactly at its mode has a kink in the second derivative only: nothing is left out.
  std::vector<double> want;
  std::vector<float> have;
  double const h = 1e-5;
  for (Slice const& s : network.layout().slices()) {
    for (std::int64_t r = 0; r < s.rows; ++r) {
      for (std::int64_t c = 0; c < s.cols; ++c) {
        auto const i = static_cast<std::size_t>(s.offset + r * s.ld + c);
        double const p = ref.parameters[i];
        ref.parameters[i] = p + h;
        double const up = loss();
        ref.parameters[i] = p - h;
        double const down = loss();
        ref.parameters[i] = p;
        want.push_back((up - down) / (2 * h));
        have.push_back(got.values[i]);
      }
    }
  }
  double kept = 0, most = 0;
  for (float const k : got.row_kept_energy) { kept += k > 0; }
  for (double const g : want) { most = std::max(most, std::abs(g)); }
  CHECK(kept > 20);
  CHECK(kept < 131);
  // Sums over 131 rows of products through ten layers, in float32: 1e-5 of the largest gradient.
  CHECK_CLOSE(have, want, (test::Tolerance{1e-4, 1e-5 * most}));
  double const log_mass = std::log(share);  // once for every kept jet
  CHECK(got.loss_energy + got.loss_mass ==
        Approx(loss() * weight + log_mass * got.kept_energy).epsilon(1e-5));
}

TEST_CASE("gradients have the same bits with every instruction set and number of threads",
          "[network][bits]") {
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  for (std::int64_t const rows : {1, 63, 129, 1000, 2777}) {
    CAPTURE(rows);
    Sample const sample(rows);
    Gradients const want = train_once(network, arena, sample, {}, truncated_recording());
    test::with_each_isa([&] {
      for (int threads : {1, 2, 3, 7}) {
        CAPTURE(threads);
        ExecutionOptions options;
        options.threads = threads;
        Gradients const got = train_once(network, arena, sample, options, truncated_recording());
        CHECK_SAME_BITS(got.values, want.values);
        CHECK(got.loss_energy == want.loss_energy);
        CHECK(got.loss_mass == want.loss_mass);
        CHECK(got.kept_energy == want.kept_energy);
      }
    });
  }
}

// Seven threads cut these lanes into more tiles than one does.
TEST_CASE("every kind of products gives its own bits with any number of threads",
          "[network][bits][bf16][onednn]") {
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  Sample const sample(2777);
  std::vector<std::pair<DenseKernels, Precision>> kinds = {{DenseKernels::own, Precision::bf16}};
#if JETCAL_HAS_ONEDNN
  kinds.emplace_back(DenseKernels::onednn, Precision::fp32);
  if (bf16::onednn::supported()) { kinds.emplace_back(DenseKernels::onednn, Precision::bf16); }
#endif
  for (auto const& [kernels, precision] : kinds) {
    CAPTURE(name(kernels), name(precision));
    ExecutionOptions options;
    options.dense_kernels = kernels;
    options.precision = precision;
    Gradients const want = train_once(network, arena, sample, options, truncated_recording());
    for (int const threads : {2, 3, 7}) {
      CAPTURE(threads);
      options.threads = threads;
      Gradients const got = train_once(network, arena, sample, options, truncated_recording());
      CHECK_SAME_BITS(got.values, want.values);
      CHECK(got.loss_energy == want.loss_energy);
      CHECK(got.loss_mass == want.loss_mass);
    }
  }
}

// docs/performance.md states the formula: parameters x (lanes + 2 packed) + threads x tile.
TEST_CASE("training takes memory for parameters, lanes and tiles, whatever the batch",
          "[network]") {
  Network const network(small_config(), kFeatures);
  Recording what = truncated_recording();
  what.training = true;
  RecordedNetwork const net = network.record(what, kScale);
  Buffer parameters({}, network.layout().size());
  parameters.upload(network.initial_parameters(1));
  for (std::int64_t const rows : {3'000, 30'000}) {
    for (int const threads : {1, 2, 3}) {
      CAPTURE(rows, threads);
      ExecutionOptions options;
      options.threads = threads;
      options.lanes = 5;
      auto const execution = make_execution(options);
      Sample const sample(rows);
      execution->train(net.tape, sample.batch(), {{Divisor::all, Divisor::all}}, parameters);
      std::int64_t const fixed = net.tape.prepared_size() + 5 * network.layout().size();
      std::int64_t const tile = 420 * net.tape.floats_per_row();
      CHECK(execution->memory() <= 4 * (fixed + threads * tile));
      CHECK(execution->memory() >= 4 * fixed);
    }
  }
}

TEST_CASE("lanes are summed in their tree: one row a lane gives the tree of the rows",
          "[network]") {
  // 128 rows in 2 lanes against each half alone: the gradient is their sum, in float32.
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  Sample sample(128);
  ExecutionOptions two;
  two.lanes = 2;
  Gradients const whole = train_once(network, arena, sample, two, truncated_recording());
  Sample first = sample, second = sample;
  first.rows = second.rows = 64;
  second.x.erase(second.x.begin(), second.x.begin() + 64 * padded(5));
  second.targets.erase(second.targets.begin(), second.targets.begin() + 128);
  second.weights.erase(second.weights.begin(), second.weights.begin() + 64);
  ExecutionOptions one;
  one.lanes = 1;
  Gradients const a = train_once(network, arena, first, one, truncated_recording());
  Gradients const b = train_once(network, arena, second, one, truncated_recording());
  std::vector<double> want;
  for (std::size_t i = 0; i < whole.values.size(); ++i) {
    want.push_back((static_cast<double>(a.values[i]) * a.weight +
                    static_cast<double>(b.values[i]) * b.weight) /
                   whole.weight);
  }
  // Each product above is rounded where it is scaled by 1 / weight.
  CHECK_CLOSE(whole.values, want, (test::Tolerance{1e-4, 1e-5}));
  CHECK(whole.loss_energy == a.loss_energy + b.loss_energy);
  CHECK(whole.weight == a.weight + b.weight);
}

TEST_CASE("frozen groups get no gradient and the rest keeps its own, bit for bit", "[network]") {
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  Sample const sample(300);
  Gradients const all = train_once(network, arena, sample, {}, truncated_recording());
  Recording what = truncated_recording();
  what.energy_loss.reset();
  what.freeze = {"annotation", "core", "energy"};
  what.training = true;
  RecordedNetwork const net = network.record(what, kScale);
  for (Range const& range : trained_ranges(net.tape)) {
    CHECK(range.begin >= network.layout().at("gate.0.weight").offset);
  }
  CHECK(net.energy == -1);
  Gradients const mass = train_once(network, arena, sample, {}, what);
  std::int64_t const gate = network.layout().at("gate.0.weight").offset;
  CHECK_SAME_BITS(std::vector<float>(mass.values.begin() + gate, mass.values.end()),
                  std::vector<float>(all.values.begin() + gate, all.values.end()));
  Recording odd = truncated_recording();
  odd.freeze = {"cor"};
  CHECK_THROWS_AS(network.record(odd, kScale), ConfigError);
}

TEST_CASE("the divisor 'kept' divides by the weight of the jets that are kept", "[network]") {
  Network const network(small_config(), kFeatures);
  auto const arena = lively_parameters(network);
  Sample const sample(300);
  Recording what = truncated_recording();
  what.mass_loss.reset();
  Gradients const all = train_once(network, arena, sample, {}, what);
  what.training = true;
  RecordedNetwork const net = network.record(what, kScale);
  auto const execution = make_execution({});
  Buffer parameters({}, network.layout().size());
  parameters.upload(arena);
  PassResult const& result =
      execution->train(net.tape, sample.batch(), {{Divisor::kept}}, parameters);
  auto const got = execution->gradients().download();
  std::vector<double> want;
  std::vector<float> have;
  for (Range const& range : trained_ranges(net.tape)) {
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      want.push_back(static_cast<double>(all.values[static_cast<std::size_t>(i)]) * result.weight /
                     result.heads[0].kept);
      have.push_back(got[static_cast<std::size_t>(i)]);
    }
  }
  CHECK(result.heads[0].kept < 0.95 * result.weight);
  CHECK_CLOSE(have, want, (test::Tolerance{1e-4, 1e-5}));
}

TEST_CASE("a network that cannot be is refused", "[network]") {
  NetworkConfig config = small_config();
  CHECK_THROWS_AS(Network(config, {"a", "b"}), ConfigError);
  config.annotation.widths.pop_back();
  CHECK_THROWS_AS(Network(config, kFeatures), ConfigError);
  config = small_config();
  config.energy = config.mass = false;
  CHECK_THROWS_AS(Network(config, kFeatures), ConfigError);
  config = small_config();
  config.mass = false;
  Network const energy_only(config, kFeatures);
  CHECK(energy_only.record({}, kScale).mass == -1);
  CHECK_THROWS_AS(energy_only.record(truncated_recording(), kScale), ConfigError);
}

}  // namespace
}  // namespace jetcal::model
