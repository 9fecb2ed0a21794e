#include <cmath>
#include <limits>
#include <vector>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"
#include "validate/standard/energy_scale.hpp"
#include "validate/standard/mass_scale.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::seed_of;

namespace {

EnergyScale::Bin constant(double response) { return {{5, 1, {response, response}}, 1, {}}; }

// R = .7 + .05 ln(E / 100) from 100 to 100 e^3 GeV.
Table rising_table() { return {std::log(100.0), 0.5, {.7, .725, .75, .775, .8, .825, .85}}; }

EnergySettings low_energy(LowEnergy how, double min_pt) {
  EnergySettings settings;
  settings.low_energy = how;
  settings.min_pt_gev = min_pt;
  return settings;
}

}  // namespace

TEST_CASE("the bin of eta, and the last one beyond", "[standard]") {
  EnergyScale const scale({0, 0.1, 0.2, 0.3}, false, {constant(.7), constant(.8), constant(.9)},
                          "test");
  for (auto const& [eta, want] : std::vector<std::pair<double, double>>{
           {0, .7}, {-0.05, .7}, {0.1, .8}, {-0.1999, .8}, {0.2, .9}, {0.3, .9}, {-4.5, .9}}) {
    CAPTURE(eta);
    CHECK(scale.response(500, eta) == want);
  }
  EnergyScale const both({-1, 0, 1}, true, {constant(.7), constant(.8)}, "test");
  CHECK(both.response(500, -0.5) == .7);
  CHECK(both.response(500, -3) == .7);
  CHECK(both.response(500, 0) == .8);
  CHECK(both.response(500, 3) == .8);
}

TEST_CASE("the energy scale above, in and below its table", "[standard]") {
  double const eta = 1.05, cosh_eta = std::cosh(eta);
  double const nan = std::numeric_limits<double>::quiet_NaN();
  // Below 200 GeV (a point between two nodes): R there and dR/dE there, from the formula.
  double const cut = 200, r = .7 + .05 * std::log(2.0), slope = .05 / cut;
  struct Case {
    LowEnergy how;
    double at_50, at_0;
  };
  double const h = .25, p1 = 2 * (r - h) / cut - slope, p2 = (slope - p1) / (2 * cut);
  for (auto const& [how, at_50, at_0] :
       {Case{LowEnergy::freeze, r, r},
        Case{LowEnergy::linear, r + slope * (50 - cut), r - slope * cut},
        Case{LowEnergy::quadratic, h + p1 * 50 + p2 * 2500, h}}) {
    auto const bin =
        with_low_energies(rising_table(), eta, low_energy(how, cut / cosh_eta), "test");
    CAPTURE(static_cast<int>(how));
    CHECK(bin.cut == Approx(cut).epsilon(1e-12));
    CHECK(bin.response(50) == Approx(at_50).epsilon(1e-9));
    CHECK(bin.response(0) == Approx(at_0).epsilon(1e-9));
    CHECK(bin.response(cut * (1 - 1e-9)) == Approx(r).epsilon(1e-8));
    CHECK(bin.response(cut) == Approx(r).epsilon(1e-12));
    CHECK(bin.response(100 * std::exp(1.25)) == Approx(.7625).epsilon(1e-12));
    CHECK(bin.response(100 * std::exp(3)) == Approx(.85).epsilon(1e-12));
    CHECK(bin.response(1e9) == .85);
    if (how != LowEnergy::freeze) {
      double const near = cut * (1 - 1e-4);
      CHECK((bin.response(cut) - bin.response(near)) / (cut - near) == Approx(slope).epsilon(1e-3));
    }
    for (double e = 1; e < cut; e *= 1.1) {  // what is inverted rises
      CHECK(e / bin.response(e) < e * 1.1 / bin.response(e * 1.1));
    }
  }
  // A table that begins above min_pt cosh(eta) is the cut itself.
  auto const bin = with_low_energies(rising_table(), eta, low_energy(LowEnergy::linear, 5), "test");
  CHECK(bin.cut == Approx(100).epsilon(1e-12));
  CHECK(bin.low[1] == Approx(.05 / 100).epsilon(1e-9));

  Table const steep{std::log(100.0), 0.1, {.5, .56}};  // d ln R / d ln E = 1.2
  CHECK(has(error_text<DataError>(
                [&] { with_low_energies(steep, eta, low_energy(LowEnergy::linear, 5), "test"); }),
            "rises faster than E"));
  CHECK_NOTHROW(with_low_energies(steep, eta, low_energy(LowEnergy::freeze, 5), "test"));
  EnergySettings high = low_energy(LowEnergy::quadratic, 5);
  high.minimum_response = .9;
  CHECK(has(error_text<DataError>([&] { with_low_energies(rising_table(), eta, high, "test"); }),
            "minimum_response"));

  auto const refused = [](std::vector<double> edges, std::vector<EnergyScale::Bin> bins) {
    return error_text<DataError>([&] { EnergyScale(edges, false, bins, "test"); });
  };
  CHECK(has(refused({0, 1, 1}, {constant(1), constant(1)}), "must rise"));
  CHECK(has(refused({0, 1}, {constant(1), constant(1)}), "must rise"));
  CHECK(has(refused({0, 1}, {constant(0)}), "above 0"));
  CHECK(has(refused({0, 1}, {constant(nan)}), "above 0"));
}

TEST_CASE("the mass scale is trilinear, kept to its ends, and 1 beyond |eta|", "[standard]") {
  MassScale::Axes const axes{{4.5, 5, 7, 7.5}, {-4, -2.5, -2}, {0.1, 0.3, 0.5, 0.9, 1.5}, 1.7};
  RandomStream const random(seed_of("trilinear"), Purpose::test);
  std::vector<double> values(4 * 3 * 5);
  for (std::size_t i = 0; i < values.size(); ++i) { values[i] = 0.5 + random.uniform(i); }
  MassScale const scale(axes, values, "test");

  // The plain form: a sum over all nodes of the value times three hats.
  auto const hat = [](std::vector<double> const& axis, std::size_t i, double x) {
    x = std::min(std::max(x, axis.front()), axis.back());
    if (i > 0 && axis[i - 1] <= x && x <= axis[i]) {
      return (x - axis[i - 1]) / (axis[i] - axis[i - 1]);
    }
    if (i + 1 < axis.size() && axis[i] <= x && x <= axis[i + 1]) {
      return (axis[i + 1] - x) / (axis[i + 1] - axis[i]);
    }
    return 0.0;
  };
  int clamped = 0;
  for (std::uint64_t n = 0; n < 3000; ++n) {
    double const x = 4 + 4 * random.uniform(1000 + 3 * n),
                 y = -5 + 4 * random.uniform(1001 + 3 * n);
    double const eta = 3.4 * random.uniform(1002 + 3 * n) - 1.7;
    clamped += x < 4.5 || x > 7.5 || y < -4 || y > -2 || std::abs(eta) < .1 ? 1 : 0;
    double want = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        for (std::size_t k = 0; k < 5; ++k) {
          want += values[15 * i + 5 * j + k] * hat(axes.log_energy, i, x) *
                  hat(axes.log_ratio, j, y) * hat(axes.abs_eta, k, std::abs(eta));
        }
      }
    }
    double const e = std::exp(x);
    CHECK(scale.response(e, e * std::exp(y), eta) == Approx(want).epsilon(1e-9));
  }
  CHECK(clamped > 300);
  CHECK(scale.response(1e-3, 1e-9, 0) == values[0]);
  CHECK(scale.response(1e9, 1e9, 1.7) == values.back());
  CHECK(scale.response(300, 30, 1.7001) == 1);
  CHECK(scale.response(300, 30, -2) == 1);
  CHECK(scale.response(300, 30, std::numeric_limits<double>::quiet_NaN()) == 1);

  MassScale const point({{5}, {-3}, {0}, 3}, {.8}, "test");
  CHECK(point.response(300, 30, -2.9) == .8);
  auto const refused = [](MassScale::Axes const& a, std::vector<double> const& v) {
    return error_text<DataError>([&] { MassScale(a, v, "test"); });
  };
  CHECK(has(refused({{5, 5}, {-3}, {0}, 3}, {1, 1}), "axes must rise"));
  CHECK(has(refused({{5, 6}, {-3}, {0}, 3}, {1}), "must be 2"));
  CHECK(has(refused({{5, 6}, {-3}, {0}, 3}, {1, -1}), "above 0"));
}
