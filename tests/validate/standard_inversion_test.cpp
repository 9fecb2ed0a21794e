#include <cmath>
#include <vector>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "validate/standard/inversion.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::error_text;
using jetcal::test::has;

namespace {

// E R(E) = a E + b: the numerical inversion is exact (arXiv:2311.08885, Eq. (2)).
constexpr double kA = 0.88, kB = 12.5;
double affine(double log_e) { return kA + kB * std::exp(-log_e); }
// R against E_reco = a E + b.
double affine_inverse(double e_reco) { return kA * e_reco / (e_reco - kB); }

Response affine_response(double low_gev, double high_gev) {
  return {affine, std::log(low_gev), std::log(high_gev)};
}

}  // namespace

TEST_CASE("inversion of an affine E R(E) is exact: C(x R(x)) = 1 / R(x)", "[standard]") {
  for (int const nodes : {2, 3, 40, 201}) {
    Table const table = invert(affine_response(100, 4000), nodes);
    REQUIRE(static_cast<int>(table.values.size()) == nodes);
    CHECK(table.first == Approx(std::log(kA * 100 + kB)).epsilon(1e-14));
    CHECK(table.last() == Approx(std::log(kA * 4000 + kB)).epsilon(1e-14));
    for (int i = 0; i < nodes; ++i) {
      double const e_reco = std::exp(table.first + i * table.step);
      CHECK(table.values[static_cast<std::size_t>(i)] ==
            Approx(affine_inverse(e_reco)).epsilon(1e-12));
    }
  }
  // Between the nodes: h^2 / 8 times the second derivative in ln E_reco, at most .4 here.
  Table const table = invert(affine_response(100, 4000), 201);
  double worst = 0;
  for (double e = 100; e <= 4000; e *= 1.003) {
    double const r = affine(std::log(e));
    worst = std::max(worst, std::abs(table(std::log(e * r)) / r - 1));
  }
  CHECK(worst < 0.4 / 8 * table.step * table.step);
  CHECK(worst > 0);
}

TEST_CASE("a table is linear between its nodes and constant beyond", "[standard]") {
  Table const table{2, 0.5, {1, 3, 2}};
  CHECK(table(2) == 1);
  CHECK(table(2.125) == Approx(1.5));
  CHECK(table(2.5) == Approx(3));
  CHECK(table(2.75) == Approx(2.5));
  CHECK(table(3) == 2);
  CHECK(table(-1e300) == 1);
  CHECK(table(1e300) == 2);
  CHECK(table(1.999) == 1);
  CHECK(table(3.001) == 2);
  CHECK(table.last() == 3);
}

TEST_CASE("at given nodes the inversion is constant beyond the ends", "[standard]") {
  Response const response = affine_response(100, 4000);
  Table const table = invert(response, 3, 0.25, 30);
  double const low = std::log(kA * 100 + kB), high = std::log(kA * 4000 + kB);
  int inside = 0;
  for (int i = 0; i < 30; ++i) {
    double const x = 3 + 0.25 * i;
    double const want = x < low    ? affine(std::log(100.0))
                        : x > high ? affine(std::log(4000.0))
                                   : affine_inverse(std::exp(x));
    inside += low < x && x < high ? 1 : 0;
    CHECK(table.values[static_cast<std::size_t>(i)] == Approx(want).epsilon(1e-12));
  }
  CHECK(inside == 14);
}

TEST_CASE("where a curve can be inverted", "[standard]") {
  // R = 1 above x = 2; below, ln R = -1.5 (x - 2), so x + ln R falls.
  auto const bent = [](double x) { return x < 2 ? std::exp(-1.5 * (x - 2)) : 1.0; };
  auto const from = rises_from({bent, 0, 10}, 0.1);
  REQUIRE(from);
  CHECK(std::abs(*from - 2) <= 0.011);
  CHECK(*from >= 2 - 1e-9);
  CHECK(rises_from({bent, 3, 10}, 0.1) == 3.0);
  CHECK(!rises_from({bent, 0, 1.5}, 0.1));
  // x + ln R rises with slope .5 everywhere.
  auto const slow = [](double x) { return std::exp(-0.5 * x); };
  CHECK(rises_from({slow, 0, 1}, 0.4) == 0.0);
  CHECK(!rises_from({slow, 0, 1}, 0.6));
  // A response that is not above 0 is no response.
  CHECK(!rises_from({[](double x) { return 0.5 - x; }, 0, 1}, 0.1));
  CHECK(has(error_text<Error>([&] { invert({bent, 0, 1.5}, 10); }), "must rise"));
  CHECK(has(error_text<Error>([&] { invert({slow, 0, 1}, 1); }), "1 nodes"));
}
