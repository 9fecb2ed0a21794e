// Whole networks in tf32 and bf16 on the device, against the CPU's fp32.
#include "model/config_schema.hpp"
#include "tests/cuda/problem.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using model::NetworkConfig;

TEST_CASE("cuda trains networks in tf32 and bf16 close to fp32", "[cuda][precision]") {
  struct {
    char const* name;
    Problem problem;
    double layers;  // one behind the other
  } const kCases[] = {{"small", {small_config(), 301, 5}, 6},
                      {"paper", {model::preset_network("P1"), 67, 21}, 12}};
  for (auto const& c : kCases) {
    Numbers const want = numbers(c.problem, {});
    for (Precision const precision : {Precision::tf32, Precision::bf16}) {
      CAPTURE(c.name, name(precision));
      Numbers const got = numbers(c.problem, on_cuda(precision));
      // Forward a layer rounds its weights and its values, backward its slope and its gradient too.
      CHECK(distance(got.predicted, want.predicted) < drift(precision, 2 * c.layers));
      CHECK(distance(got.row_loss, want.row_loss) < drift(precision, 2 * c.layers));
      CHECK(distance(got.gradients, want.gradients) < drift(precision, 6 * c.layers));
      // And it is not fp32 that ran.
      CHECK(distance(got.gradients, want.gradients) > drift(precision, 1) / 40);
      Numbers const again = numbers(c.problem, on_cuda(precision));
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
    Numbers const want = numbers(problem, {});
    for (Precision const precision : {Precision::tf32, Precision::bf16}) {
      CAPTURE(config.annotation.enabled, config.gate_annotated, config.residual, name(precision));
      Numbers const got = numbers(problem, on_cuda(precision));
      CHECK(distance(got.predicted, want.predicted) < drift(precision, 12));
      CHECK(distance(got.gradients, want.gradients) < drift(precision, 36));
    }
  }
}

TEST_CASE("cuda in tf32 and bf16 leaves frozen parts alone", "[cuda][precision]") {
  Problem const problem(small_config(), 90, 5);
  Numbers const want = numbers(problem, {}, {"core", "gate"});
  for (Precision const precision : {Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    Numbers const got = numbers(problem, on_cuda(precision), {"core", "gate"});
    CHECK(distance(got.gradients, want.gradients) < drift(precision, 36));
    for (std::size_t i = 0; i < got.gradients.size(); ++i) {
      if (want.gradients[i] == 0 && got.gradients[i] != 0) { FAIL("a gradient of what is frozen"); }
    }
  }
}

TEST_CASE("cuda takes half the memory for a jet in bf16", "[cuda][precision]") {
  Problem const problem(model::preset_network("P1"), 7, 21);
  model::RecordedNetwork const net = problem.training();
  double bytes_a_jet[3] = {};
  for (Precision const precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    auto const execution = make_execution(on_cuda(precision));
    auto const bytes_with = [&](std::int64_t rows) {
      execution->reserve({{net.tape, rows}}, 0);
      return static_cast<double>(execution->memory());
    };
    double const of_2000 = bytes_with(2'000), of_3000 = bytes_with(3'000);
    CHECK(bytes_with(100) == of_3000);  // it does not shrink
    bytes_a_jet[static_cast<int>(precision)] = (of_3000 - of_2000) / 1'000;
    Buffer const parameters = problem.initial_parameters(kCuda);
    execution->train(net.tape, problem.jets.batch(), both(Divisor::all), parameters);
    CHECK(static_cast<double>(execution->memory()) == of_3000);
  }
  CHECK(bytes_a_jet[1] == bytes_a_jet[0]);
  // The batch, and the few numbers of each head, are float32 always.
  CHECK(bytes_a_jet[2] > 0.5 * bytes_a_jet[0]);
  CHECK(bytes_a_jet[2] < 0.53 * bytes_a_jet[0]);
}

TEST_CASE("the CPU refuses tf32", "[cuda][precision]") {
  ExecutionOptions options;
  options.precision = Precision::tf32;
  std::string const text = error_text<DeviceError>([&] { make_execution(options); });
  CHECK(has(text, "tf32 is not available on the CPU (must be fp32 or bf16)"));
}

}  // namespace
}  // namespace jetcal::test
