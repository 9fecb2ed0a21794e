// Whole networks with the kernels of cuBLAS and cuDNN on the device, against our own.
#include "tests/cuda/problem.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

struct Kernels {
  DenseKernels dense = DenseKernels::own;
  SoftmaxKernels softmax = SoftmaxKernels::own;
};
constexpr Kernels kVendors[] = {{DenseKernels::cublas, SoftmaxKernels::own},
                                {DenseKernels::own, SoftmaxKernels::cudnn},
                                {DenseKernels::cublas, SoftmaxKernels::cudnn}};

/// The parameters after two updates.
std::vector<float> updated(Problem const& problem, ExecutionOptions const& options) {
  auto const execution = make_execution(options);
  Buffer parameters = problem.initial_parameters(options.device);
  model::RecordedNetwork const net = problem.training();
  std::vector<Buffer> states;
  states.emplace_back(options.device, parameters.size());
  PassOptions const pass = both(Divisor::all);
  for (int i = 0; i < 2; ++i) {
    execution->update({net.tape, pass, sgd_step({0.9, 0}, 1e-2), parameters, states},
                      problem.jets.batch());
  }
  return parameters.download();
}

bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
  return compare_bits(a, b).ok;
}

// A number is what at most six layers of sums of at most 24 numbers of about 1 made of it, forward
// and backward, every rounding carried on with slopes of about 1: 6 * 2 * 26 * eps, of the largest.
Tolerance whole_network(std::vector<float> const& values) {
  double largest = 0;
  for (float const v : values) { largest = std::max(largest, std::abs(static_cast<double>(v))); }
  return {0, 6 * 2 * 26 * kEps * largest};
}

TEST_CASE("cuda networks with the vendor's kernels agree with ours", "[cuda][vendor]") {
  for (std::int64_t const rows : {256, 301}) {  // lanes of equal rows, and of others
    Problem const problem(small_config(), rows, 5);
    Numbers const own = numbers(problem, on_cuda(Precision::fp32));
    std::vector<float> const own_updated = updated(problem, on_cuda(Precision::fp32));
    for (auto const& [dense, softmax] : kVendors) {
      CAPTURE(rows, name(dense), name(softmax));
      ExecutionOptions const options = on_cuda(Precision::fp32, dense, softmax);
      Numbers const vendor = numbers(problem, options);
      std::vector<float> const vendor_updated = updated(problem, options);
      CHECK_CLOSE(vendor.row_loss, own.row_loss, whole_network(own.row_loss));
      CHECK_CLOSE(vendor.gradients, own.gradients, whole_network(own.gradients));
      CHECK_CLOSE(vendor.predicted, own.predicted, whole_network(own.predicted));
      CHECK_CLOSE(vendor_updated, own_updated, whole_network(own_updated));
      // They are other kernels.
      CHECK(!same_bits(vendor.gradients, own.gradients));
    }
  }
}

TEST_CASE("cuda networks with the vendor's kernels agree with ours in tf32 and bf16",
          "[cuda][vendor][precision]") {
  Problem const problem(small_config(), 301, 5);
  Numbers const exact = numbers(problem, {});
  std::vector<float> const exact_updated = updated(problem, {});
  for (Precision const precision : {Precision::tf32, Precision::bf16}) {
    Numbers const own = numbers(problem, on_cuda(precision));
    for (auto const& [dense, softmax] : kVendors) {
      CAPTURE(name(precision), name(dense), name(softmax));
      ExecutionOptions const options = on_cuda(precision, dense, softmax);
      Numbers const vendor = numbers(problem, options);
      // As ours (precision_test.cpp), and a layer rounds its product once more, both ways.
      CHECK(distance(vendor.predicted, exact.predicted) < drift(precision, 3 * 6));
      CHECK(distance(vendor.row_loss, exact.row_loss) < drift(precision, 3 * 6));
      CHECK(distance(vendor.gradients, exact.gradients) < drift(precision, 8 * 6));
      CHECK(distance(updated(problem, options), exact_updated) < drift(precision, 8 * 6));
      CHECK(distance(vendor.gradients, own.gradients) < drift(precision, 8 * 6));
      CHECK(!same_bits(vendor.gradients, own.gradients));
      // And it is not fp32 that ran.
      CHECK(distance(vendor.gradients, exact.gradients) > drift(precision, 1) / 40);
    }
  }
}

TEST_CASE("cuda networks with the vendor's kernels repeat themselves, and leave ours alone",
          "[cuda][vendor]") {
  Problem const problem(small_config(), 130, 5);
  for (Precision const precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    ExecutionOptions const vendor = on_cuda(precision, DenseKernels::cublas, SoftmaxKernels::cudnn);
    Numbers const own = numbers(problem, on_cuda(precision));
    Numbers const first = numbers(problem, vendor), again = numbers(problem, vendor);
    CHECK(same_bits(again.gradients, first.gradients));
    CHECK(same_bits(again.predicted, first.predicted));
    CHECK(same_bits(updated(problem, vendor), updated(problem, vendor)));
    CHECK(same_bits(numbers(problem, on_cuda(precision)).gradients, own.gradients));
  }
}

TEST_CASE("cuda networks with the vendor's kernels leave frozen parts alone", "[cuda][vendor]") {
  Problem const problem(small_config(), 90, 5);
  for (Precision const precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    Numbers const own = numbers(problem, on_cuda(precision), {"core", "gate"});
    Numbers const vendor = numbers(
        problem, on_cuda(precision, DenseKernels::cublas, SoftmaxKernels::cudnn), {"core", "gate"});
    bool same_zeros = true, some = false;
    for (std::size_t i = 0; i < own.gradients.size(); ++i) {
      same_zeros = same_zeros && (own.gradients[i] != 0 || vendor.gradients[i] == 0);
      some = some || vendor.gradients[i] != 0;
    }
    CHECK(same_zeros);
    CHECK(some);
  }
}

TEST_CASE("each device refuses the other's kernels", "[cuda][vendor]") {
  auto const refusal = [](Device device, Kernels const& kernels) {
    ExecutionOptions options = on_cuda(Precision::fp32, kernels.dense, kernels.softmax);
    options.device = device;
    return error_text<DeviceError>([&] { make_execution(options); });
  };
  CHECK(has(refusal(kCuda, {DenseKernels::onednn, SoftmaxKernels::own}),
            "onednn computes on the CPU (device is cuda:0)"));
  CHECK(has(refusal({}, {DenseKernels::cublas, SoftmaxKernels::own}),
            "cublas computes on CUDA devices (device is cpu)"));
  CHECK(has(refusal({}, {DenseKernels::own, SoftmaxKernels::cudnn}),
            "cudnn computes on CUDA devices (device is cpu)"));
}

}  // namespace
}  // namespace jetcal::test
