// Passes that are started before the results of those before them are known.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "tests/cuda/two_sides.hpp"
#include "tests/emulator/emulator.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

OptimizerStep radam(std::int64_t t) {
  return radam_step(radam_options(RadamPreset::tfa), t, 1e-3 * static_cast<double>(1 + t % 3));
}

/// How often the runtime was asked for memory, waited for, ... since the last call.
std::map<std::string, int> calls_of_the_runtime() {
  std::string const counters = emulator_client::counters();
  emulator_client::reset_counters();
  if (counters.empty()) { return {}; }  // a real device
  return nlohmann::json::parse(counters).at("calls").get<std::map<std::string, int>>();
}

/// An epoch of updates 1, 2, ...: batches of 130 jets, the last of 70.
void train_epoch(TwoSides& sides, model::RecordedNetwork const& net, PassOptions const& options,
                 std::int64_t& t) {
  for (int batch = 0; batch < 6; ++batch, ++t) {
    if (sides.in_flight() == 2) { sides.finish(); }
    Sample const sample(batch < 5 ? 130 : 70, 5, t);  // gone before the device may have seen it
    sides.start_update(net, sample, options, radam(t), 0.5f + 0.01f * static_cast<float>(t));
  }
  while (sides.in_flight() > 0) { sides.finish(); }
}

TEST_CASE("cuda updates in flight have the CPU's bits", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {0.4f, -0.1f});
  for (std::uint64_t const seed : {1u, 2u, 3u, 4u}) {
    CAPTURE(seed);
    emulator_client::set("SEED", seed);
    TwoSides sides(network);
    sides.begin_optimizer(2);
    std::int64_t t = 1;
    for (int epoch = 0; epoch < 3; ++epoch) {
      train_epoch(sides, net, epoch == 1 ? both(Divisor::kept) : both(Divisor::all), t);
      sides.check_same_state();
    }
  }
  emulator_client::set("SEED", 1);
}

TEST_CASE("cuda updates of every optimizer run from graphs", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::Recording what = with_losses(3);
  what.freeze = {"core"};
  model::RecordedNetwork const net = network.record(what, {});
  auto const steps = {
      +[](std::int64_t t) -> OptimizerStep { return diffgrad_step({}, t, 1e-3 / double(t)); },
      +[](std::int64_t t) -> OptimizerStep { return adam_step({}, t, 1e-3 / double(t)); },
      +[](std::int64_t t) -> OptimizerStep {
        return sgd_step({0.9, 0}, 1e-2 / double(t));
      },
      +[](std::int64_t t) -> OptimizerStep { return radam(t); }};
  TwoSides sides(network);
  for (auto const& step : steps) {
    sides.begin_optimizer(optimizer_states(step(1)).size());
    for (std::int64_t t = 1; t <= 8; ++t) {
      if (sides.in_flight() == 2) { sides.finish(); }
      sides.start_update(net, {65, 5, t}, both(Divisor::all), step(t));
    }
    while (sides.in_flight() > 0) { sides.finish(); }
    sides.check_same_state();
  }
}

TEST_CASE("cuda evaluations in flight have the CPU's bits", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::Recording what = with_losses(2);
  model::RecordedNetwork const training = network.record(what, {});
  what.training = false;
  model::RecordedNetwork const evaluation = network.record(what, {});
  TwoSides sides(network);
  sides.begin_optimizer(2);
  for (std::int64_t t = 1; t <= 9; ++t) {  // an update and what comes of it, one behind the other
    sides.start_update(training, {64, 5, t}, both(Divisor::all), radam(t));
    sides.start_evaluation(evaluation, {t % 3 == 0 ? 33 : 100, 5, t});
    sides.finish();
    sides.finish();
  }
  sides.check_same_state();
}

TEST_CASE("cuda allocates nothing and waits for nothing but results", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {});
  TwoSides sides(network);
  sides.begin_optimizer(2);
  std::int64_t t = 1;
  for (int epoch = 0; epoch < 2; ++epoch) { train_epoch(sides, net, both(Divisor::all), t); }
  calls_of_the_runtime();
  for (int epoch = 0; epoch < 3; ++epoch) {
    train_epoch(sides, net, both(Divisor::all), t);
    auto calls = calls_of_the_runtime();
    if (calls.empty()) { return; }
    CAPTURE(epoch);
    CHECK(calls["allocations"] == 0);
    CHECK(calls["waits"] == 0);
    CHECK(calls["pageable_copies"] == 0);
    CHECK(calls["event_waits"] == 6);  // for each result
    // Every batch but the first is on its way while the one before it is computed.
    CHECK(calls["overlapping_copies"] == 5);
    // The last batch goes through either slot: its graph is captured in the third or fourth epoch.
    CHECK(calls["graph_launches"] >= 5);
    if (epoch == 2) { CHECK((calls["graph_launches"] == 6 && calls["kernel_launches"] == 0)); }
  }
}

/// A network of few products: the emulator is through with thousands of jets at once.
model::Network tiny_network() {
  model::NetworkConfig config;
  config.core = {};
  config.fork = {3};
  config.gate = {3};
  config.gate_scale = 3;
  return {config, names(5)};
}

TEST_CASE("cuda predicts any number of jets, copying some while others are computed",
          "[cuda][in_flight]") {
  model::Network const network = tiny_network();
  model::RecordedNetwork const net = network.record({}, {});
  TwoSides sides(network);
  constexpr std::int64_t kPiece = 4'096;
  sides.predict(net, {2 * kPiece + 1, 5});
  sides.predict(net, {20, 5});
  calls_of_the_runtime();
  for (std::int64_t const rows : {std::int64_t{0}, kPiece, 2 * kPiece + 1}) {
    CAPTURE(rows);
    Sample const sample(rows, 5, 1);
    std::vector<float> energy(static_cast<std::size_t>(4 * rows + 1),
                              -7.0f);  // every fourth: guard
    sides.cuda().predict(net.tape, sample.batch().features, sides.cuda_parameters(), {net.energy},
                         {Mat{energy.data(), rows, 3, 4}});
    for (std::size_t i = 3; i < energy.size(); i += 4) { CHECK(energy[i] == -7.0f); }
    auto calls = calls_of_the_runtime();
    sides.predict(net, sample);
    calls_of_the_runtime();
    if (calls.empty()) { continue; }
    int const pieces = rows == 0 ? 0 : rows == kPiece ? 1 : 3;
    CHECK(calls["allocations"] == 0);
    CHECK(calls["waits"] == 0);
    CHECK(calls["pageable_copies"] == 0);
    CHECK(calls["event_waits"] == pieces);
    // The way there, of the first beside the weights' preparation, and the way back of all but the
    // last.
    CHECK(calls["overlapping_copies"] == std::max(0, 2 * pieces - 1));
  }
}

/// Launches of the kernel for gradients of weights since the last reset.
int weight_gradients() {
  int launches = 0;
  auto const counters = nlohmann::json::parse(emulator_client::counters());
  for (auto const& [name, kernel] : counters.at("kernels").items()) {
    bool const is = name.find("::weights_kernel") != std::string::npos;
    launches += is ? kernel.at("launches").get<int>() : 0;
  }
  return launches;
}

TEST_CASE("cuda spends nothing on gradients of frozen layers", "[cuda][in_flight]") {
  model::Network const network = small_network();
  TwoSides const opened(network);  // the runtime with it
  if (!emulator_client::present()) { JETCAL_SKIP("counts on the emulator"); }
  for (std::vector<std::string> const& freeze :
       {std::vector<std::string>{}, {"core"}, {"energy"}, {"core", "energy"}}) {
    model::Recording what = with_losses(2);
    what.freeze = freeze;
    model::RecordedNetwork const net = network.record(what, {});
    int trained = 0;
    for (Id id = 0; id < net.tape.size(); ++id) {
      if (auto const* const dense = std::get_if<Dense>(&net.tape[id].op)) {
        trained += dense->train;
      }
      if (auto const* const head = std::get_if<Head>(&net.tape[id].op)) { trained += head->train; }
    }
    CAPTURE(freeze.size());
    TwoSides sides(network);
    emulator_client::reset_counters();
    sides.train(net, {130, 5}, both(Divisor::all));
    CHECK(trained > 2);
    CHECK(weight_gradients() == trained);
  }
}

TEST_CASE("cuda updates nothing with a loss that is not finite, nor after it",
          "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {});
  PassOptions const options = both(Divisor::all);
  for (int const updates_before : {0, 1, 4}) {  // enqueued one by one, or as a graph
    CAPTURE(updates_before);
    TwoSides sides(network);
    sides.begin_optimizer(2);
    std::int64_t t = 1;
    for (; t <= updates_before; ++t) {
      sides.start_update(net, {80, 5, t}, options, radam(t));
      sides.finish();
    }
    Execution& cuda = sides.cuda();
    auto const start = [&](Sample const& sample) {
      cuda.start_update({net.tape, options, radam(t), sides.cuda_parameters(), sides.cuda_states()},
                        sample.batch());
    };
    Sample bad(80, 5, 50);
    bad.targets[2 * 17] = std::nanf("");
    start(bad);
    start({80, 5, 51});
    PassResult const& first = cuda.finish();
    CHECK_FALSE(all_finite(first));
    CHECK(std::isnan(first.heads[0].loss));
    CHECK(std::isfinite(first.heads[1].loss));
    CHECK(first.heads[0].row_loss.empty());  // nobody reads them of an update
    CHECK(all_finite(cuda.finish()));        // good, but behind a bad one
    sides.check_same_state();                // the CPU has seen neither
    // What is started after that is as if nothing had happened.
    for (; t <= updates_before + 3; ++t) {
      sides.start_update(net, {80, 5, t}, options, radam(t));
      sides.finish();
    }
    sides.check_same_state();
  }
}

TEST_CASE("cuda updates nothing with a gradient that is not finite although every loss is",
          "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(0), {});
  // A feature so large that only a weight of 0 bears it, and heads so sure that gradients are
  // large.
  constexpr std::int64_t kFeature = 3;
  std::vector<float> start = network.initial_parameters(7);
  for (char const* const name : {"core.0.weight", "gate.0.weight"}) {
    Mat const weight = network.layout().at(name).of(start.data());
    std::fill_n(weight.row(kFeature), weight.cols, 0.0f);
  }
  for (char const* const name : {"energy.head.bias", "mass.head.bias"}) {
    Mat const bias = network.layout().at(name).of(start.data());
    std::fill_n(bias.data + 1, 2, -3.0f);
  }
  Sample sample(80, 5);
  for (std::size_t r = 0; r < 80; ++r) { sample.x[r * 16 + kFeature] = 3e38f; }
  for (Device const device : {Device{}, kCuda}) {
    CAPTURE(device.name());
    ExecutionOptions options;
    options.device = device;
    auto const execution = make_execution(options);
    Buffer parameters(device, network.layout().size());
    parameters.upload(start);
    std::vector<Buffer> states;
    states.emplace_back(device, parameters.size());
    PassOptions const pass = both(Divisor::all);
    PassResult const& result = execution->update(
        {net.tape, pass, sgd_step({0.9, 0}, 1e-2), parameters, states}, sample.batch());
    for (HeadResult const& head : result.heads) { CHECK(std::isfinite(head.loss)); }
    CHECK(result.norm.non_finite > 0);
    CHECK_FALSE(all_finite(result));
    CHECK_SAME_BITS(parameters.download(), start);
    CHECK_SAME_BITS(states[0].download(), std::vector<float>(start.size(), 0.0f));
  }
}

TEST_CASE("cuda tells tapes apart that lie at the same place", "[cuda][in_flight]") {
  model::Network const network = small_network();
  TwoSides sides(network);
  sides.begin_optimizer(2);
  std::optional<model::RecordedNetwork> net;
  std::int64_t t = 1;
  for (double const truncation : {3.0, 1.0, 0.0, 2.0}) {
    net.emplace(network.record(with_losses(truncation), {}));
    for (int i = 0; i < 5; ++i, ++t) {
      sides.start_update(*net, {70, 5, t}, both(Divisor::all), radam(t));
      sides.finish();
    }
    sides.check_same_state();
  }
}

TEST_CASE("cuda goes through more shapes than it keeps graphs of", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {});
  TwoSides sides(network);
  sides.begin_optimizer(2);
  std::int64_t t = 1;
  for (int round = 0; round < 2; ++round) {
    for (std::int64_t rows = 30; rows >= 10; --rows) {
      for (int i = 0; i < 3; ++i, ++t) {
        if (sides.in_flight() == 2) { sides.finish(); }
        sides.start_update(net, {rows, 5, t}, both(Divisor::all), radam(t));
      }
    }
  }
  while (sides.in_flight() > 0) { sides.finish(); }
  sides.check_same_state();
}

TEST_CASE("cuda takes a larger batch while others are in flight", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {});
  TwoSides sides(network);
  sides.begin_optimizer(2);
  std::int64_t t = 1;
  for (std::int64_t rows = 20; rows < 400; rows = 2 * rows + 1, ++t) {
    sides.start_update(net, {rows, 5, t}, both(Divisor::all), radam(t));
    if (sides.in_flight() == 2) { sides.finish(); }
  }
  sides.finish();
  sides.check_same_state();
}

TEST_CASE("both devices say what they cannot have in flight", "[cuda][in_flight]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(2), {});
  model::Recording what = with_losses(2);
  what.training = false;
  model::RecordedNetwork const evaluation = network.record(what, {});
  Sample const sample(20, 5);
  for (Device const device : {Device{}, kCuda}) {
    CAPTURE(device.name());
    ExecutionOptions options;
    options.device = device;
    auto const execution = make_execution(options);
    Buffer parameters(device, network.layout().size());
    parameters.upload(network.initial_parameters(3));
    CHECK_THROWS_AS(execution->gradients(), Error);
    CHECK(has(error_text<Error>([&] { execution->finish(); }), "nothing is in flight"));
    auto const start = [&] {
      execution->start_evaluation(evaluation.tape, sample.batch(), parameters);
    };
    for (std::size_t i = 0; i < execution->most_in_flight(); ++i) { start(); }
    CHECK(has(error_text<Error>(start), "in flight"));
    std::string const text = error_text<Error>(
        [&] { execution->train(net.tape, sample.batch(), both(Divisor::all), parameters); });
    CHECK(has(text, "in flight"));
    for (std::size_t i = 0; i < execution->most_in_flight(); ++i) {
      CHECK(all_finite(execution->finish()));
    }
    CHECK_THROWS_AS(execution->finish(), Error);
    start();  // and gone with it
  }
}

}  // namespace
}  // namespace jetcal::test
