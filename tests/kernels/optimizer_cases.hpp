#pragma once

// What every optimizer is put through: gradients, and the properties all of them share.

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"

namespace jetcal::test {

/// The gradients of the golden trajectories.
constexpr std::array<double, 8> kGoldenGradients{0.1, -0.2, 0.3, 0.05, 0.4, -0.1, 0.2, 0.2};

/// Parameters of a run, and up to three arrays of state that begin as 0.
struct Run {
  std::vector<float> p;
  std::array<std::vector<float>, 3> state;

  explicit Run(std::vector<float> start) : p(std::move(start)) {
    for (auto& s : state) { s.assign(p.size(), 0.0f); }
  }
};

/// Update t = 1, 2, ... of n parameters.
using Update = std::function<void(float* p, float* s0, float* s1, float* s2, float const* g,
                                  std::int64_t n, std::int64_t t)>;

inline void step(Update const& update, Run& run, std::vector<float> const& g, std::int64_t t) {
  update(run.p.data(), run.state[0].data(), run.state[1].data(), run.state[2].data(), g.data(),
         static_cast<std::int64_t>(g.size()), t);
}

/// Gradients of three parameters at t: ordinary ones of both signs; ones so small that the place of
/// epsilon shows; none until t = 8.
inline std::vector<float> three_gradients(std::int64_t t) {
  auto const u = uniform(3, -1, 1, seed_of("three gradients", t));
  return {0.3f * u[0], 1e-7f * (1.5f + u[1]), t < 8 ? 0.0f : 1e-3f * u[2]};
}

constexpr std::array<float, 3> kThreeStarts{1.0f, 1e-6f, -0.25f};

/// Replays twenty steps on three parameters against `reference`, pseudo-code in double that turns
/// (p, g, t) of parameter k into the next p and says in `size` how large the step would be if
/// nothing cancelled. A step may err by 24 roundings of that and one of p.
inline void check_twenty_steps(
    Update const& update,
    std::function<double(std::size_t k, double p, double g, std::int64_t t, double& size)> const&
        reference) {
  with_each_isa([&] {
    Run run({kThreeStarts.begin(), kThreeStarts.end()});
    std::vector<double> want(run.p.begin(), run.p.end());
    std::vector<double> allowed(3, 0);
    for (std::int64_t t = 1; t <= 20; ++t) {
      auto const g = three_gradients(t);
      step(update, run, g, t);
      for (std::size_t k = 0; k < 3; ++k) {
        double size = 0;
        want[k] = reference(k, want[k], static_cast<double>(g[k]), t, size);
        allowed[k] += kEps / 2 * (24 * size + std::abs(want[k])) + 1e-44;
      }
      CAPTURE(t);
      CHECK_CLOSE(run.p, want, Tolerance{1, 0}, allowed);
    }
  });
}

/// A parameter that starts at 1 or at 0 follows the golden trajectory of one that starts at 1.
inline void check_golden(Update const& update, std::array<double, 8> const& golden) {
  with_each_isa([&] {
    Run at_one({1.0f});
    Run at_zero({0.0f});  // where float resolves the movement itself
    for (std::size_t i = 0; i < golden.size(); ++i) {
      std::vector<float> const g{static_cast<float>(kGoldenGradients[i])};
      auto const t = static_cast<std::int64_t>(i) + 1;
      step(update, at_one, g, t);
      step(update, at_zero, g, t);
      CAPTURE(t);
      double const moved = golden[i] - 1;
      double const steps = static_cast<double>(t);
      CHECK_CLOSE(at_one.p, (std::vector<double>{golden[i]}),
                  Tolerance{0, steps * kEps / 4 + 1e-9});
      // 12 digits of the golden value; decay rates rounded to float move the means by 5e-7.
      CHECK_CLOSE(at_zero.p, (std::vector<double>{moved}), Tolerance{2e-6, 1e-12});
    }
  });
}

/// Elementwise whatever the size and the instruction set, nothing written beyond the end, the same
/// from a copy of the state taken after step 7.
inline void check_elementwise(Update const& update) {
  constexpr std::int64_t kSteps = 12;
  for (std::int64_t n : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 1000}) {
    auto const gradients = [n](std::int64_t t) {
      return uniform(n, -1e-2, 1e-2, seed_of("elementwise", 100 * n + t));
    };
    auto const start = uniform(n, -1, 1, seed_of("elementwise start", n));
    Run alone(start);  // one parameter after the other
    {
      WithIsa const with(Isa::scalar);
      for (std::int64_t t = 1; t <= kSteps; ++t) {
        auto const g = gradients(t);
        for (std::size_t i = 0; i < g.size(); ++i) {
          update(&alone.p[i], &alone.state[0][i], &alone.state[1][i], &alone.state[2][i], &g[i], 1,
                 t);
        }
      }
    }
    with_each_isa([&] {
      Run run(start);
      Run resumed(start);
      for (auto* array : {&run.p, &run.state[0], &run.state[1], &run.state[2]}) {
        array->resize(start.size() + 32, kGuard);
      }
      for (std::int64_t t = 1; t <= kSteps; ++t) {
        step(update, run, gradients(t), t);
        if (t == 7) { resumed = run; }
        if (t > 7) { step(update, resumed, gradients(t), t); }
      }
      CAPTURE(n);
      CHECK_SAME_BITS(resumed.p, run.p);
      CHECK(guard_untouched(run.p, start.size()));
      run.p.resize(start.size());
      CHECK_SAME_BITS(run.p, alone.p);
      for (std::size_t s = 0; s < 3; ++s) {
        CHECK(guard_untouched(run.state[s], start.size()));
        run.state[s].resize(start.size());
        CHECK_SAME_BITS(run.state[s], alone.state[s]);
      }
    });
  }
}

/// A parameter without gradient stays, one with a NaN gradient becomes NaN and no other does.
inline void check_zero_and_nan(Update const& update) {
  with_each_isa([&] {
    Run run({0.75f, 0.0f, 0.75f, -2.0f});
    for (std::int64_t t = 1; t <= 12; ++t) {
      step(update, run, {0.0f, 0.0f, t == 9 ? std::nanf("") : 0.1f, 0.0f}, t);
    }
    CHECK(run.p[0] == 0.75f);
    CHECK(run.p[1] == 0.0f);
    CHECK(std::isnan(run.p[2]));
    CHECK(run.p[3] == -2.0f);
  });
}

}  // namespace jetcal::test
