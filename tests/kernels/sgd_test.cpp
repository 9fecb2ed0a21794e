#include "kernels/sgd.hpp"

#include <cmath>

#include "engine/errors.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/optimizer_cases.hpp"

namespace jetcal::test {
namespace {

Update update_of(SgdOptions const& options, double learning_rate, bool with_velocity = true) {
  return [=](float* p, float* velocity, float*, float*, float const* g, std::int64_t n,
             std::int64_t) {
    cpu::sgd_update(p, with_velocity ? velocity : nullptr, g, n, sgd_step(options, learning_rate));
  };
}

TEST_CASE("sgd replays twenty steps with and without momentum", "[sgd]") {
  for (double const momentum : {0.0, 0.9}) {
    for (double const weight_decay : {0.0, 0.05}) {
      SgdOptions const options{momentum, weight_decay};
      std::array<double, 3> velocity{}, sizes{};
      CAPTURE(momentum, weight_decay);
      check_twenty_steps(update_of(options, 2e-3),
                         [&](std::size_t k, double p, double g, std::int64_t t, double& size) {
                           if (t == 1) { velocity[k] = sizes[k] = 0; }
                           g += weight_decay * p;
                           velocity[k] = momentum * velocity[k] + g;
                           sizes[k] = momentum * sizes[k] + std::abs(g);
                           size = 2e-3 * sizes[k];
                           return p - 2e-3 * velocity[k];
                         });
    }
  }
}

TEST_CASE("sgd of powers of two is exact", "[sgd]") {
  with_each_isa([&] {
    Run run({1.0f});
    Update const update = update_of({0.5, 0.25}, 0.5);
    step(update, run, {1.0f}, 1);  // g = 1.25, velocity 1.25, p = 0.375
    CHECK(run.p[0] == 0.375f);
    step(update, run, {-1.0f}, 2);  // g = -0.90625, velocity -0.28125, p = 0.515625
    CHECK(run.p[0] == 0.515625f);
    CHECK(run.state[0][0] == -0.28125f);
  });
}

TEST_CASE("sgd is elementwise and resumes", "[sgd]") {
  check_zero_and_nan(update_of({0.9, 0}, 1e-2));
  check_elementwise(update_of({0.9, 0.1}, 1e-2));
  check_elementwise(update_of({0, 0.1}, 1e-2, false));
}

TEST_CASE("sgd without momentum needs no velocity, with it does", "[sgd]") {
  Run with({1.0f, 2.0f, 3.0f}), without({1.0f, 2.0f, 3.0f});
  step(update_of({0, 0.1}, 0.1), with, {1, -1, 2}, 1);
  step(update_of({0, 0.1}, 0.1, false), without, {1, -1, 2}, 1);
  CHECK_SAME_BITS(with.p, without.p);
  CHECK(error_text<ConfigError>([&] {
          step(update_of({0.5, 0}, 0.1, false), without, {1, -1, 2}, 1);
        }) == "sgd: momentum is 0.5 but there is no velocity (must be 0)");
}

TEST_CASE("sgd refuses what makes no sense", "[sgd]") {
  auto const refused = [](SgdOptions const& o, double lr) {
    return error_text<ConfigError>([&] { sgd_step(o, lr); });
  };
  for (double const bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK(has(refused({}, bad), "sgd: learning_rate is "));
    CHECK(has(refused({0, bad}, 1), "sgd: weight_decay is "));
    CHECK(has(refused({bad, 0}, 1), "sgd: momentum is "));
  }
  CHECK(has(refused({1, 0}, 1), "sgd: momentum is 1 (must be in [0, 1))"));
}

}  // namespace
}  // namespace jetcal::test
