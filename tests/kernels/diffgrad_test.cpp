#include "kernels/diffgrad.hpp"

#include <cmath>

#include "tests/error_text.hpp"
#include "tests/kernels/optimizer_cases.hpp"

namespace jetcal::test {
namespace {

Update update_of(DiffgradOptions const& options, double learning_rate) {
  return [=](float* p, float* m, float* v, float* before, float const* g, std::int64_t n,
             std::int64_t t) {
    cpu::diffgrad_update(p, m, v, before, g, n, diffgrad_step(options, t, learning_rate));
  };
}

/// One parameter of arXiv:1909.11015 (the published second version), in double.
struct Reference {
  DiffgradOptions options;
  double learning_rate;
  double m = 0, v = 0, before = 0, m_size = 0;

  double operator()(double p, double g, std::int64_t t, double& size) {
    auto const beta1 = static_cast<double>(static_cast<float>(options.betas.first));
    auto const beta2 = static_cast<double>(static_cast<float>(options.betas.second));
    g += options.weight_decay * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    m_size = beta1 * m_size + (1 - beta1) * std::abs(g);
    double const friction = 1 / (1 + std::exp(-std::abs(before - g)));
    double const rate = learning_rate * std::sqrt(1 - std::pow(beta2, static_cast<double>(t))) /
                        (1 - std::pow(beta1, static_cast<double>(t))) * friction /
                        (std::sqrt(v) + options.epsilon);
    before = g;
    size = rate * m_size;
    return p - rate * m;
  }
};

TEST_CASE("diffgrad follows the golden trajectories", "[diffgrad]") {
  // Computed in double from the published implementations' formulas: p = 1, lr = 1e-3. Comparing a
  // gradient with itself would give .999658073977 at t = 2.
  check_golden(update_of(diffgrad_options("reference"), 1e-3),
               {.999475022473, .999685327607, .999471674174, .999271703748, .998917875927,
                .998657717337, .998362213856, .998068110661});
  check_golden(update_of(diffgrad_options("keras"), 1e-3),
               {.999475037413, .999685339870, .999471688063, .999271719146, .998917893157,
                .998657735893, .998362233830, .998068131974});
}

TEST_CASE("diffgrad replays twenty steps of each preset", "[diffgrad]") {
  for (auto const* preset : {"reference", "keras"}) {
    for (double const weight_decay : {0.0, 0.05}) {
      DiffgradOptions options = diffgrad_options(preset);
      options.weight_decay = weight_decay;
      CAPTURE(preset, weight_decay);
      std::array<Reference, 3> state;
      check_twenty_steps(update_of(options, 2e-3),
                         [&](std::size_t k, double p, double g, std::int64_t t, double& size) {
                           if (t == 1) { state[k] = Reference{options, 2e-3}; }
                           return state[k](p, g, t, size);
                         });
    }
  }
}

TEST_CASE("diffgrad's friction takes large jumps of the gradient without overflow", "[diffgrad]") {
  // |g_before - g| = 1, 200, 400: xi = .73106, 1, 1 (1 / (1 + e^-1) to five digits).
  DiffgradOptions options;
  options.betas = {0, 0};  // m = g, v = g^2: the step is lr xi sign(g)
  options.epsilon = 0;
  with_each_isa([&] {
    Run run({0.0f});
    step(update_of(options, 1), run, {1.0f}, 1);
    CHECK(tolerance_used(static_cast<double>(run.p[0]), -.73106, 5e-6) <= 1);
    step(update_of(options, 1), run, {-199.0f}, 2);
    CHECK(tolerance_used(static_cast<double>(run.p[0]), 1 - .73106, 5e-6) <= 1);
    step(update_of(options, 1), run, {201.0f}, 3);
    CHECK(tolerance_used(static_cast<double>(run.p[0]), -.73106, 5e-6) <= 1);
    CHECK(run.state[2][0] == 201.0f);
  });
}

TEST_CASE("diffgrad is elementwise and resumes", "[diffgrad]") {
  for (auto const* preset : {"reference", "keras"}) {
    DiffgradOptions options = diffgrad_options(preset);
    check_zero_and_nan(update_of(options, 1e-2));
    options.weight_decay = 0.1;
    check_elementwise(update_of(options, 1e-2));
  }
}

TEST_CASE("diffgrad refuses what makes no sense", "[diffgrad]") {
  CHECK(error_text<ConfigError>([] { diffgrad_options("tfa"); }) ==
        "diffgrad: preset 'tfa' is unknown (reference, keras)");
  CHECK(diffgrad_options("reference").epsilon == 1e-8);
  CHECK(diffgrad_options("keras").epsilon == 1e-7);
  DiffgradOptions options;
  CHECK(has(error_text<ConfigError>([&] { diffgrad_step(options, 0, 1e-3); }),
            "diffgrad: update 0 "));
  CHECK(has(error_text<ConfigError>([&] { diffgrad_step(options, 1, -1); }),
            "diffgrad: learning_rate is -1"));
  options.betas.second = 1;
  CHECK(
      has(error_text<ConfigError>([&] { diffgrad_step(options, 1, 1); }), "diffgrad: beta2 is 1 "));
}

}  // namespace
}  // namespace jetcal::test
