#include "data/bins.hpp"

#include <cmath>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::error_text;
using jetcal::test::has;

BinsConfig edges(std::vector<double> pt, std::vector<double> eta, std::vector<double> mass) {
  BinsConfig config;
  config.pt_true = std::move(pt);
  config.abs_eta_true = std::move(eta);
  config.mass_true = std::move(mass);
  return config;
}

TEST_CASE("a jet's bin is the one whose borders hold it", "[bins]") {
  BinGrid const grid(edges({200, 400, 1000, 3000}, {0, 0.8, 2}, {40, 80, 200}));
  REQUIRE(grid.count() == 3 * 2 * 2);
  for (std::int64_t b = 0; b < grid.count(); ++b) {
    auto const [pt, eta, mass] = grid.bin(b);
    CAPTURE(b);
    CHECK(grid.index(pt.lo, eta.lo, mass.lo) == b);
    double const just_below = std::nextafter(pt.hi, 0);
    CHECK(grid.index(just_below, std::nextafter(eta.hi, 0), std::nextafter(mass.hi, 0)) == b);
  }
  CHECK(grid.index(400, 0.8, 80) == (1 * 2 + 1) * 2 + 1);
  for (double const outside : {199.9, 3000.0, 1e9, -1.0, std::nan("")}) {
    CHECK(grid.index(outside, 0.1, 50) == -1);
  }
  CHECK(grid.index(300, 2, 50) == -1);
  CHECK(grid.index(300, 0.1, 39) == -1);
  CHECK(grid.index(300, std::nan(""), 50) == -1);
}

TEST_CASE("an axis with fewer than two edges is not binned", "[bins]") {
  BinGrid const grid(edges({200, 400, 1000}, {}, {5}));
  REQUIRE(grid.count() == 2);
  CHECK(grid.index(500, 99, -1) == 1);
  CHECK(grid.index(500, std::nan(""), std::nan("")) == 1);
  CHECK(grid.bin(1).pt_true_gev.lo == 400);
  CHECK(grid.bin(1).abs_eta_true.hi == HUGE_VAL);
  CHECK(grid.bin(1).mass_true_gev.lo == -HUGE_VAL);
  CHECK(grid.bins_pt());
  CHECK_FALSE(grid.bins_eta());
  CHECK_FALSE(grid.bins_mass());
}

TEST_CASE("without a binned axis there are no bins", "[bins]") {
  BinGrid const grid(edges({}, {}, {}));
  CHECK(grid.count() == 0);
  CHECK(grid.index(1, 1, 1) == -1);
  CHECK(BinGrid().index(1, 1, 1) == -1);
  CHECK(has(error_text<ShapeError>([&] { grid.bin(0); }), "index 0 (must be below 0)"));
}

TEST_CASE("edges must rise and be finite", "[bins]") {
  CHECK(has(error_text<ConfigError>([] {
              BinGrid(edges({1, 1}, {}, {}));
            }),
            "bins.pt_true: edge 1 is 1 (edges must be finite and rise)"));
  CHECK(has(error_text<ConfigError>([] {
              BinGrid(edges({}, {0, HUGE_VAL}, {}));
            }),
            "bins.abs_eta_true: edge 1"));
  CHECK(has(error_text<ConfigError>([] {
              BinGrid(edges({}, {}, {0, 2, 1}));
            }),
            "bins.mass_true: edge 2"));
  CHECK(has(error_text<ConfigError>([] {
              BinGrid(edges({std::nan(""), 2}, {}, {}));
            }),
            "bins.pt_true: edge 0"));
}

}  // namespace
}  // namespace jetcal::data
