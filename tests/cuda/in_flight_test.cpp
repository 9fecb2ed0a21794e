// Passes that are started before the results of those before them are known.
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
    // The last batch goes through either slot: its graph is captured in the third or fourth epoch.
    CHECK(calls["graph_launches"] >= 5);
    if (epoch == 2) { CHECK((calls["graph_launches"] == 6 && calls["kernel_launches"] == 0)); }
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
    CHECK((!std::isfinite(first.heads[0].row_loss[17]) &&
           std::isfinite(first.heads[0].row_loss[16])));
    CHECK(all_finite(cuda.finish()));  // good, but behind a bad one
    sides.check_same_state();          // the CPU has seen neither
    // What is started after that is as if nothing had happened.
    for (; t <= updates_before + 3; ++t) {
      sides.start_update(net, {80, 5, t}, options, radam(t));
      sides.finish();
    }
    sides.check_same_state();
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
