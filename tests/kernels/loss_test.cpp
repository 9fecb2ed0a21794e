#include "kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/each_isa.hpp"
#include "tests/kernels/loss_reference.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
constexpr double kHalfEps = kEps / 2;  // one rounding
constexpr double kRoundings = 24 * kHalfEps;

struct Case {
  LossConfig config;
  std::int64_t outputs;
};

/// Every loss, with and without truncation, in both forms, for every number of outputs.
std::vector<Case> cases() {
  std::vector<Case> list;
  for (double const n : {0.0, 1.0, 2.0, 3.5}) {
    for (TruncationForm const form : {TruncationForm::detached, TruncationForm::literal}) {
      LossConfig c;
      c.truncation = n;
      c.form = form;
      c.force_literal = true;
      c.sigma_floor = 0.02;
      c.kind = LossKind::mdna;
      list.push_back({c, 3});
      c.kind = LossKind::mdn;
      list.push_back({c, 2});
      list.push_back({c, 3});
    }
  }
  for (LossKind const kind : {LossKind::mse, LossKind::mae, LossKind::huber,
                              LossKind::gaussian_kernel, LossKind::leaky_gaussian_kernel}) {
    for (KernelNorm const norm : {KernelNorm::slide, KernelNorm::unit, KernelNorm::density}) {
      LossConfig c;
      c.kind = kind;
      c.norm = norm;
      c.alpha = 0.15;
      c.beta = 0.03;
      c.delta = 0.2;
      for (std::int64_t outputs : {1, 2, 3}) { list.push_back({c, outputs}); }
    }
  }
  return list;
}

/// Random jets: mu in 0.24 to 1.76, sigmas from far below the floor to 1.76.
LossCall call_of(Case const& c, std::int64_t rows) {
  LossCall call;
  std::uint64_t const seed = seed_of("loss", rows);
  call.a = uniform(rows * c.outputs, -1, 1, seed);
  auto const sigmas = uniform(rows * c.outputs, -4, 1, seed + 1);
  for (std::int64_t i = 0; i < rows * c.outputs; ++i) {
    if (i % c.outputs > 0) {
      call.a[static_cast<std::size_t>(i)] = sigmas[static_cast<std::size_t>(i)];
    }
  }
  call.targets = uniform(rows, 0.3, 1.8, seed + 2);
  call.weights = uniform(rows, 0.1, 3, seed + 3);
  call.params = make_loss_params(c.config, c.outputs);
  call.gradient_scale = 0.0123f;
  call.padding = rows % 5;
  return call;
}

std::array<double, 3> outputs_of(Floats const& y, std::int64_t r, std::int64_t outputs) {
  std::array<double, 3> jet{};
  for (std::int64_t k = 0; k < outputs; ++k) {
    jet[static_cast<std::size_t>(k)] =
        static_cast<double>(y[static_cast<std::size_t>(r * outputs + k)]);
  }
  return jet;
}

TEST_CASE("loss, kept weight and gradient match the equations for every loss", "[loss]") {
  int jets = 0;
  int near_edge = 0;
  for (Case const& c : cases()) {
    LossReference const equation{c.config, c.outputs};
    for (std::int64_t rows : {0, 1, 2, 13, 14, 15, 33, 500}) {
      LossCall const call = call_of(c, rows);
      Floats const y = call.run().y;  // checked by a test of its own
      Doubles loss, loss_allowed, kept, kept_allowed, da, da_allowed;
      for (std::int64_t r = 0; r < rows; ++r) {
        auto const outputs = outputs_of(y, r, c.outputs);
        auto const row = static_cast<std::size_t>(r);
        auto const weight = static_cast<double>(call.weights[row]);
        auto const jet = equation(outputs, static_cast<double>(call.targets[row]));
        ++jets;
        // A jet on the window's edge may fall to either side.
        double const edge = jet.from_edge < 1e-5 ? HUGE_VAL : 0;
        near_edge += edge > 0 ? 1 : 0;
        loss.push_back(weight * jet.value);
        loss_allowed.push_back(kRoundings * weight * jet.value_terms + edge);
        kept.push_back(jet.kept ? weight : 0);
        kept_allowed.push_back(edge);
        for (std::size_t k = 0; k < static_cast<std::size_t>(c.outputs); ++k) {
          double const factor =
              static_cast<double>(call.gradient_scale) * weight * outputs[k] * (2 - outputs[k]);
          da.push_back(factor * jet.slope[k]);
          da_allowed.push_back(kRoundings * factor * jet.slope_terms[k] + edge + 1e-44);
        }
      }
      with_each_isa([&] {
        CAPTURE(static_cast<int>(c.config.kind), c.config.truncation, c.outputs, rows,
                static_cast<int>(c.config.form), static_cast<int>(c.config.norm));
        LossRun const run = call.run();
        CHECK(call.well_kept);
        CHECK_CLOSE(run.loss, loss, Tolerance{1, 0}, loss_allowed);
        CHECK_CLOSE(run.kept, kept, Tolerance{1, 0}, kept_allowed);
        CHECK_CLOSE(run.da, da, Tolerance{1, 0}, da_allowed);
      });
    }
  }
  CHECK(jets > 10'000);
  CHECK(100 * near_edge <= jets);
}

TEST_CASE("the reference's slopes are the derivatives of its values", "[loss]") {
  constexpr double kStep = 1e-6;
  int points = 0;
  int left_out = 0;
  for (Case const& c : cases()) {
    LossReference const equation{c.config, c.outputs};
    for (int i = 0; i < 300; ++i) {
      auto const u = uniform(4, 0, 1, seed_of("slopes", i));
      std::array<double, 3> y{0.5 + static_cast<double>(u[0]), 0.01 + static_cast<double>(u[1]),
                              0.01 + static_cast<double>(u[2])};
      double const x = 0.5 + static_cast<double>(u[3]);
      auto const jet = equation(y, x);
      for (std::size_t k = 0; k < static_cast<std::size_t>(c.outputs); ++k) {
        auto up = y, down = y;
        up[k] += kStep;
        down[k] -= kStep;
        // No derivative where the step crosses the window's edge, a floor or |d| = 0.
        bool const crosses = jet.from_edge < 1e-3 ||
                             std::abs(y[k] - c.config.sigma_floor) < kStep ||
                             std::abs(y[0] - x) < kStep || (k > 0 && y[k] < c.config.sigma_floor) ||
                             (k > 0 && (y[1] + y[2]) / 2 < c.config.sigma_floor);
        ++points;
        if (crosses) {
          ++left_out;
          continue;
        }
        double const slope = (equation(up, x).value - equation(down, x).value) / (2 * kStep);
        CAPTURE(static_cast<int>(c.config.kind), c.config.truncation, c.outputs, k, y[0], y[1],
                y[2], x);
        CHECK(tolerance_used(jet.slope[k], slope, 1e-7 + 1e-6 * jet.slope_terms[k]) <= 1);
      }
    }
  }
  CHECK(50 * left_out <= points);
}

TEST_CASE("the loss gives the same bits on every instruction set", "[loss]") {
  for (Case const& c : cases()) {
    LossCall call = call_of(c, 517);
    call.a[0] = std::nanf("");
    call.targets[7] = HUGE_VALF;
    LossRun first;
    with_each_isa([&] {
      LossRun const run = call.run();
      if (first.y.empty()) { first = run; }
      CAPTURE(static_cast<int>(c.config.kind), c.config.truncation, c.outputs);
      CHECK_SAME_BITS(run.y, first.y);
      CHECK_SAME_BITS(run.da, first.da);
      CHECK_SAME_BITS(run.loss, first.loss);
      CHECK_SAME_BITS(run.kept, first.kept);
    });
  }
}

TEST_CASE("head outputs are tanh(a) + 1 with full relative accuracy", "[loss]") {
  Floats a = uniform(200'000, -43.5, 20, seed_of("head"));
  for (float const v : uniform(50'000, -2, 2, seed_of("head centre"))) { a.push_back(v); }
  auto const n = static_cast<std::int64_t>(a.size());
  Floats y(a.size() + 8, kGuard);
  cpu::head_activation({a.data(), n, 1, 1}, {y.data(), n, 1, 1});
  CHECK(guard_untouched(y, a.size()));
  y.resize(a.size());
  auto const want = map(a, [](double x) { return 2 / (1 + std::exp(-2 * x)); });
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    float const size = static_cast<float>(want[i]);
    double const ulp = static_cast<double>(std::nextafter(size, HUGE_VALF) - size);
    worst = std::max(worst, tolerance_used(static_cast<double>(y[i]), want[i], ulp));
  }
  CAPTURE(worst);
  CHECK(worst < 2.5);
  CHECK_CLOSE(y, map(a, [](double x) { return std::tanh(x) + 1; }), Tolerance{4 * kEps, 3e-16});
  // tanh(a) + 1 in float is 0 from -9.01 on.
  Floats const low{-9.5f, -20.0f, -43.0f};
  Floats far(3);
  cpu::head_activation({low.data(), 1, 3, 3}, {far.data(), 1, 3, 3});
  CHECK_CLOSE(far, (Doubles{2 * std::exp(-19.0), 2 * std::exp(-40.0), 2 * std::exp(-86.0)}),
              Tolerance{1e-6, 0});
}

TEST_CASE("head activation covers every width, in place too", "[loss]") {
  for (std::int64_t cols : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 40}) {
    for (std::int64_t rows : {0, 1, 13, 33}) {
      Floats const a = uniform(rows * cols, -5, 5, seed_of("activation", cols));
      with_each_isa([&] {
        GuardedMatrix in(rows, cols, 2, a);
        GuardedMatrix y(rows, cols, 3, std::nanf(""));
        cpu::head_activation(in.view(), y.view());
        CAPTURE(rows, cols);
        CHECK(y.well_kept());
        CHECK_CLOSE(y.values(), map(a, [](double x) { return std::tanh(x) + 1; }),
                    Tolerance{4 * kEps, 1e-15});
        cpu::head_activation(in.view(), in.view());
        CHECK_SAME_BITS(in.values(), y.values());
      });
    }
  }
}

TEST_CASE("loss: null weights are ones, y and da may be left out or lie in a", "[loss]") {
  Case const c{LossConfig{}, 3};
  LossCall call = call_of(c, 37);
  LossRun const weighted = call.run();
  call.weights.assign(37, 1.0f);
  LossRun const ones = call.run();
  call.weights.clear();
  LossRun const none = call.run();
  CHECK_SAME_BITS(none.loss, ones.loss);
  CHECK_SAME_BITS(none.kept, ones.kept);
  CHECK_SAME_BITS(none.da, ones.da);
  CHECK(none.da != weighted.da);
  call.gradient_scale *= 8;
  Floats scaled = call.run().da;
  for (float& v : scaled) { v /= 8; }
  CHECK_SAME_BITS(scaled, none.da);
  call.gradient_scale /= 8;

  auto const head_loss = [&](ConstMat a, Mat y, Mat da) {
    Floats loss(37), kept(37);
    cpu::head_loss(a, call.targets.data(), 1, nullptr, call.params, call.gradient_scale, y, da,
                   loss.data(), kept.data());
    CHECK_SAME_BITS(loss, none.loss);
    CHECK_SAME_BITS(kept, none.kept);
  };
  GuardedMatrix a(37, 3, 1, call.a);
  GuardedMatrix out(37, 3, 4, std::nanf(""));
  head_loss(a.view(), {}, {});
  head_loss(a.view(), out.view(), {});
  CHECK_SAME_BITS(out.values(), none.y);
  head_loss(a.view(), {}, out.view());
  CHECK_SAME_BITS(out.values(), none.da);
  head_loss(a.view(), out.view(), a.view());
  CHECK_SAME_BITS(a.values(), none.da);
  CHECK(a.well_kept());
}

}  // namespace
}  // namespace jetcal::test
