#include <cmath>
#include <limits>
#include <vector>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"
#include "validate/standard/p_spline.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::seed_of;

namespace {

// B-spline i of a degree over the knots, by the recursion of Cox and de Boor.
double b_spline(int i, int degree, std::vector<double> const& knots, double x) {
  auto const k = [&](int j) { return knots[static_cast<std::size_t>(j)]; };
  if (degree == 0) { return k(i) <= x && x < k(i + 1) ? 1 : 0; }
  return (x - k(i)) / (k(i + degree) - k(i)) * b_spline(i, degree - 1, knots, x) +
         (k(i + degree + 1) - x) / (k(i + degree + 1) - k(i + 1)) *
             b_spline(i + 1, degree - 1, knots, x);
}

// The same smoother as one least-squares problem: rows of data over rows of penalty, solved by a
// QR decomposition.
struct Reference {
  std::vector<double> knots;
  Eigen::MatrixXd basis, hat;
  Eigen::VectorXd coefficients;
  double chi2 = 0;

  double operator()(double x) const {
    double sum = 0;
    for (int i = 0; i < coefficients.size(); ++i) {
      sum += coefficients[i] * b_spline(i, 3, knots, x);
    }
    return sum;
  }

  Reference(std::vector<Point> const& points, int intervals, double penalty) {
    double const low = points.front().x, step = (points.back().x - low) / intervals;
    for (int j = -3; j <= intervals + 3; ++j) { knots.push_back(low + j * step); }
    int const n = intervals + 3;
    auto const rows = static_cast<int>(points.size());
    basis.resize(rows, n);
    Eigen::VectorXd y(rows), w(rows);
    for (int i = 0; i < rows; ++i) {
      Point const& p = points[static_cast<std::size_t>(i)];
      // The last point lies on the last knot, which the half-open recursion leaves out.
      double const x = i + 1 < rows ? p.x : p.x - 1e-12 * step;
      for (int j = 0; j < n; ++j) { basis(i, j) = b_spline(j, 3, knots, x); }
      y[i] = p.y;
      w[i] = 1 / p.error;
    }
    Eigen::MatrixXd d = Eigen::MatrixXd::Zero(n - 2, n);
    for (int i = 0; i < n - 2; ++i) {
      d(i, i) = d(i, i + 2) = 1;
      d(i, i + 1) = -2;
    }
    double data = 0, rough = 0;
    for (int j = 0; j < n; ++j) {
      data += w.cwiseProduct(basis.col(j)).squaredNorm();
      rough += d.col(j).squaredNorm();
    }
    Eigen::MatrixXd all(rows + n - 2, n);
    all << w.asDiagonal() * basis, std::sqrt(penalty * data / rough) * d;
    Eigen::MatrixXd right = Eigen::MatrixXd::Zero(rows + n - 2, rows);
    for (int i = 0; i < rows; ++i) { right(i, i) = w[i]; }
    Eigen::MatrixXd const by_y = all.colPivHouseholderQr().solve(right);
    coefficients = by_y * y;
    hat = basis * by_y;
    chi2 = w.cwiseProduct(y - basis * coefficients).squaredNorm();
  }
};

std::vector<Point> wavy_points(int n) {
  RandomStream const random(seed_of("wavy", n), Purpose::test);
  std::vector<Point> points;
  double x = 4;
  for (int i = 0; i < n; ++i) {
    auto const k = static_cast<std::uint64_t>(3 * i);
    x += 0.1 + 0.3 * random.uniform(k);
    double const error = 0.002 + 0.01 * random.uniform(k + 1);
    points.push_back(
        {x, 0.9 + 0.05 * std::sin(2 * x) + error * (random.uniform(k + 2) - 0.5), error});
  }
  return points;
}

}  // namespace

TEST_CASE("a penalised spline is the least-squares solution", "[standard]") {
  for (int const n : {3, 4, 5, 13, 31}) {
    for (int const intervals : {1, 2, 7, 12}) {
      for (double const penalty : {1e-3, 0.1, 10.0, 1e4}) {
        auto const points = wavy_points(n);
        PSpline const spline(points, intervals, penalty);
        Reference const want(points, intervals, penalty);
        CAPTURE(n, intervals, penalty);
        for (int i = 0; i <= 50; ++i) {
          double const x =
              points.front().x + (points.back().x - points.front().x) * (i / 50.0) * 0.9999999;
          CHECK(spline(x) == Approx(want(x)).epsilon(1e-8));
        }
        CHECK(spline.effective_parameters() == Approx(want.hat.trace()).epsilon(1e-6));
        double const left = n - want.hat.trace();
        if (left > 0.01) {
          CHECK(spline.cross_validation() == Approx(n * want.chi2 / (left * left)).epsilon(1e-4));
        }
      }
    }
  }
}

TEST_CASE("a straight line stays one, whatever the penalty; ends are constant", "[standard]") {
  std::vector<Point> points;
  for (double const x : {1.0, 1.5, 2.75, 4.0}) { points.push_back({x, 2 - 0.3 * x, 0.1 * x}); }
  for (double const penalty : {1e-2, 1.0, 1e5}) {
    PSpline const spline(points, 6, penalty);
    for (double const x : {1.0, 1.2, 2.0, 3.9, 4.0}) {
      CHECK(spline(x) == Approx(2 - 0.3 * x).epsilon(1e-9));
    }
    CHECK(spline(-7) == Approx(1.7).epsilon(1e-9));
    CHECK(spline(9) == Approx(0.8).epsilon(1e-9));
  }
  PSpline const two({{1, 5, 1}, {3, 9, 0.1}}, 12, 0.5);
  CHECK(two(2) == Approx(7).epsilon(1e-9));
  PSpline const one({{1, 5, 1}}, 12, 0.5);
  CHECK(one(1) == 5);
  CHECK(one(100) == 5);
  CHECK(one(-100) == 5);
  CHECK(one.low() < one.high());
}

TEST_CASE("cross validation finds the penalty of least score", "[standard]") {
  auto const points = wavy_points(20);
  double const chosen = cross_validated_penalty(points, 12);
  double least = std::numeric_limits<double>::infinity(), best = 0;
  for (int i = 0; i <= 40; ++i) {
    double const penalty = std::pow(10.0, -4 + 0.25 * i);
    Reference const r(points, 12, penalty);
    double const parameters = r.hat.trace();
    double const score = 20 * r.chi2 / std::pow(20 - parameters, 2);
    if (parameters <= 15 && score < least) {
      least = score;
      best = penalty;
    }
  }
  CHECK(chosen == Approx(best).epsilon(1e-9));
  CHECK(PSpline(points, 12, chosen).effective_parameters() > 4);

  // Noise about a line asks for no more than a line.
  RandomStream const random(seed_of("line"), Purpose::test);
  std::vector<Point> line;
  for (std::uint64_t i = 0; i < 25; ++i) {
    double const noise = random.uniform(2 * i) + random.uniform(2 * i + 1) - 1;
    line.push_back(
        {0.2 * static_cast<double>(i), 1 + 0.02 * static_cast<double>(i) + 0.01 * noise, 0.004});
  }
  PSpline const smooth(line, 12, cross_validated_penalty(line, 12));
  CHECK(smooth.effective_parameters() < 3.5);
}

TEST_CASE("points that make no curve are refused", "[standard]") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  auto const text = [](std::vector<Point> const& points, int intervals = 3, double penalty = 1) {
    return error_text<Error>([&] { PSpline(points, intervals, penalty); });
  };
  CHECK(has(text({}), "no points"));
  CHECK(has(text({{1, 1, 1}, {1, 2, 1}}), "must rise"));
  CHECK(has(text({{1, nan, 1}}), "finite"));
  CHECK(has(text({{1, 1, 0}}), "above 0"));
  CHECK(has(text({{1, 1, 1}}, 0), "intervals"));
  CHECK(has(text({{1, 1, 1}}, 3, -1), "penalty"));
}
