#include "validate/closure.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "data/toy_generator.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "validate/run.hpp"
#include "validate/summary.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

// Jets as columns, for one or two calibrations.
struct Jets {
  std::vector<float> pt, eta, mass, weight;
  std::vector<std::vector<float>> energy, mass_response;

  explicit Jets(std::size_t calibrations = 1) : energy(calibrations), mass_response(calibrations) {}

  void add(double pt_gev, double eta_true, double mass_gev, std::vector<double> const& r_energy,
           std::vector<double> const& r_mass) {
    pt.push_back(static_cast<float>(pt_gev));
    eta.push_back(static_cast<float>(eta_true));
    mass.push_back(static_cast<float>(mass_gev));
    for (std::size_t k = 0; k < energy.size(); ++k) {
      energy[k].push_back(static_cast<float>(r_energy[k]));
      mass_response[k].push_back(static_cast<float>(r_mass[k]));
    }
  }

  // Jets first .. first + count - 1.
  JetBlock block(std::size_t first = 0, std::size_t count = std::dynamic_extent) const {
    JetBlock b;
    auto const part = [&](std::vector<float> const& column) {
      return std::span<float const>(column).subspan(first, count);
    };
    b.pt_true_gev = part(pt);
    b.eta_true = part(eta);
    b.mass_true_gev = part(mass);
    if (!weight.empty()) { b.weights = part(weight); }
    for (std::size_t k = 0; k < energy.size(); ++k) {
      b.calibrations.push_back({part(energy[k]), part(mass_response[k])});
    }
    return b;
  }
};

Settings two_bins() {
  Settings s;
  s.bins = {};
  s.bins.pt_true = {200, 400, 800};
  s.bins.abs_eta_true = {0, 1};
  return s;
}

Results measure_all(Settings const& settings, Jets const& jets,
                    std::vector<std::string> calibrations = {"none"}, int threads = 1) {
  ClosureAccumulator accumulator(settings, {"dijets"}, std::move(calibrations));
  accumulator.add(0, jets.block());
  ThreadPool pool(threads);
  return accumulator.results(pool);
}

// A bin of jets whose calibrated responses are exactly `mode` times those of a narrow Gaussian.
Jets shifted_jets(std::vector<double> const& modes, std::int64_t jets_a_bin) {
  Jets jets(2);
  auto const r = test::densities()[0].stratified(jets_a_bin);
  for (std::size_t b = 0; b < modes.size(); ++b) {
    for (float const value : r) {
      double const pt = 250 + 200 * static_cast<double>(b);
      jets.add(pt, 0.5, 80, {0.9 * value, modes[b] * value}, {0.9 * value, modes[b] * value});
    }
  }
  return jets;
}

}  // namespace

TEST_CASE("jets are counted in the bin of their true pT and |eta|, lower edges included") {
  Jets jets;
  jets.add(199.99, 0.5, 80, {1}, {1});   // below all bins
  jets.add(200, 0.0, 80, {1}, {1});      // first bin
  jets.add(399.9, -0.99, 80, {1}, {1});  // first bin: |eta|
  jets.add(400, 0.5, 80, {1}, {1});      // second
  jets.add(799, 0.5, 40, {1}, {1});      // second, energy only: the cut is m > 40
  jets.add(799, 0.5, 40.01, {1}, {1});   // second
  jets.add(800, 0.5, 80, {1}, {1});      // above
  jets.add(500, 1.0, 80, {1}, {1});      // outside in eta
  Results const r = measure_all(two_bins(), jets);
  REQUIRE(r.bins.size() == 4);
  CHECK(r.bins[0].variable == Variable::energy);
  CHECK(r.bins[0].range.pt_true_gev.lo == 200);
  CHECK(r.bins[0].range.pt_true_gev.hi == 400);
  CHECK(r.bins[0].range.abs_eta_true.hi == 1);
  CHECK(r.bins[0].point.jets == 2);
  CHECK(r.bins[1].point.jets == 3);
  CHECK(r.bins[2].variable == Variable::mass);
  CHECK(r.bins[2].point.jets == 2);
  CHECK(r.bins[3].point.jets == 2);
  CHECK(r.samples[0].jets == 8);
  CHECK(r.samples[0].outside_bins == 3);
  CHECK(r.samples[0].below_mass_cut == 1);
  CHECK(r.samples[0].not_finite == 0);
}

TEST_CASE("jets that are not finite are counted, never measured") {
  double const nan = std::nan("");
  Jets jets(2);
  jets.add(nan, 0.5, 80, {1, 1}, {1, 1});
  jets.add(250, HUGE_VAL, 80, {1, 1}, {1, 1});
  jets.add(250, 0.5, nan, {1, 1}, {1, 1});
  jets.add(250, 0.5, 80, {1, nan}, {1, 1});
  jets.add(250, 0.5, 80, {1, 1}, {-HUGE_VAL, 1});
  jets.add(250, 0.5, 80, {1, 1}, {1, 1});
  Results const r = measure_all(two_bins(), jets, {"none", "model"});
  CHECK(r.samples[0].not_finite == 3);
  REQUIRE(r.bins.size() == 8);
  // By variable, calibration, bin.
  CHECK(r.bins[0].point.jets == 3);
  CHECK(r.bins[0].not_finite == 0);
  CHECK(r.bins[2].calibration == "model");
  CHECK(r.bins[2].point.jets == 2);
  CHECK(r.bins[2].not_finite == 1);
  CHECK(r.bins[4].variable == Variable::mass);
  CHECK(r.bins[4].not_finite == 1);
  CHECK(r.bins[6].not_finite == 0);
}

TEST_CASE("a bin's responses are those of its own jets, variable and calibration") {
  Jets jets(2);
  auto const r = test::densities()[0].stratified(2000);
  for (std::size_t i = 0; i < r.size(); ++i) {
    double const v = r[i];
    jets.add(300, 0.5, 80, {0.8 * v, 0.9 * v}, {1.1 * v, 1.2 * v});
    jets.add(500, 0.5, 80, {0.81 * v, 0.91 * v}, {1.11 * v, 1.21 * v});
  }
  Results const all = measure_all(two_bins(), jets, {"none", "model"});
  double const expected[] = {0.8, 0.81, 0.9, 0.91, 1.1, 1.11, 1.2, 1.21};
  REQUIRE(all.bins.size() == 8);
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    CHECK(std::abs(*all.bins[i].point.mode - expected[i]) < 3e-4);
    CHECK(std::abs(*all.bins[i].mode_before - expected[i / 4 * 4 + i % 2]) < 3e-4);
    // 1.98892 sigma of a Gaussian of 10 %, whatever its scale.
    CHECK(std::abs(*all.bins[i].point.iqr68_over_mode - 0.198892) < 3e-4);
  }
}

TEST_CASE("blocks, threads and samples do not enter the numbers") {
  Jets jets(2);
  auto const r = test::densities()[2].sample(5000, 1);
  for (std::size_t i = 0; i < r.size(); ++i) {
    jets.add(250 + static_cast<double>(i) / 10, 0.3, 60, {r[i], 1.1 * r[i]}, {r[i], r[i]});
  }
  Results const whole = measure_all(two_bins(), jets, {"none", "model"});
  ClosureAccumulator pieces(two_bins(), {"other", "dijets"}, {"none", "model"});
  pieces.add(0, jets.block(0, 500));
  for (std::size_t first = 0; first < r.size(); first += 625) {
    pieces.add(1, jets.block(first, 625));
    pieces.add(1, jets.block(first, 0));
  }
  ThreadPool pool(3);
  Results const parts = pieces.results(pool);
  REQUIRE(parts.bins.size() == 2 * whole.bins.size());
  for (std::size_t i = 0; i < whole.bins.size(); ++i) {
    BinResult const& a = whole.bins[i];
    BinResult const& b = parts.bins[whole.bins.size() + i];
    CAPTURE(i);
    CHECK(a.point.jets == b.point.jets);
    CHECK(a.point.mode == b.point.mode);
    CHECK(a.point.mode_error == b.point.mode_error);
    CHECK(a.point.iqr68_over_mode_error == b.point.iqr68_over_mode_error);
    CHECK(b.sample == "dijets");
    CHECK(parts.bins[i].sample == "other");
  }
  CHECK(pieces.bytes() >= 4 * 2 * 2 * 5500);
  CHECK(pieces.bytes() <= 2 * 4 * 2 * 2 * 5500);
}

TEST_CASE("weights enter, and weight 0 takes a jet out") {
  Jets jets;
  auto const r = test::densities()[0].sample(4000, 2);
  for (float const v : r) {
    jets.add(300, 0.5, 80, {v}, {v});
    jets.weight.push_back(2);
    jets.add(300, 0.5, 80, {v + 0.5}, {v + 0.5});
    jets.weight.push_back(0);
  }
  Results const weighted = measure_all(two_bins(), jets);
  CHECK(weighted.bins[0].point.jets == 4000);
  CHECK(weighted.bins[0].point.effective_entries == Approx(4000));
  CHECK(std::abs(*weighted.bins[0].point.mode - 1) < 0.01);
  Jets plain;
  for (float const v : r) { plain.add(300, 0.5, 80, {v}, {v}); }
  Results const unweighted = measure_all(two_bins(), plain);
  CHECK(std::abs(*weighted.bins[0].point.mode - *unweighted.bins[0].point.mode) < 1e-9);
  CHECK(std::abs(*weighted.bins[0].point.mode_error / *unweighted.bins[0].point.mode_error - 1) <
        1e-9);
}

TEST_CASE("blocks that do not fit are refused") {
  Jets jets;
  jets.add(300, 0.5, 80, {1}, {1});
  jets.add(300, 0.5, 80, {1}, {1});
  ClosureAccumulator accumulator(two_bins(), {"dijets"}, {"none"});
  accumulator.add(0, jets.block());
  CHECK_THROWS_AS(accumulator.add(1, jets.block()), ShapeError);
  JetBlock short_column = jets.block();
  short_column.eta_true = short_column.eta_true.first(1);
  CHECK_THROWS_AS(accumulator.add(0, short_column), ShapeError);
  JetBlock short_response = jets.block();
  short_response.calibrations[0].mass = {};
  CHECK_THROWS_AS(accumulator.add(0, short_response), ShapeError);
  JetBlock two = jets.block();
  two.calibrations.push_back(two.calibrations[0]);
  CHECK_THROWS_AS(accumulator.add(0, two), ShapeError);
  jets.weight = {1, 1};
  CHECK_THROWS_AS(accumulator.add(0, jets.block()), DataError);  // others had no weights
  for (float const bad : {-1.0f, std::nanf(""), HUGE_VALF}) {
    ClosureAccumulator weighted(two_bins(), {"dijets"}, {"none"});
    jets.weight = {1, bad};
    CHECK_THROWS_AS(weighted.add(0, jets.block()), DataError);
  }
}

TEST_CASE("settings and names that make no sense are refused") {
  auto const make = [](Settings const& s, std::vector<std::string> samples,
                       std::vector<std::string> calibrations) {
    ClosureAccumulator(s, std::move(samples), std::move(calibrations));
  };
  CHECK_NOTHROW(make(two_bins(), {"a", "b"}, {"none", "model"}));
  CHECK_THROWS_AS(make(two_bins(), {"a", "a"}, {"none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {}, {"none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {"a"}, {"model", "none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {"a"}, {"none", "m", "m"}), ConfigError);
  Settings s = two_bins();
  s.bins.pt_true = {400, 200};
  CHECK_THROWS_AS(make(s, {"a"}, {"none"}), ConfigError);
  s = two_bins();
  s.bins.pt_true = {};
  s.bins.abs_eta_true = {};
  CHECK_THROWS_AS(make(s, {"a"}, {"none"}), ConfigError);
  s = two_bins();
  s.mass_true_min_gev = std::nan("");
  CHECK_THROWS_AS(make(s, {"a"}, {"none"}), ConfigError);
  s = two_bins();
  s.min_jets = 0;
  CHECK_THROWS_AS(make(s, {"a"}, {"none"}), ConfigError);
}

TEST_CASE("the summary counts bins, jets and ratios") {
  Settings settings = two_bins();
  settings.bins.pt_true = {200, 400, 600, 800, 1000, 1200, 1400};
  // Five bins of 1000 jets, 3 sigma statistical error of the mode (.1 / sqrt(1000)) each; the
  // sixth is empty.
  Jets jets = shifted_jets({1.000, 1.008, 0.988, 1.0139, 0.93}, 1000);
  for (int i = 0; i < 100; ++i) { jets.add(1250, 0.5, 80, {1, 1.5}, {1, 1.5}); }  // too few
  Results const results = measure_all(settings, jets, {"none", "model"});
  auto const summaries = summarise(results);
  REQUIRE(summaries.size() == 4);
  Summary const& s = summaries[1];
  CHECK(s.variable == Variable::energy);
  CHECK(s.calibration == "model");
  CHECK(s.bins == 5);
  CHECK(s.jets == 5000);
  CHECK(s.bins_left_out == 1);
  CHECK(s.bins_without_mode == 0);
  REQUIRE(s.shares.size() == 3);
  CHECK(s.shares[0].limit == 0.01);
  CHECK(s.shares[0].bins == Approx(0.4));
  CHECK(s.shares[1].bins == Approx(0.8));
  CHECK(s.shares[2].bins == Approx(0.8));
  CHECK(s.shares[0].jets == Approx(0.4));
  // Two errors are about .0085: .988 and 1.0139 come in, .93 stays out.
  CHECK(s.shares[0].bins_with_errors == Approx(0.8));
  CHECK(s.shares[2].bins_with_errors == Approx(0.8));
  REQUIRE(s.worst.size() == 3);
  CHECK(results.bins[s.worst[0]].range.pt_true_gev.lo == 1000);
  CHECK(results.bins[s.worst[1]].range.pt_true_gev.lo == 800);
  CHECK(results.bins[s.worst[2]].range.pt_true_gev.lo == 600);
  CHECK(*s.iqr68_ratio == Approx(1).epsilon(1e-3));
  CHECK(*summaries[0].iqr68_ratio == Approx(1).epsilon(1e-12));
  CHECK(summaries[0].shares[2].bins == 0);
}

TEST_CASE("shares and ratios weight bins and jets as they say") {
  Settings settings = two_bins();
  Jets jets(2);
  // 3000 jets calibrated to 1 with half the width, 1000 to 1.03 with the same width.
  for (float const v : test::densities()[0].stratified(3000)) {
    jets.add(300, 0.5, 80, {v, 1 + 0.5 * (v - 1)}, {1, 1});
  }
  for (float const v : test::densities()[0].stratified(1000)) {
    jets.add(500, 0.5, 80, {v, 1.03 * v}, {1, 1});
  }
  auto const summaries = summarise(measure_all(settings, jets, {"none", "model"}));
  Summary const& s = summaries[1];
  CHECK(s.shares[0].bins == Approx(0.5));
  CHECK(s.shares[0].jets == Approx(0.75));
  CHECK(*s.iqr68_ratio == Approx(0.75 * 0.5 + 0.25).epsilon(1e-3));
}

TEST_CASE("a summary of bins without jets or mode has no shares to boast of") {
  Settings settings = two_bins();
  auto const empty = summarise(measure_all(settings, Jets()));
  REQUIRE(empty.size() == 2);
  CHECK(empty[0].bins == 0);
  CHECK(empty[0].shares.empty());
  CHECK_FALSE(empty[0].iqr68_ratio.has_value());
  CHECK(empty[0].worst.empty());
  // 600 jets with one that carries all the weight: a bin that counts, and closes nowhere.
  Jets jets;
  for (int i = 0; i < 600; ++i) {
    jets.add(300, 0.5, 80, {1 + 1e-4 * i}, {1});
    jets.weight.push_back(i == 0 ? 1.0f : 1e-6f);
  }
  auto const heavy = summarise(measure_all(settings, jets));
  CHECK(heavy[0].bins == 1);
  CHECK(heavy[0].bins_without_mode == 1);
  CHECK(heavy[0].shares[2].bins == 0);
  CHECK(heavy[0].shares[2].bins_with_errors == 0);
}

// Toy jets whose scale falls by 6 % at |eta| = 1.4: seen before calibration, gone after division by
// the known mode of each jet.
TEST_CASE("toy jets calibrated with their known mode close, uncalibrated ones do not") {
  Settings settings;
  settings.bins.pt_true = {400, 1000};
  settings.bins.abs_eta_true = {0.8, 1.2, 1.6, 2.0};
  Jets jets(2);
  for (std::int64_t i = 0; i < 150000; ++i) {
    data::ToyJet const j = data::toy_jet(8, i);
    if (j.toy_case != data::ToyCase::eta_step) { continue; }
    double const e = j.energy / j.truth_energy;
    double const m = j.mass / j.truth_mass;
    jets.add(j.truth_pt / 1e3, j.truth_eta, j.truth_mass / 1e3, {e, e / j.oracle_energy_response},
             {m, m / j.oracle_mass_response});
  }
  Results const r = measure_all(settings, jets, {"none", "oracle"});
  // By variable, calibration, bin: three each.
  REQUIRE(r.bins.size() == 12);
  // The energy's 6 % of .93, less the .01 that the scale rises with the energy; the mass's 8 %.
  CHECK(*r.bins[2].point.mode - *r.bins[0].point.mode < -0.035);
  CHECK(*r.bins[8].point.mode - *r.bins[6].point.mode < -0.06);
  for (std::size_t i : {3, 4, 5, 9, 10, 11}) {
    CAPTURE(i, *r.bins[i].point.mode, *r.bins[i].point.mode_error);
    CHECK(r.bins[i].point.jets > 500);
    CHECK(std::abs(*r.bins[i].point.mode - 1) < 0.005 + 3 * *r.bins[i].point.mode_error);
    CHECK(*r.bins[i].point.iqr68_over_mode < *r.bins[i - 3].point.iqr68_over_mode);
  }
}
