#include "kernels/adam.hpp"

#include <cmath>

#include "tests/error_text.hpp"
#include "tests/kernels/optimizer_cases.hpp"

namespace jetcal::test {
namespace {

Update update_of(AdamOptions const& options, double learning_rate) {
  return [=](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
    cpu::adam_update(p, m, v, g, n, adam_step(options, t, learning_rate));
  };
}

/// One parameter of arXiv:1412.6980, Algorithm 1, in double.
struct Reference {
  AdamOptions options;
  double learning_rate;
  double m = 0, v = 0, m_size = 0;

  double operator()(double p, double g, std::int64_t t, double& size) {
    auto const beta1 = static_cast<double>(static_cast<float>(options.betas.first));
    auto const beta2 = static_cast<double>(static_cast<float>(options.betas.second));
    g += options.weight_decay * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    m_size = beta1 * m_size + (1 - beta1) * std::abs(g);
    double const m_hat = m / (1 - std::pow(beta1, static_cast<double>(t)));
    double const v_hat = v / (1 - std::pow(beta2, static_cast<double>(t)));
    double const change = learning_rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
    size = m == 0 ? 0 : std::abs(change / m) * m_size;
    return p - change;
  }
};

TEST_CASE("adam replays twenty steps", "[adam]") {
  for (double const epsilon : {1e-8, 1e-7}) {
    for (double const weight_decay : {0.0, 0.05}) {
      AdamOptions options;
      options.epsilon = epsilon;
      options.weight_decay = weight_decay;
      CAPTURE(epsilon, weight_decay);
      std::array<Reference, 3> state;
      check_twenty_steps(update_of(options, 2e-3),
                         [&](std::size_t k, double p, double g, std::int64_t t, double& size) {
                           if (t == 1) { state[k] = Reference{options, 2e-3}; }
                           return state[k](p, g, t, size);
                         });
    }
  }
}

TEST_CASE("adam's first step is the learning rate, whatever the gradient's size", "[adam]") {
  with_each_isa([&] {
    Run run({0.0f, 0.0f, 0.0f});
    AdamOptions options;
    options.epsilon = 0;
    step(update_of(options, 0.01), run, {1e-6f, -3.0f, 1e6f}, 1);
    CHECK_CLOSE(run.p, (std::vector<double>{-0.01, 0.01, -0.01}), Tolerance{4 * kEps, 0});
  });
}

TEST_CASE("adam is elementwise and resumes", "[adam]") {
  AdamOptions options;
  check_zero_and_nan(update_of(options, 1e-2));
  options.epsilon = 0;
  check_zero_and_nan(update_of(options, 1e-2));
  options.weight_decay = 0.1;
  check_elementwise(update_of(options, 1e-2));
}

TEST_CASE("adam refuses what makes no sense", "[adam]") {
  AdamOptions options;
  CHECK(has(error_text<ConfigError>([&] { adam_step(options, 0, 1e-3); }), "adam: update 0 "));
  options.betas.first = 1.5;
  CHECK(has(error_text<ConfigError>([&] { adam_step(options, 1, 1e-3); }), "adam: beta1 is 1.5 "));
}

}  // namespace
}  // namespace jetcal::test
