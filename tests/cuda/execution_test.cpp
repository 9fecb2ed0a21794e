#include "kernels/execution.hpp"

#include <cmath>
#include <vector>

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

/// Jets with targets near 1 and weights of many sizes.
struct Sample {
  Sample(std::int64_t n_rows, std::int64_t n_features)
      : rows(n_rows),
        features(n_features),
        x(uniform(rows * padded(features), -1, 1, seed_of("features", rows))),
        targets(uniform(rows * 2, 0.6, 1.4, seed_of("targets", rows))),
        weights(uniform(rows, 0.1, 3, seed_of("weights", rows))) {}
  HostBatch batch() const {
    return {
        {x.data(), rows, features, padded(features)}, {targets.data(), rows, 2, 2}, weights.data()};
  }
  std::int64_t rows, features;
  std::vector<float> x, targets, weights;
};

std::vector<std::string> names(std::int64_t n) {
  std::vector<std::string> list{"eta"};
  while (static_cast<std::int64_t>(list.size()) < n) {
    list.push_back("f" + std::to_string(list.size()));
  }
  return list;
}

Network small_network() {
  NetworkConfig config;
  config.core = {19, 23};
  config.fork = {17, 21};
  config.gate = {18};
  config.gate_scale = 21;
  return {config, names(5)};
}

Recording with_losses(double truncation) {
  Recording what;
  what.training = true;
  LossConfig loss;
  loss.truncation = truncation;
  what.energy_loss = loss;
  what.mass_loss = loss;
  return what;
}

/// The CPU and the device with the same parameters, taken through the same calls.
class Pair {
 public:
  explicit Pair(Network const& network, std::int64_t lanes = 8) : network_(network) {
    auto const start = network.initial_parameters(7);
    for (Device const device : {Device{}, kCuda}) {
      ExecutionOptions options;
      options.device = device;
      options.lanes = lanes;
      sides_.push_back({make_execution(options),
                        Buffer(device, network.layout().size()),
                        Buffer(device, network.layout().size()),
                        {}});
      sides_.back().parameters.upload(start);
      sides_.back().averages.copy_from(sides_.back().parameters);
    }
  }

  void begin_optimizer(std::size_t n_states) {
    for (Side& side : sides_) {
      side.states.clear();
      for (std::size_t i = 0; i < n_states; ++i) {
        side.states.emplace_back(side.parameters.device(), network_.layout().size());
      }
    }
  }

  /// Forward and backward; everything that comes back is compared.
  void train(RecordedNetwork const& net, Sample const& sample, PassOptions const& options) {
    PassResult const& cpu =
        sides_[0].execution->train(net.tape, sample.batch(), options, sides_[0].parameters);
    PassResult const& cuda =
        sides_[1].execution->train(net.tape, sample.batch(), options, sides_[1].parameters);
    check_same(cuda, cpu);
    std::vector<Range> const ranges = trained_ranges(net.tape);
    check_norms(ranges);  // as the pass left them
    CHECK_SAME_BITS(sides_[1].execution->gradients().download(),
                    sides_[0].execution->gradients().download());
    check_norms(ranges);  // asked for again
    check_norms({{ranges[0].begin + 5, ranges[0].end - 3}});
    check_norms(ranges);
  }

  /// The norm of gradients that were changed from outside, as ranks do when they add them up.
  void change_gradients(RecordedNetwork const& net) {
    for (Side& side : sides_) {
      std::vector<float> g = side.execution->gradients().download();
      for (float& v : g) { v *= 3; }
      side.execution->gradients().upload(g);
    }
    check_norms(trained_ranges(net.tape));
  }

  void evaluate(RecordedNetwork const& net, Sample const& sample) {
    PassResult const& cpu =
        sides_[0].execution->evaluate(net.tape, sample.batch(), sides_[0].parameters);
    PassResult const& cuda =
        sides_[1].execution->evaluate(net.tape, sample.batch(), sides_[1].parameters);
    check_same(cuda, cpu);
  }

  void update(RecordedNetwork const& net, OptimizerStep const& step) {
    std::vector<Range> const ranges = trained_ranges(net.tape);
    for (Side& side : sides_) {
      side.execution->update(step, ranges, side.parameters, side.states);
      side.execution->average(0.9f, ranges, side.parameters, side.averages);
    }
    CHECK_SAME_BITS(sides_[1].parameters.download(), sides_[0].parameters.download());
    CHECK_SAME_BITS(sides_[1].averages.download(), sides_[0].averages.download());
  }

  void predict(RecordedNetwork const& net, Sample const& sample) {
    auto const n = static_cast<std::size_t>(3 * sample.rows);
    std::vector<std::vector<float>> found;
    for (Side& side : sides_) {
      std::vector<float> energy(n), mass(n);
      side.execution->predict(
          net.tape, sample.batch().features, side.parameters, {net.energy, net.mass},
          {Mat{energy.data(), sample.rows, 3, 3}, Mat{mass.data(), sample.rows, 3, 3}});
      found.push_back(energy);
      found.push_back(mass);
    }
    CHECK_SAME_BITS(found[2], found[0]);
    CHECK_SAME_BITS(found[3], found[1]);
  }

  Execution& cuda() { return *sides_[1].execution; }
  Buffer& cuda_parameters() { return sides_[1].parameters; }

 private:
  struct Side {
    std::unique_ptr<Execution> execution;
    Buffer parameters, averages;
    std::vector<Buffer> states;
  };

  void check_norms(std::vector<Range> const& ranges) {
    NormResult const want = sides_[0].execution->gradient_norm(ranges);
    NormResult const got = sides_[1].execution->gradient_norm(ranges);
    CHECK(want.sum_of_squares > 0);
    CHECK(got.sum_of_squares == want.sum_of_squares);
    CHECK(got.non_finite == want.non_finite);
  }

  static void check_same(PassResult const& got, PassResult const& want) {
    CHECK(got.weight == want.weight);
    REQUIRE(got.heads.size() == want.heads.size());
    for (std::size_t h = 0; h < want.heads.size(); ++h) {
      CAPTURE(h);
      CHECK(got.heads[h].loss == want.heads[h].loss);
      CHECK(got.heads[h].kept == want.heads[h].kept);
      CHECK_SAME_BITS(got.heads[h].row_loss, want.heads[h].row_loss);
      CHECK_SAME_BITS(got.heads[h].row_kept, want.heads[h].row_kept);
    }
  }

  Network const& network_;
  std::vector<Side> sides_;
};

PassOptions both(Divisor divisor) { return {{divisor, divisor}}; }

TEST_CASE("cuda trains a network of every part with the CPU's bits", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  struct {
    double truncation;
    std::vector<std::string> freeze;
    OptimizerStep step;
  } const kSteps[] = {
      {0, {}, radam_step(radam_options(RadamPreset::tfa), 7, 3e-3)},
      {3, {}, diffgrad_step(diffgrad_options("keras"), 1, 2e-3)},
      {2, {"core"}, adam_step({}, 1, 2e-3)},
      {1, {"core", "energy"}, sgd_step({0.9, 1e-4}, 1e-2)},
  };
  for (auto const& step : kSteps) {
    CAPTURE(step.truncation);
    Recording what = with_losses(step.truncation);
    what.freeze = step.freeze;
    RecordedNetwork const net = network.record(what, {0.4f, -0.1f});
    pair.begin_optimizer(optimizer_states(step.step).size());
    // Batches of one lane, of several, and of a size that goes down and up again.
    for (std::int64_t const rows : {301, 40, 530}) {
      CAPTURE(rows);
      pair.train(net, {rows, 5}, both(Divisor::all));
      pair.update(net, step.step);
    }
  }
}

TEST_CASE("cuda divides by the kept jets' weight as the CPU does", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  RecordedNetwork const net = network.record(with_losses(0.5), {});
  for (auto const& divisors : {both(Divisor::kept), PassOptions{{Divisor::all, Divisor::kept}},
                               PassOptions{{Divisor::kept, Divisor::all}}}) {
    pair.train(net, {150, 5}, divisors);
  }
}

TEST_CASE("cuda has the CPU's bits for any number of lanes", "[cuda][execution]") {
  Network const network = small_network();
  RecordedNetwork const net = network.record(with_losses(0), {});
  for (std::int64_t const lanes : {1, 2, 64}) {
    CAPTURE(lanes);
    Pair pair(network, lanes);
    pair.train(net, {260, 5}, both(Divisor::all));
    pair.change_gradients(net);
  }
}

TEST_CASE("cuda evaluates and predicts with the CPU's bits", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  Recording what = with_losses(2);
  what.training = false;
  RecordedNetwork const evaluation = network.record(what, {});
  RecordedNetwork const prediction = network.record({}, {});
  for (std::int64_t const rows : {1, 33, 200}) {
    pair.evaluate(evaluation, {rows, 5});
    pair.predict(prediction, {rows, 5});
  }
}

TEST_CASE("cuda takes features whose rows are not padded", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  RecordedNetwork const net = network.record({}, {});
  std::int64_t const rows = 37;
  auto const x = uniform(rows * 5, -1, 1, seed_of("unpadded"));
  std::vector<float> padded_x(static_cast<std::size_t>(rows * 16));
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(x.data() + r * 5, 5, padded_x.data() + r * 16);
  }
  std::vector<float> one(static_cast<std::size_t>(rows * 3)), other(one.size());
  for (auto const& [features, energy] :
       {std::pair{ConstMat{x.data(), rows, 5, 5}, &one},
        std::pair{ConstMat{padded_x.data(), rows, 5, 16}, &other}}) {
    pair.cuda().predict(net.tape, features, pair.cuda_parameters(), {net.energy},
                        {Mat{energy->data(), rows, 3, 3}});
  }
  CHECK_SAME_BITS(one, other);
}

TEST_CASE("cuda runs the paper's network with the CPU's bits", "[cuda][execution]") {
  Network const network(preset_network("P1"), names(21));
  Pair pair(network);
  RecordedNetwork const net = network.record(with_losses(3.5), {0.4f, -0.1f});
  pair.begin_optimizer(2);
  pair.train(net, {67, 21}, both(Divisor::all));
  pair.update(net, radam_step(radam_options(RadamPreset::tfa), 7, 1e-3));
}

TEST_CASE("cuda sees a loss that is not finite, and where", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  RecordedNetwork const net = network.record(with_losses(3), {});
  Sample sample(90, 5);
  sample.x[7 * 16 + 2] = std::nanf("");
  PassResult const& result =
      pair.cuda().train(net.tape, sample.batch(), both(Divisor::all), pair.cuda_parameters());
  for (HeadResult const& head : result.heads) {
    CHECK(std::isnan(head.loss));
    for (std::size_t r = 0; r < 90; ++r) { CHECK(std::isfinite(head.row_loss[r]) == (r != 7)); }
  }
  CHECK(pair.cuda().gradient_norm(trained_ranges(net.tape)).non_finite > 0);
}

TEST_CASE("cuda says what a batch needs where memory is short", "[cuda][execution]") {
  Network const network = small_network();
  Pair pair(network);
  RecordedNetwork const net = network.record({}, {});
  std::int64_t const far_too_many = std::int64_t{1} << 46;
  std::string const text = error_text<DeviceError>([&] { Buffer(kCuda, far_too_many); });
  CHECK(has(text, "device cuda:0: no memory for 268435456 MiB"));
  CHECK(has(text, "Use a smaller batch"));
  // The device is as good as before.
  pair.predict(net, {20, 5});
}

TEST_CASE("buffers of a CUDA device are zero, copy and move", "[cuda][execution]") {
  Buffer a(kCuda, 1000), b(kCuda, 1000), empty(kCuda, 0);
  CHECK((a.device() == kCuda && empty.device() == kCuda));
  CHECK_SAME_BITS(a.download(), std::vector<float>(1000, 0.0f));
  auto const values = uniform(1000, -1, 1, seed_of("buffer"));
  a.upload(values);
  b.copy_from(a);
  Buffer moved(std::move(b));
  CHECK_SAME_BITS(moved.download(), values);
  a.fill_zero();
  CHECK_SAME_BITS(a.download(), std::vector<float>(1000, 0.0f));
  CHECK(empty.download().empty());
  CHECK_THROWS_AS(a.upload({1, 2}), ShapeError);
  CHECK_THROWS_AS(a.copy_from(Buffer(Device{}, 1000)), DeviceError);
  CHECK_THROWS_AS(Buffer(Device{Device::Kind::cuda, 1000}, 1), DeviceError);
}

}  // namespace
}  // namespace jetcal::model
