#include "kernels/radam.hpp"

#include <algorithm>
#include <cmath>

#include "tests/error_text.hpp"
#include "tests/kernels/optimizer_cases.hpp"

namespace jetcal::test {
namespace {

constexpr std::array<RadamPreset, 4> kPresets{RadamPreset::tfa, RadamPreset::torch,
                                              RadamPreset::author, RadamPreset::paper};

Update update_of(RadamOptions const& options, double learning_rate) {
  return [=](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
    cpu::radam_update(p, m, v, g, n, radam_step(options, t, learning_rate));
  };
}

/// rho_t and r_t as arXiv:1908.03265 has them.
struct Rectification {
  double rho, r;

  Rectification(double beta2, std::int64_t t) {
    double const limit = 2 / (1 - beta2) - 1;
    double const power = std::pow(beta2, static_cast<double>(t));
    rho = limit - 2 * static_cast<double>(t) * power / (1 - power);
    r = std::sqrt(std::max(0.0, (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)));
  }
};

/// One parameter of the published implementations, in double.
struct Reference {
  RadamOptions options;
  double learning_rate;
  double m = 0, v = 0, m_size = 0;

  double operator()(double p, double g, std::int64_t t, double& size) {
    auto const beta1 = static_cast<double>(static_cast<float>(options.betas.first));
    auto const beta2 = static_cast<double>(static_cast<float>(options.betas.second));
    double const lr = learning_rate;
    double const decay = options.weight_decay;
    if (options.preset == RadamPreset::torch) { g += decay * p; }
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    m_size = beta1 * m_size + (1 - beta1) * std::abs(g);
    double const correction1 = 1 - std::pow(beta1, static_cast<double>(t));
    double const correction2 = 1 - std::pow(beta2, static_cast<double>(t));
    Rectification const now(options.betas.second, t);
    double rate = 0;  // of m
    switch (options.preset) {
      case RadamPreset::tfa:
        rate = lr / correction1;
        if (now.rho >= 5) { rate *= now.r / (std::sqrt(v / correction2) + options.epsilon); }
        p -= lr * decay * p;
        break;
      case RadamPreset::torch:
        rate = lr / correction1;
        if (now.rho > 5) {
          rate *= now.r * std::sqrt(correction2) / (std::sqrt(v) + options.epsilon);
        }
        break;
      case RadamPreset::author:
        if (now.rho >= 5) {
          p -= lr * decay * p;
          rate =
              lr * now.r * std::sqrt(correction2) / correction1 / (std::sqrt(v) + options.epsilon);
        }
        break;
      case RadamPreset::paper:
        rate = lr / correction1;
        if (now.rho > 4) { rate *= v > 0 ? now.r * std::sqrt(correction2 / v) : 0; }
        break;
    }
    size = rate * m_size + lr * decay * std::abs(p);
    return p - rate * m;
  }
};

TEST_CASE("radam follows the golden trajectories", "[radam]") {
  // Computed in double from the published implementations' formulas: p = 1, lr = 1e-3.
  check_golden(update_of(radam_options("author"), 1e-3),
               {1, 1, 1, 1, 1, .999989207995, .999972366565, .999949580462});
  check_golden(update_of(radam_options("torch"), 1e-3),
               {.9999, .999957894737, .999883724995, .999816583384, .999668159658, .999657367653,
                .999640526223, .999617740121});
  check_golden(update_of(radam_options("tfa"), 1e-3),
               {.9999, .999957894737, .999883724995, .999816583384, .999668159658, .999657367652,
                .999640526220, .999617740117});
}

TEST_CASE("radam replays twenty steps of each preset across the rectification switch", "[radam]") {
  for (RadamPreset const preset : kPresets) {
    for (double const weight_decay : {0.0, 0.05}) {
      if (preset == RadamPreset::paper && weight_decay > 0) { continue; }
      for (double const beta2 : {0.999, 0.99}) {
        RadamOptions options = radam_options(preset);
        options.weight_decay = weight_decay;
        options.betas.second = beta2;
        CAPTURE(static_cast<int>(preset), weight_decay, beta2);
        std::array<Reference, 3> fresh{Reference{options, 2e-3}, Reference{options, 2e-3},
                                       Reference{options, 2e-3}};
        std::array<Reference, 3> state = fresh;
        check_twenty_steps(update_of(options, 2e-3),
                           [&](std::size_t k, double p, double g, std::int64_t t, double& size) {
                             if (t == 1) { state[k] = fresh[k]; }
                             return state[k](p, g, t, size);
                           });
      }
    }
  }
}

TEST_CASE("radam switches to the rectified step where each preset says", "[radam]") {
  // rho_t = 1, 1.9995, 2.9987, 3.9975, 4.9960, 5.9942 for beta2 = 0.999.
  for (RadamPreset const preset : kPresets) {
    std::int64_t const first = preset == RadamPreset::paper ? 5 : 6;
    for (std::int64_t t = 1; t <= 12; ++t) {
      RadamStep const s = radam_step(radam_options(preset), t, 1e-3);
      CAPTURE(static_cast<int>(preset), t);
      CHECK(s.rectified == (t >= first));
      CHECK((s.step == 0) == (preset == RadamPreset::author && t < first));
    }
  }
}

TEST_CASE("radam's rectification grows to 1 as published", "[radam]") {
  struct Row {
    std::int64_t t;
    double r, digits;
  };
  // From the formula with beta2 = 0.999, rounded.
  for (Row const& row :
       {Row{10, .0490, 1e-4}, Row{100, .2153, 1e-4}, Row{500, .4765, 1e-4}, Row{1000, .6453, 1e-4},
        Row{2000, .8284, 1e-4}, Row{5000, .9829, 1e-4}, Row{10000, .99977, 1e-5}}) {
    RadamStep const s = radam_step(radam_options("tfa"), row.t, 1);
    double const correction = 1 - std::pow(0.9, static_cast<double>(row.t));
    CAPTURE(row.t);
    CHECK(tolerance_used(static_cast<double>(s.step) * correction, row.r, row.digits) <= 1);
  }
  CHECK(tolerance_used(static_cast<double>(radam_step(radam_options("tfa"), 400'000, 1).step), 1,
                       1e-6) <= 1);
}

TEST_CASE("radam is elementwise and resumes, with every preset", "[radam]") {
  for (RadamPreset const preset : kPresets) {
    CAPTURE(static_cast<int>(preset));
    RadamOptions options = radam_options(preset);
    check_zero_and_nan(update_of(options, 1e-2));
    if (preset != RadamPreset::paper) { options.weight_decay = 0.1; }
    check_elementwise(update_of(options, 1e-2));
  }
}

TEST_CASE("radam's presets differ where they should", "[radam]") {
  CHECK(radam_options("tfa").epsilon == 1e-7);
  CHECK(radam_options("torch").epsilon == 1e-8);
  CHECK(radam_options("author").epsilon == 1e-8);
  CHECK(radam_options("paper").epsilon == 0);
  for (auto const* word : {"tfa", "torch", "author", "paper"}) {
    RadamOptions const o = radam_options(std::string_view(word));
    CHECK(o.betas.first == 0.9);
    CHECK(o.betas.second == 0.999);
    CHECK(o.weight_decay == 0);
  }
  CHECK(radam_options("author").preset == RadamPreset::author);
}

TEST_CASE("radam refuses what makes no sense", "[radam]") {
  CHECK(error_text<ConfigError>([] { radam_options(std::string_view("keras")); }) ==
        "radam: preset 'keras' is unknown (tfa, torch, author, paper)");
  auto const refused = [](RadamOptions const& o, std::int64_t t, double lr) {
    return error_text<ConfigError>([&] { radam_step(o, t, lr); });
  };
  RadamOptions const good;
  CHECK(refused(good, 1, 1e-3) == "<no exception>");
  CHECK(refused(good, 0, 1e-3) == "radam: update 0 (they count from 1)");
  for (double const bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK(has(refused(good, 1, bad), "radam: learning_rate is "));
    RadamOptions o = good;
    o.epsilon = bad;
    CHECK(has(refused(o, 1, 1e-3), "radam: epsilon is "));
    o = good;
    o.weight_decay = bad;
    CHECK(has(refused(o, 1, 1e-3), "radam: weight_decay is "));
  }
  for (double const bad : {-0.1, 1.0, 1 - 1e-9, std::nan("")}) {
    RadamOptions o = good;
    o.betas.first = bad;
    CHECK(has(refused(o, 1, 1e-3), "radam: beta1 is "));
    o = good;
    o.betas.second = bad;
    CHECK(has(refused(o, 1, 1e-3), "radam: beta2 is "));
  }
  RadamOptions paper = radam_options("paper");
  paper.weight_decay = 0.1;
  CHECK(has(refused(paper, 1, 1e-3), "preset 'paper' has none (must be 0)"));
}

TEST_CASE("power is b^n to a few roundings for as many updates as a training has", "[radam]") {
  for (double const b : {0.0, 0.5, 0.9, 0.999, 0.99999}) {
    for (std::int64_t n : {0, 1, 2, 3, 7, 64, 1000, 356'362}) {
      long double const want = powl(static_cast<long double>(b), static_cast<long double>(n));
      CAPTURE(b, n);
      CHECK(tolerance_used(
                power(b, n), static_cast<double>(want),
                4e-16 * (1 + static_cast<double>(n)) * static_cast<double>(want) + 1e-320) <= 1);
    }
  }
  CHECK(power(0, 0) == 1);
}

}  // namespace
}  // namespace jetcal::test
