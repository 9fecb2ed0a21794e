// What the losses converge to: three free parameters (mu, sigma_low, sigma_high) trained on three
// known densities, against the stationary points of the population, found independently in double
// precision from the losses' equations.
//
// The sample is the density's quantiles at (i + 1/2) / n: the population without its noise.

#include <cmath>
#include <functional>
#include <vector>

#include "kernels/execution.hpp"
#include "model/layers.hpp"
#include "tests/catch.hpp"

namespace jetcal {
namespace {

constexpr std::int64_t kJets = 4096;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

struct Density {
  std::function<double(double)> cdf;
  double mode;
};

// Split normal, mode 1, sigma 0.15 below and 0.08 above.
Density density_a() {
  return {[](double x) {
            double const low = 0.15, high = 0.08, all = low + high;
            return x < 1 ? 2 * low / all * normal_cdf((x - 1) / low)
                         : (low - high) / all + 2 * high / all * normal_cdf((x - 1) / high);
          },
          1.0};
}

// A core with a wide second component below, and above: modes by bisection of the derivative.
Density density_b() {
  return {[](double x) {
            return 0.8 * normal_cdf((x - 1) / 0.08) + 0.2 * normal_cdf((x - 0.85) / 0.2);
          },
          0.99820};
}
Density density_c() {
  return {[](double x) {
            return 0.7 * normal_cdf((x - 1) / 0.1) + 0.3 * normal_cdf((x - 1.25) / 0.25);
          },
          1.00416};
}

std::vector<float> quantiles(Density const& density) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < kJets; ++i) {
    double const p = (static_cast<double>(i) + 0.5) / static_cast<double>(kJets);
    double low = -1, high = 3;
    for (int step = 0; step < 60; ++step) {
      double const middle = 0.5 * (low + high);
      (density.cdf(middle) < p ? low : high) = middle;
    }
    values.push_back(static_cast<float>(0.5 * (low + high)));
  }
  return values;
}

/// A head without inputs: its bias is all there is.
class FreeHead {
 public:
  explicit FreeHead(std::vector<float> const& targets)
      : targets_(targets),
        zeros_(targets.size(), 0.0f),
        weights_(targets.size(), 1.0f),
        layer_(model::add_layer(layout_, "head", 1, 3)),
        execution_(make_execution({})),
        parameters_({}, layout_.size()) {
    // Near the densities: mu 0.95, sigmas 0.15; y = tanh(a) + 1.
    Mat const bias = layout_[layer_.bias].of(parameters_.data());
    bias.data[0] = static_cast<float>(std::atanh(0.95 - 1));
    bias.data[1] = bias.data[2] = static_cast<float>(std::atanh(0.15 - 1));
  }

  /// The stationary mu: Adam, its rate falling to nothing.
  double train(LossConfig const& loss, int updates) {
    Tape tape(layout_);
    Id const x = tape.input(1), targets = tape.input(1), weights = tape.input(1);
    model::record_head(tape, x, layer_, loss, {targets, weights, 0, 0});
    tape.finish(true);
    auto const n = static_cast<std::int64_t>(targets_.size());
    HostBatch const batch{{zeros_.data(), n, 1, 1}, {targets_.data(), n, 1, 1}, weights_.data()};
    std::vector<Buffer> states;
    for (int i = 0; i < 2; ++i) { states.emplace_back(Device{}, layout_.size()); }
    PassOptions const pass{{Divisor::all}};
    for (int t = 1; t <= updates; ++t) {
      double const rate = 0.01 * (1 - static_cast<double>(t - 1) / updates);
      execution_->update({tape, pass, adam_step({}, t, rate), parameters_, states}, batch);
    }
    return 1 + std::tanh(output(0));
  }

  double sigma(int side) const { return 1 + std::tanh(output(side)); }

 private:
  double output(int i) const {
    return static_cast<double>(layout_[layer_.bias].of(parameters_.data()).data[i]);
  }

  std::vector<float> const& targets_;
  std::vector<float> zeros_, weights_;
  Layout layout_;
  model::Layer layer_;
  std::unique_ptr<Execution> execution_;
  Buffer parameters_;
};

struct Case {
  char const* name;
  LossKind kind;
  double truncation;
  TruncationForm form;
  double bias[3];  // mu - mode for A, B, C: stationary points of the population
};

TEST_CASE("losses converge to the stationary points of known densities", "[fixed_points][slow]") {
  auto const detached = TruncationForm::detached;
  Case const cases[] = {
      {"mdn", LossKind::mdn, 0, detached, {-.0557, -.0282, +.0708}},
      {"mdna", LossKind::mdna, 0, detached, {0, +.0357, -.0528}},
      {"mdna 3.5", LossKind::mdna, 3.5, detached, {0, +.0380, -.0636}},
      {"mdna 3", LossKind::mdna, 3, detached, {0, +.0279, -.0633}},
      {"mdna 2", LossKind::mdna, 2, detached, {0, +.0042, -.0132}},
      {"mdna 2 literal", LossKind::mdna, 2, TruncationForm::literal, {0, +.0013, -.0036}},
      {"mdn 2", LossKind::mdn, 2, detached, {-.0450, -.0032, +.0091}},
      {"mdn 1", LossKind::mdn, 1, detached, {-.0254, -.0006, +.0014}},
      {"mdna 1", LossKind::mdna, 1, detached, {0, +.0005, -.0012}},
  };
  Density const densities[] = {density_a(), density_b(), density_c()};
  for (int d = 0; d < 3; ++d) {
    auto const sample = quantiles(densities[d]);
    for (Case const& c : cases) {
      CAPTURE(c.name, d);
      LossConfig loss;
      loss.kind = c.kind;
      loss.truncation = c.truncation;
      loss.form = c.form;
      loss.sigma_floor = 0.001;
      FreeHead head(sample);
      double const mu = head.train(loss, 4000);
      // The restoring force of narrow windows is weak: 2e-3 is left after 4000 updates.
      CHECK(std::abs(mu - densities[d].mode - c.bias[d]) < 2e-3);
    }
  }
}

TEST_CASE("Gaussian kernels approach the mode as they narrow", "[fixed_points][slow]") {
  struct {
    double alpha;
    double bias[3];
  } const cases[] = {{0.1, {-.0369, -.0037, +.0059}}, {0.05, {-.0227, -.0009, +.0014}}};
  Density const densities[] = {density_a(), density_b(), density_c()};
  for (int d = 0; d < 3; ++d) {
    auto const sample = quantiles(densities[d]);
    for (auto const& c : cases) {
      CAPTURE(c.alpha, d);
      LossConfig loss;
      loss.kind = LossKind::gaussian_kernel;
      loss.alpha = c.alpha;
      FreeHead head(sample);
      CHECK(std::abs(head.train(loss, 2500) - densities[d].mode - c.bias[d]) < 1e-3);
    }
  }
}

TEST_CASE("the mean and the median are what squares and magnitudes find", "[fixed_points][slow]") {
  auto const sample = quantiles(density_c());
  LossConfig loss;
  loss.kind = LossKind::mse;
  CHECK(std::abs(FreeHead(sample).train(loss, 2500) - 1.075) < 1e-3);  // .7 * 1 + .3 * 1.25
  loss.kind = LossKind::mae;
  double const median = static_cast<double>(sample[kJets / 2]);
  CHECK(std::abs(FreeHead(sample).train(loss, 2500) - median) < 1e-3);
}

TEST_CASE("sigma is unbiased in the detached form and collapses in the literal one",
          "[fixed_points][slow]") {
  auto const sample = quantiles({[](double x) { return normal_cdf((x - 1) / 0.1); }, 1});
  for (double const n : {3.0, 2.0, 1.0}) {
    CAPTURE(n);
    LossConfig loss;
    loss.kind = LossKind::mdn;
    loss.truncation = n;
    loss.sigma_floor = 0.001;
    FreeHead head(sample);
    head.train(loss, 6000);
    double const sigma = 0.5 * (head.sigma(1) + head.sigma(2));
    // The slope of E[z^2] at N = 1 is 0.08: the last percents of sigma come slowly.
    CHECK(std::abs(sigma / 0.1 - 1) < (n < 1.5 ? 0.05 : 0.01));
  }
  LossConfig literal;
  literal.kind = LossKind::mdn;
  literal.truncation = 2;
  literal.form = TruncationForm::literal;
  literal.sigma_floor = 0.001;
  FreeHead biased(sample);
  biased.train(literal, 6000);
  // E[z^2 | |z| < 2] = 1 has its root at 0.72574 of the true width.
  CHECK(0.5 * (biased.sigma(1) + biased.sigma(2)) / 0.1 == Approx(0.72574).epsilon(0.01));
  literal.truncation = 1;
  literal.force_literal = true;
  FreeHead falling(sample);
  falling.train(literal, 6000);
  CHECK(falling.sigma(1) < 0.01);  // no root below N = sqrt(3)
}

}  // namespace
}  // namespace jetcal
