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

constexpr std::int64_t kFeatures = 5;

/// A small network with every kind of op, and a batch for it.
struct Problem {
  explicit Problem(std::int64_t n_rows)
      : rows(n_rows),
        x(uniform(rows * padded(kFeatures), -1, 1, seed_of("features", rows))),
        targets(uniform(rows * 2, 0.6, 1.4, seed_of("targets", rows))),
        weights(uniform(rows, 0.1, 3, seed_of("weights", rows))),
        network(config(), {"eta", "f1", "f2", "f3", "f4"}) {}

  static NetworkConfig config() {
    NetworkConfig c;
    c.core = {19, 23};
    c.fork = {17, 21};
    c.gate = {18};
    c.gate_scale = 21;
    return c;
  }
  HostBatch batch() const {
    return {{x.data(), rows, kFeatures, padded(kFeatures)},
            {targets.data(), rows, 2, 2},
            weights.data()};
  }
  RecordedNetwork training() const {
    Recording what;
    what.training = true;
    what.energy_loss = LossConfig{};
    what.mass_loss = LossConfig{};
    return network.record(what, {0.4f, -0.1f});
  }

  std::int64_t rows;
  std::vector<float> x, targets, weights;
  Network network;
};

/// What one training pass, one update and a prediction afterwards give.
struct Numbers {
  std::vector<float> row_loss, gradients, parameters, predicted;
};

Numbers numbers(Problem const& problem, DenseKernels dense, SoftmaxKernels softmax) {
  ExecutionOptions options;
  options.device = kCuda;
  options.dense_kernels = dense;
  options.softmax_kernels = softmax;
  auto const execution = make_execution(options);
  Buffer parameters(kCuda, problem.network.layout().size());
  parameters.upload(problem.network.initial_parameters(7));
  RecordedNetwork const net = problem.training();
  PassOptions const pass{{Divisor::all, Divisor::all}};
  PassResult const& result = execution->train(net.tape, problem.batch(), pass, parameters);
  Numbers found;
  for (HeadResult const& head : result.heads) {
    found.row_loss.insert(found.row_loss.end(), head.row_loss.begin(), head.row_loss.end());
  }
  found.gradients = execution->gradients().download();
  std::vector<Buffer> states;
  states.emplace_back(kCuda, parameters.size());
  execution->update({net.tape, pass, sgd_step({0.9, 0}, 1e-2), parameters, states},
                    problem.batch());
  found.parameters = parameters.download();
  RecordedNetwork const prediction = problem.network.record({}, {0.4f, -0.1f});
  found.predicted.resize(static_cast<std::size_t>(3 * problem.rows));
  execution->predict(prediction.tape, problem.batch().features, parameters, {prediction.mass},
                     {Mat{found.predicted.data(), problem.rows, 3, 3}});
  return found;
}

bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
  return test::compare_bits(a, b).ok;
}

// A number is what at most six layers of sums of at most 24 numbers of about 1 made of it, forward
// and backward, every rounding carried on with slopes of about 1: 6 * 2 * 26 * eps, of the largest.
test::Tolerance whole_network(std::vector<float> const& values) {
  double largest = 0;
  for (float const v : values) { largest = std::max(largest, std::abs(static_cast<double>(v))); }
  return {0, 6 * 2 * 26 * test::kEps * largest};
}

void check_close(Numbers const& got, Numbers const& want) {
  CHECK_CLOSE(got.row_loss, want.row_loss, whole_network(want.row_loss));
  CHECK_CLOSE(got.gradients, want.gradients, whole_network(want.gradients));
  CHECK_CLOSE(got.parameters, want.parameters, whole_network(want.parameters));
  CHECK_CLOSE(got.predicted, want.predicted, whole_network(want.predicted));
}

TEST_CASE("cuda networks with the vendor's kernels agree with ours", "[cuda][vendor]") {
  for (std::int64_t const rows : {256, 301}) {  // lanes of equal rows, and of others
    CAPTURE(rows);
    Problem const problem(rows);
    Numbers const own = numbers(problem, DenseKernels::own, SoftmaxKernels::own);
    for (auto const& [dense, softmax] : {std::pair{DenseKernels::cublas, SoftmaxKernels::own},
                                         {DenseKernels::own, SoftmaxKernels::cudnn},
                                         {DenseKernels::cublas, SoftmaxKernels::cudnn}}) {
      CAPTURE(name(dense), name(softmax));
      Numbers const vendor = numbers(problem, dense, softmax);
      check_close(vendor, own);
      // They are other kernels, and repeat themselves.
      CHECK(!same_bits(vendor.gradients, own.gradients));
      Numbers const again = numbers(problem, dense, softmax);
      CHECK(same_bits(again.gradients, vendor.gradients));
      CHECK(same_bits(again.predicted, vendor.predicted));
    }
    // Back to ours: the same bits as before.
    CHECK(same_bits(numbers(problem, DenseKernels::own, SoftmaxKernels::own).parameters,
                    own.parameters));
  }
}

TEST_CASE("each device refuses the other's kernels", "[cuda][vendor]") {
  auto const refusal = [](Device device, DenseKernels dense, SoftmaxKernels softmax) {
    ExecutionOptions options;
    options.device = device;
    options.dense_kernels = dense;
    options.softmax_kernels = softmax;
    return error_text<DeviceError>([&] { make_execution(options); });
  };
  CHECK(has(refusal(kCuda, DenseKernels::onednn, SoftmaxKernels::own),
            "onednn computes on the CPU (device is cuda:0)"));
  CHECK(has(refusal({}, DenseKernels::cublas, SoftmaxKernels::own),
            "cublas computes on CUDA devices (device is cpu)"));
  CHECK(has(refusal({}, DenseKernels::own, SoftmaxKernels::cudnn),
            "cudnn computes on CUDA devices (device is cpu)"));
}

}  // namespace
}  // namespace jetcal::model
