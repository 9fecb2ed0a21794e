#include "kernels/annotation.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"
#include "tests/error_text.hpp"
#include "tests/guarded_matrix.hpp"

namespace jetcal::test {
namespace {

constexpr double kHalfEps = kEps / 2;  // one rounding
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  std::int64_t rows, features, gaussians, padding;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (std::int64_t rows : {0, 1, 2, 13, 14, 15, 33}) { list.push_back({rows, 21, 11, 16}); }
  for (std::int64_t n = 0; n <= 40; ++n) { list.push_back({3, 1 + n / 3, n, n % 4}); }
  for (std::int64_t f = 1; f <= 40; ++f) { list.push_back({2, f, 11, f % 5}); }
  list.push_back({2, 250, 210, 0});
  return list;
}

AnnotationParams params_of(Case const& c, bool symmetric) {
  AnnotationParams p;
  p.feature = c.features / 2;
  p.symmetric = symmetric;
  p.scale = symmetric ? 0.3125f : -0.37f;  // both signs of the normalisation's slope
  p.offset = 0.07f;
  for (std::int64_t i = 0; i < c.gaussians; ++i) {
    double const width = 0.08 + 0.03 * static_cast<double>(i % 7);
    p.centres.push_back(0.29f * static_cast<float>(i % 12));
    p.factors.push_back(static_cast<float>(1 / (2 * width * width)));
  }
  return p;
}

/// The equation of arXiv:2311.08885, section 5.2, in double.
struct Reference {
  AnnotationParams const& p;

  double physical(double x) const {
    double const v = (x - static_cast<double>(p.offset)) / static_cast<double>(p.scale);
    return p.symmetric ? std::abs(v) : v;
  }
  double gaussian(double x, std::size_t i) const {
    double const d = physical(x) - static_cast<double>(p.centres[i]);
    return std::exp(-d * d * static_cast<double>(p.factors[i]));
  }
  /// What float may do to Gaussian i: v carries two roundings, v - c a third, the square, the
  /// product and exp (1.1 ulp) the rest.
  double allowed(double x, std::size_t i) const {
    double const v = std::abs(physical(x));
    double const d = std::abs(physical(x) - static_cast<double>(p.centres[i]));
    double const factor = static_cast<double>(p.factors[i]);
    double const argument = 2 * d * factor * (2 * v + d) * kHalfEps + 2 * d * d * factor * kHalfEps;
    return gaussian(x, i) * (argument + 1.1 * kEps) * 1.01 + 1e-44;
  }
};

std::vector<float> forward(std::vector<float> const& x, AnnotationParams const& p, Case const& c) {
  GuardedMatrix const in(c.rows, c.features, c.padding, x);
  GuardedMatrix y(c.rows, c.features + c.gaussians, c.padding, kNan);
  cpu::annotation_forward(in.view(), p, y.view());
  CHECK(y.well_kept());
  return y.values();
}

std::vector<float> backward(std::vector<float> const& x, std::vector<float> const& y,
                            std::vector<float> const& dy, AnnotationParams const& p, Case const& c,
                            bool accumulate) {
  std::int64_t const cols = c.features + c.gaussians;
  GuardedMatrix dx(c.rows, c.features, c.padding, accumulate ? 0.5f : kNan);
  cpu::annotation_backward(GuardedMatrix(c.rows, c.features, c.padding, x).view(),
                           GuardedMatrix(c.rows, cols, c.padding, y).view(),
                           GuardedMatrix(c.rows, cols, c.padding, dy).view(), p, accumulate,
                           dx.view());
  CHECK(dx.well_kept());
  return dx.values();
}

TEST_CASE("annotation copies the features and appends the Gaussians", "[annotation]") {
  for (Case const& c : cases()) {
    for (bool const symmetric : {true, false}) {
      AnnotationParams const p = params_of(c, symmetric);
      auto const x = uniform(c.rows * c.features, -1.2, 1.2, seed_of("annotation", c.gaussians));
      std::vector<double> want, allowed;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        auto const row = x.begin() + r * c.features;
        for (std::int64_t j = 0; j < c.features; ++j) {
          want.push_back(static_cast<double>(row[j]));
          allowed.push_back(0);
        }
        for (std::size_t i = 0; i < p.centres.size(); ++i) {
          auto const feature = static_cast<double>(row[p.feature]);
          want.push_back(Reference{p}.gaussian(feature, i));
          allowed.push_back(Reference{p}.allowed(feature, i));
        }
      }
      with_each_isa([&] {
        CAPTURE(c.rows, c.features, c.gaussians, symmetric);
        CHECK_CLOSE(forward(x, p, c), want, Tolerance{1, 0}, allowed);
      });
    }
  }
}

TEST_CASE("annotation's gradient is that of its equation", "[annotation]") {
  constexpr double kStep = 1e-6;  // truncation 2e-8 at the narrowest Gaussian, rounding 1e-9
  int points = 0;
  int at_kink = 0;
  for (Case const& c : cases()) {
    for (bool const symmetric : {true, false}) {
      AnnotationParams const p = params_of(c, symmetric);
      Reference const equation{p};
      std::int64_t const cols = c.features + c.gaussians;
      auto const x = uniform(c.rows * c.features, -1.2, 1.2, seed_of("annotation", c.gaussians));
      auto const dy = uniform(c.rows * cols, -1, 1, seed_of("cotangent", cols));
      auto const y = forward(x, p, c);
      std::vector<double> want, allowed;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        for (std::int64_t j = 0; j < c.features; ++j) {
          auto const cotangent = dy.begin() + r * cols;
          auto const at = static_cast<double>(x[static_cast<std::size_t>(r * c.features + j)]);
          want.push_back(static_cast<double>(cotangent[j]));
          allowed.push_back(0.5 * kEps);
          if (j != p.feature) { continue; }
          ++points;
          double const scale = std::abs(static_cast<double>(p.scale));
          if (symmetric && equation.physical(at) * scale < 2 * kStep) {
            ++at_kink;
            allowed.back() = HUGE_VAL;
          }
          for (std::size_t i = 0; i < p.centres.size(); ++i) {
            double const weight = static_cast<double>(cotangent[c.features + static_cast<long>(i)]);
            double const up = equation.gaussian(at + kStep, i);
            double const down = equation.gaussian(at - kStep, i);
            want.back() += weight * (up - down) / (2 * kStep);
            // The Gaussian's own error, three roundings of v - c, nine of the products and sums.
            double const v = std::abs(equation.physical(at));
            double const d = std::abs(equation.physical(at) - static_cast<double>(p.centres[i]));
            double const slope = std::abs(weight) * 2 * static_cast<double>(p.factors[i]) / scale;
            allowed.back() += slope * (equation.allowed(at, i) * d +
                                       equation.gaussian(at, i) * (2 * v + 10 * d) * kHalfEps) +
                              2e-8 * std::abs(weight);
          }
        }
      }
      std::vector<double> added = want, allowed_added = allowed;
      for (double& w : added) { w += 0.5; }
      for (double& a : allowed_added) { a += 2 * kEps; }
      with_each_isa([&] {
        CAPTURE(c.rows, c.features, c.gaussians, symmetric);
        CHECK_CLOSE(backward(x, y, dy, p, c, false), want, Tolerance{1, 0}, allowed);
        CHECK_CLOSE(backward(x, y, dy, p, c, true), added, Tolerance{1, 0}, allowed_added);
      });
    }
  }
  CHECK(points > 250);
  CHECK(100 * at_kink <= points);
}

TEST_CASE("annotation at eta = 0 has no slope, and is symmetric to the bit", "[annotation]") {
  AnnotationParams p;
  p.feature = 0;
  p.scale = 0.5f;
  p.offset = 0.25f;
  p.centres = {0.0f, 1.0f, 2.0f};
  p.factors = {2.0f, 8.0f, 32.0f};
  Case const c{3, 1, 3, 2};
  std::vector<float> const x{0.25f, 0.75f, -0.25f};  // v = 0, 1, -1
  with_each_isa([&] {
    auto const y = forward(x, p, c);
    CHECK(y[1] == 1.0f);  // e^0 at v = c
    CHECK(y[4 + 2] == 1.0f);
    for (std::size_t i = 1; i < 4; ++i) { CHECK(y[4 + i] == y[8 + i]); }
    auto const dx = backward(x, y, {0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1}, p, c, false);
    CHECK(dx[0] == 0.0f);
    CHECK(dx[1] == -dx[2]);
    CHECK(dx[1] != 0.0f);
  });
}

TEST_CASE("annotation gives the same bits on every instruction set", "[annotation]") {
  Case const c{33, 21, 35, 3};
  for (bool const symmetric : {true, false}) {
    AnnotationParams const p = params_of(c, symmetric);
    auto x = uniform(c.rows * c.features, -1.2, 1.2, seed_of("annotation bits"));
    x[static_cast<std::size_t>(p.feature)] = kNan;
    x[static_cast<std::size_t>(c.features + p.feature)] = kInf;
    auto const dy = uniform(c.rows * (c.features + c.gaussians), -1, 1, seed_of("annotation dy"));
    std::vector<float> y, dx;
    with_each_isa([&] {
      auto const y_here = forward(x, p, c);
      auto const dx_here = backward(x, y_here, dy, p, c, true);
      if (y.empty()) {
        y = y_here;
        dx = dx_here;
      }
      CHECK_SAME_BITS(y_here, y);
      CHECK_SAME_BITS(dx_here, dx);
      for (std::int64_t i = 0; i < c.gaussians; ++i) {
        CHECK(std::isnan(y_here[static_cast<std::size_t>(c.features + i)]));
      }
    });
  }
}

TEST_CASE("annotation refuses what does not fit", "[annotation]") {
  Case const c{2, 3, 2, 1};
  AnnotationParams const good = params_of(c, true);
  GuardedMatrix x(2, 3, 1, 0.0f), y(2, 5, 1, 0.0f);
  auto const refused = [&](ConstMat in, AnnotationParams const& p, Mat out) {
    return error_text<ShapeError>([&] { cpu::annotation_forward(in, p, out); });
  };
  CHECK(refused(x.view(), good, {y.view().data, 2, 6, 7}) ==
        "annotation_forward: output is [2, 6] (must be [2, 5])");
  CHECK(refused(x.view(), good, {y.view().data, 1, 5, 6}) ==
        "annotation_forward: output is [1, 5] (must be [2, 5])");
  CHECK(has(refused({x.view().data, 2, 3, 2}, good, y.view()),
            "input has 2 elements from row to row (must be at least its 3 columns)"));
  CHECK(has(refused({nullptr, 2, 3, 3}, good, y.view()), "without memory"));
  AnnotationParams bad = good;
  bad.feature = 3;
  CHECK(
      has(refused(x.view(), bad, y.view()), "feature 3 is annotated but the input has 3 columns"));
  bad.feature = -1;
  CHECK(has(refused(x.view(), bad, y.view()), "feature -1 "));
  bad = good;
  bad.factors.pop_back();
  CHECK(has(refused(x.view(), bad, y.view()), "there are 2 centres but 1 factors"));
  for (float const scale : {0.0f, kNan, kInf}) {
    bad = good;
    bad.scale = scale;
    CHECK(has(error_text<ConfigError>([&] { cpu::annotation_forward(x.view(), bad, y.view()); }),
              "(must be finite and not 0)"));
  }
  GuardedMatrix dx(2, 2, 1, 0.0f);
  CHECK(error_text<ShapeError>([&] {
          cpu::annotation_backward(x.view(), y.view(), y.view(), good, false, dx.view());
        }) == "annotation_backward: gradient of the input is [2, 2] (must be [2, 3])");
}

}  // namespace
}  // namespace jetcal::test
