#include <cmath>
#include <vector>

#include "model/config_schema.hpp"
#include "tests/cuda/two_sides.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

TEST_CASE("cuda trains a network of every part with the CPU's bits", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
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
    model::Recording what = with_losses(step.truncation);
    what.freeze = step.freeze;
    model::RecordedNetwork const net = network.record(what, {0.4f, -0.1f});
    pair.begin_optimizer(optimizer_states(step.step).size());
    // Batches of one lane, of several, and of a size that goes down and up again.
    for (std::int64_t const rows : {301, 40, 530}) {
      CAPTURE(rows);
      pair.train(net, {rows, 5}, both(Divisor::all));
      pair.start_update(net, {rows, 5}, both(Divisor::all), step.step);
      pair.finish();
      pair.check_same_state();
    }
  }
}

TEST_CASE("cuda divides by the kept jets' weight as the CPU does", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
  model::RecordedNetwork const net = network.record(with_losses(0.5), {});
  for (auto const& divisors : {both(Divisor::kept), PassOptions{{Divisor::all, Divisor::kept}},
                               PassOptions{{Divisor::kept, Divisor::all}}}) {
    pair.train(net, {150, 5}, divisors);
  }
}

TEST_CASE("cuda has the CPU's bits for any number of lanes", "[cuda][execution]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(0), {});
  for (std::int64_t const lanes : {1, 2, 64}) {
    CAPTURE(lanes);
    TwoSides pair(network, lanes);
    pair.train(net, {260, 5}, both(Divisor::all));
  }
}

TEST_CASE("cuda evaluates and predicts with the CPU's bits", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
  model::Recording what = with_losses(2);
  what.training = false;
  model::RecordedNetwork const evaluation = network.record(what, {});
  model::RecordedNetwork const prediction = network.record({}, {});
  for (std::int64_t const rows : {1, 33, 200}) {
    pair.start_evaluation(evaluation, {rows, 5});
    pair.finish();
    pair.predict(prediction, {rows, 5});
  }
}

TEST_CASE("cuda takes features whose rows are not padded", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
  model::RecordedNetwork const net = network.record({}, {});
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
  model::Network const network(model::preset_network("P1"), names(21));
  TwoSides pair(network);
  model::RecordedNetwork const net = network.record(with_losses(3.5), {0.4f, -0.1f});
  pair.begin_optimizer(2);
  pair.start_update(net, {67, 21}, both(Divisor::all),
                    radam_step(radam_options(RadamPreset::tfa), 7, 1e-3));
  pair.finish();
  pair.check_same_state();
}

TEST_CASE("cuda sees a loss that is not finite, and where", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
  model::RecordedNetwork const net = network.record(with_losses(3), {});
  Sample sample(90, 5);
  sample.x[7 * 16 + 2] = std::nanf("");
  PassResult const& result =
      pair.cuda().train(net.tape, sample.batch(), both(Divisor::all), pair.cuda_parameters());
  for (HeadResult const& head : result.heads) {
    CHECK(std::isnan(head.loss));
    for (std::size_t r = 0; r < 90; ++r) { CHECK(std::isfinite(head.row_loss[r]) == (r != 7)); }
  }
  CHECK(result.norm.non_finite > 0);
  CHECK_FALSE(all_finite(result));
}

TEST_CASE("cuda says what a batch needs where memory is short", "[cuda][execution]") {
  model::Network const network = small_network();
  TwoSides pair(network);
  model::RecordedNetwork const net = network.record({}, {});
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
}  // namespace jetcal::test
