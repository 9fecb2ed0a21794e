// What the losses mean: golden numbers, the window's edge, the floor, bad rows, and where training
// on them ends.

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/loss.hpp"
#include "tests/each_isa.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/loss_reference.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

LossConfig config_of(LossKind kind, double truncation = 0,
                     TruncationForm form = TruncationForm::detached) {
  LossConfig c;
  c.kind = kind;
  c.truncation = truncation;
  c.form = form;
  return c;
}

/// Pre-activations of given outputs.
Floats before_activation(std::vector<double> const& y) {
  Floats a;
  for (double const v : y) { a.push_back(static_cast<float>(std::atanh(v - 1))); }
  return a;
}

/// One jet's loss and slopes dl/dy.
struct Jet {
  double loss, kept;
  std::vector<double> slope;
};

Jet jet_of(LossConfig const& config, std::vector<double> const& y, double target) {
  LossCall call;
  call.params = make_loss_params(config, static_cast<std::int64_t>(y.size()));
  call.a = before_activation(y);
  call.targets = {static_cast<float>(target)};
  LossRun const run = call.run();
  Jet jet{static_cast<double>(run.loss[0]), static_cast<double>(run.kept[0]), {}};
  for (std::size_t k = 0; k < y.size(); ++k) {
    jet.slope.push_back(static_cast<double>(run.da[k]) / (y[k] * (2 - y[k])));
  }
  return jet;
}

TEST_CASE("losses have their golden values", "[loss]") {
  // By hand from the equations: log 0.1 + 2.5^2 / 2, -z / sigma, (1 - z^2) / sigma, and log 0.15 +
  // 1.5^2 / 2 with 1 / 0.3 and 2.25 / 0.1 or 2.25 / 0.2.
  Tolerance const tolerance{2e-6, 2e-6};
  Jet const mdn = jet_of(config_of(LossKind::mdn), {1, 0.1}, 1.25);
  CHECK_CLOSE((Floats{static_cast<float>(mdn.loss)}), (std::vector<double>{0.8224149070}),
              tolerance);
  CHECK_CLOSE(mdn.slope, (std::vector<double>{-25, -52.5}), tolerance);
  Jet const below = jet_of(config_of(LossKind::mdna), {1, 0.1, 0.2}, 0.85);
  CHECK(tolerance_used(below.loss, -0.7721199849, 2e-6) <= 1);
  CHECK_CLOSE(below.slope, (std::vector<double>{15, -19.1666667, 3.3333333}), tolerance);
  Jet const above = jet_of(config_of(LossKind::mdna), {1, 0.1, 0.2}, 1.3);
  CHECK(tolerance_used(above.loss, -0.7721199849, 2e-6) <= 1);
  CHECK_CLOSE(above.slope, (std::vector<double>{-7.5, 3.3333333, -7.9166667}), tolerance);
  LossConfig leaky = config_of(LossKind::leaky_gaussian_kernel);
  Jet const kernel = jet_of(leaky, {0.9}, 1.0);  // alpha 0.1, beta 1e-3, prefactor 1/sqrt(2 pi)
  CHECK(tolerance_used(kernel.loss, -0.2418707245, 2e-6) <= 1);
  CHECK(tolerance_used(kernel.slope[0], -2.4207072452, 1e-5) <= 1);
}

TEST_CASE("the constants of a truncated loss are those of a cut Gaussian", "[loss]") {
  struct Row {
    double n, mass, log_mass, variance;
  };
  // erf(N / sqrt 2), its logarithm and v_N, computed with 30-digit arithmetic.
  for (Row const& row : {Row{4.0, 0.9999366575, -6.334449e-5, 0.9989292904},
                         Row{3.5, 0.9995347418, -4.653664e-4, 0.9938883777},
                         Row{3.2, 0.9986257241, -1.375221e-3, 0.9847208377},
                         Row{3.0, 0.9973002039, -2.703447e-3, 0.9733369247},
                         Row{2.0, 0.9544997361, -0.0465679123, 0.7737413035},
                         Row{1.0, 0.6826894921, -0.3817151463, 0.2911250948}}) {
    LossParams const p = make_loss_params(config_of(LossKind::mdna, row.n), 3);
    CAPTURE(row.n);
    CHECK(tolerance_used(expected_kept_fraction(row.n), row.mass, 1e-10) <= 1);
    CHECK(tolerance_used(static_cast<double>(p.log_weight), row.variance, 6e-8) <= 1);
    CHECK(tolerance_used(static_cast<double>(p.log_mass), row.log_mass,
                         6e-7 * std::abs(row.log_mass)) <= 1);
    CHECK(p.window == static_cast<float>(row.n));
  }
  for (double n = 0.05; n < 12; n *= 1.07) {
    LossParams const p = make_loss_params(config_of(LossKind::mdn, n), 2);
    double const mass = std::erf(n / std::sqrt(2.0));
    CAPTURE(n);
    CHECK(tolerance_used(expected_kept_fraction(n), mass, 4e-15) <= 1);
    // 1 - 2 N phi / erf loses 3 / N^2 in the test's own double arithmetic.
    CHECK(tolerance_used(static_cast<double>(p.log_weight), cut_variance(n),
                         6e-8 * cut_variance(n) + 1e-15 * 3 / (n * n)) <= 1);
    CHECK(tolerance_used(static_cast<double>(p.log_mass), std::log(mass),
                         6e-8 * std::abs(std::log(mass)) + 2e-15) <= 1);
  }
  LossConfig const literal = config_of(LossKind::mdna, 2, TruncationForm::literal);
  CHECK(make_loss_params(literal, 3).log_weight == 1.0f);
  CHECK(make_loss_params(literal, 3).log_mass ==
        make_loss_params(config_of(LossKind::mdna, 2), 3).log_mass);
  LossParams const open = make_loss_params(config_of(LossKind::mdna), 3);
  CHECK(open.log_weight == 1.0f);
  CHECK(open.log_mass == 0.0f);
  CHECK(std::isinf(open.window));
  CHECK(expected_kept_fraction(0) == 1);
  CHECK(expected_kept_fraction(30) == 1);
}

TEST_CASE("a jet is kept strictly inside the window, measured with its own side's sigma",
          "[loss]") {
  LossConfig c = config_of(LossKind::mdna, 2);
  c.sigma_floor = 0.25;  // both sigmas: exactly 1/4, mu exactly 1
  std::vector<double> const y{1, 0.1, 0.1};
  auto const kept = [&](double x) { return jet_of(c, y, x).kept; };
  CHECK(kept(1.5) == 0);
  CHECK(kept(static_cast<double>(std::nextafter(1.5f, 0.0f))) == 1);
  CHECK(kept(0.5) == 0);
  CHECK(kept(static_cast<double>(std::nextafter(0.5f, 1.0f))) == 1);
  Jet const dropped = jet_of(c, y, 1.5);
  CHECK(dropped.loss == 0);
  CHECK(dropped.slope == std::vector<double>{0, 0, 0});
  c.sigma_floor = 0.01;
  CHECK(jet_of(c, {1, 0.1, 0.5}, 0.7).kept == 0);
  CHECK(jet_of(c, {1, 0.1, 0.5}, 1.3).kept == 1);
  CHECK(jet_of(c, {1, 0.5, 0.1}, 0.7).kept == 1);
  CHECK(jet_of(c, {1, 0.5, 0.1}, 1.3).kept == 0);
}

TEST_CASE("a sigma below the floor is used as the floor and never shrunk", "[loss]") {
  LossConfig c = config_of(LossKind::mdna);
  c.sigma_floor = 0.2;
  // z = 1/2 at the floor: both slopes would shrink. z = 4: the side's own would grow.
  Jet const shrinking = jet_of(c, {1, 0.05, 0.05}, 1.1);
  CHECK(tolerance_used(shrinking.loss, std::log(0.2) + 0.125, 1e-6) <= 1);
  CHECK(shrinking.slope[1] == 0);
  CHECK(shrinking.slope[2] == 0);
  CHECK(tolerance_used(shrinking.slope[0], -2.5, 1e-5) <= 1);
  Jet const growing = jet_of(c, {1, 0.05, 0.05}, 1.8);
  CHECK(growing.slope[1] == 0);
  CHECK(tolerance_used(growing.slope[2], 2.5 - 16 / 0.2, 1e-4) <= 1);
  Jet const other_side = jet_of(c, {1, 0.05, 0.3}, 1.3);
  CHECK(tolerance_used(other_side.loss, std::log(0.25) + 0.5, 1e-6) <= 1);
  CHECK(other_side.slope[1] == 0);
  CHECK(tolerance_used(other_side.slope[2], 2 - 1 / 0.3, 1e-5) <= 1);
  c.kind = LossKind::mdn;
  CHECK(jet_of(c, {1, 0.05}, 1.1).slope[1] == 0);
  CHECK(tolerance_used(jet_of(c, {1, 0.05}, 1.8).slope[1], (1 - 16) / 0.2, 1e-4) <= 1);
  // Three outputs: what counts is the mean, 0.25 here.
  CHECK(tolerance_used(jet_of(c, {1, 0.05, 0.45}, 1.1).slope[1], 0.5 * (1 - 0.16) / 0.25, 1e-5) <=
        1);
  CHECK(jet_of(c, {1, 0.05, 0.15}, 1.1).slope[2] == 0);
}

TEST_CASE("mdn is mdna with equal sigmas, and half of its slope goes to each of two", "[loss]") {
  for (double const x : {0.7, 0.95, 1.2}) {
    for (double const n : {0.0, 3.0}) {
      Jet const two = jet_of(config_of(LossKind::mdn, n), {1, 0.2}, x);
      Jet const three = jet_of(config_of(LossKind::mdn, n), {1, 0.1, 0.3}, x);
      Jet const mdna = jet_of(config_of(LossKind::mdna, n), {1, 0.2, 0.2}, x);
      CAPTURE(x, n);
      CHECK(tolerance_used(two.loss, mdna.loss, 1e-6) <= 1);
      CHECK(tolerance_used(two.slope[1], mdna.slope[1] + mdna.slope[2], 1e-4) <= 1);
      CHECK(tolerance_used(three.loss, two.loss, 1e-6) <= 1);
      CHECK(tolerance_used(three.slope[1], two.slope[1] / 2, 1e-4) <= 1);
      CHECK(tolerance_used(three.slope[2], two.slope[1] / 2, 1e-4) <= 1);
    }
  }
}

TEST_CASE("a row with anything not finite has a NaN loss and gradient, the others do not",
          "[loss]") {
  for (LossKind const kind :
       {LossKind::mdna, LossKind::mdn, LossKind::mse, LossKind::mae, LossKind::huber,
        LossKind::gaussian_kernel, LossKind::leaky_gaussian_kernel}) {
    for (double const n : {0.0, 2.0}) {
      bool const density = kind == LossKind::mdna || kind == LossKind::mdn;
      if (n > 0 && !density) { continue; }
      LossCall call;
      call.params = make_loss_params(config_of(kind, n), 3);
      call.a = uniform(3 * 19, -1, 0.5, seed_of("bad rows"));
      call.targets = uniform(19, 0.9, 1.1, seed_of("bad targets"));
      call.weights = uniform(19, 0.5, 2, seed_of("bad weights"));
      with_each_isa([&] {
        LossRun const clean = call.run();
        for (float const bad : {kNan, kInf, -kInf}) {
          for (int where = 0; where < 5; ++where) {
            LossCall poisoned = call;
            std::size_t const row = 17;
            if (where < 3) { poisoned.a[3 * row + static_cast<std::size_t>(where)] = bad; }
            if (where == 3) { poisoned.targets[row] = bad; }
            if (where == 4) { poisoned.weights[row] = bad; }
            LossRun const run = poisoned.run();
            CAPTURE(static_cast<int>(kind), n, bad, where);
            for (std::size_t r = 0; r < 19; ++r) {
              bool const hit = r == row;
              CHECK(std::isnan(run.loss[r]) == hit);
              for (std::size_t k = 0; k < 3; ++k) { CHECK(std::isnan(run.da[3 * r + k]) == hit); }
              if (!hit) { CHECK(run.loss[r] == clean.loss[r]); }
            }
          }
        }
      });
    }
  }
}

TEST_CASE("a sigma that vanished without a floor shows in the loss", "[loss]") {
  for (double const n : {0.0, 2.0}) {
    LossConfig c = config_of(LossKind::mdna, n);
    c.sigma_floor = 0;
    LossCall call;
    call.params = make_loss_params(c, 3);
    call.a = {0, -200, -200};  // outputs 1, 0, 0
    call.targets = {6.0f};     // z overflows
    with_each_isa([&] {
      CAPTURE(n);
      CHECK(std::isinf(call.run().loss[0]));
      CHECK(call.run().kept[0] == 1.0f);
    });
  }
}

/// Mean slope of log sigma over a unit Gaussian's jets of width `truth`, for mu at its centre.
double mean_sigma_slope(LossConfig const& c, double sigma, double truth) {
  LossCall call;
  call.params = make_loss_params(c, 2);
  constexpr int kJets = 20'001;
  for (int i = 0; i < kJets; ++i) {
    double const z = -8 + 16.0 * (i + 0.5) / kJets;
    Floats const a = before_activation({1, sigma});
    call.a.insert(call.a.end(), a.begin(), a.end());
    call.targets.push_back(static_cast<float>(1 + truth * z));
    call.weights.push_back(static_cast<float>(normal_density(z)));
  }
  LossRun const run = call.run();
  double sum = 0;
  for (std::size_t i = 1; i < run.da.size(); i += 2) { sum += static_cast<double>(run.da[i]); }
  return sum * 16 / kJets;
}

TEST_CASE("the detached form rests at the true sigma, the literal one below it", "[loss]") {
  constexpr double kTruth = 0.1;
  for (double const n : {1.0, 2.0, 3.0}) {
    LossConfig const c = config_of(LossKind::mdn, n);
    CAPTURE(n);
    CHECK(std::abs(mean_sigma_slope(c, kTruth, kTruth)) < 2e-3);
    CHECK(mean_sigma_slope(c, 1.1 * kTruth, kTruth) > 4e-3);   // shrinks it
    CHECK(mean_sigma_slope(c, 0.9 * kTruth, kTruth) < -4e-3);  // grows it
  }
  // Population fixed points of the literal form: sigma / truth where E[z^2 | kept] = 1.
  struct Row {
    double n, at;
  };
  for (Row const& row : {Row{3, 0.98485}, Row{2, 0.72574}}) {
    LossConfig const c = config_of(LossKind::mdn, row.n, TruncationForm::literal);
    CAPTURE(row.n);
    CHECK(mean_sigma_slope(c, 1.01 * row.at * kTruth, kTruth) > 0);
    CHECK(mean_sigma_slope(c, 0.99 * row.at * kTruth, kTruth) < 0);
  }
  LossConfig collapse = config_of(LossKind::mdn, 1, TruncationForm::literal);
  collapse.force_literal = true;
  for (double const part : {1.0, 0.5, 0.2}) {
    CHECK(mean_sigma_slope(collapse, part * kTruth, kTruth) > 0);
  }
}

TEST_CASE("make_loss_params refuses what makes no sense", "[loss]") {
  auto const refused = [](LossConfig const& c, std::int64_t outputs) {
    return error_text<ConfigError>([&] { make_loss_params(c, outputs); });
  };
  LossConfig const mdna = config_of(LossKind::mdna);
  CHECK(refused(mdna, 2) == "loss: the head has 2 outputs (this kind takes 3)");
  CHECK(refused(config_of(LossKind::mdn), 1) ==
        "loss: the head has 1 outputs (this kind takes 2 to 3)");
  CHECK(refused(config_of(LossKind::mse), 0) ==
        "loss: the head has 0 outputs (this kind takes 1 to 3)");
  CHECK(has(refused(config_of(LossKind::mdn), 4), "4 outputs"));
  for (double const bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK(has(refused(config_of(LossKind::mdna, bad), 3), "loss: truncation is "));
  }
  CHECK(has(refused(config_of(LossKind::huber, 2), 1), "this kind has no sigma"));
  for (double const n : {0.5, 1.0, 1.8}) {
    LossConfig literal = config_of(LossKind::mdn, n, TruncationForm::literal);
    CHECK(has(refused(literal, 2), "lets sigma shrink without bound (must be above 1.8)"));
    literal.force_literal = true;
    CHECK(refused(literal, 2) == "<no exception>");
  }
  CHECK(refused(config_of(LossKind::mdn, 1.81, TruncationForm::literal), 2) == "<no exception>");
  CHECK(refused(config_of(LossKind::mdn, 0, TruncationForm::literal), 2) == "<no exception>");
  auto const with = [&](double LossConfig::*field, double value) {
    LossConfig c = mdna;
    c.*field = value;
    return refused(c, 3);
  };
  for (double const bad : {-0.01, 2.0, std::nan("")}) {
    CHECK(has(with(&LossConfig::sigma_floor, bad), "loss: sigma_floor is "));
  }
  for (double const bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK(has(with(&LossConfig::delta, bad), "loss: delta is "));
    CHECK(has(with(&LossConfig::alpha, bad), "loss: alpha is "));
  }
  for (double const bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK(has(with(&LossConfig::beta, bad), "loss: beta is "));
  }
}

TEST_CASE("head_loss refuses what does not fit", "[loss]") {
  LossParams const p = make_loss_params(LossConfig{}, 3);
  GuardedMatrix a(2, 3, 0, 0.0f), narrow(2, 2, 0, 0.0f), tall(3, 3, 0, 0.0f);
  Floats row(3);
  auto const refused = [&](Mat in, Mat y, Mat da, float* loss) {
    return error_text<ShapeError>(
        [&] { cpu::head_loss(in, row.data(), 1, nullptr, p, 1, y, da, loss, row.data()); });
  };
  CHECK(refused(narrow.view(), {}, {}, row.data()) ==
        "head_loss: input is [2, 2] (must be [2, 3])");
  CHECK(refused(a.view(), tall.view(), {}, row.data()) ==
        "head_loss: output is [3, 3] (must be [2, 3])");
  CHECK(refused(a.view(), {}, narrow.view(), row.data()) ==
        "head_loss: gradient is [2, 2] (must be [2, 3])");
  CHECK(has(refused(a.view(), {}, {}, nullptr), "row_loss or row_kept is null"));
  CHECK(has(error_text<ShapeError>([&] { cpu::head_activation(a.view(), tall.view()); }),
            "head_activation: output is [3, 3]"));
}

}  // namespace
}  // namespace jetcal::test
