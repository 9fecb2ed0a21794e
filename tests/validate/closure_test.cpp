#include <cmath>
#include <limits>
#include <numeric>

#include "data/toy_generator.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "tests/validate/jets.hpp"
#include "validate/summary.hpp"

using namespace jetcal;
using namespace jetcal::validate;
using jetcal::validate::test::Jets;
using jetcal::validate::test::measure_all;
using jetcal::validate::test::two_bins;

namespace {

// A bin of jets whose calibrated responses are exactly `mode` times those of a narrow Gaussian.
Jets shifted_jets(std::vector<double> const& modes, std::int64_t jets_a_bin) {
  Jets jets(2);
  auto const r = jetcal::test::densities()[0].stratified(jets_a_bin);
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
  REQUIRE(r.closure().rows.size() == 4);
  CHECK(r.closure().rows[0].variable == Variable::energy);
  CHECK(r.closure().rows[0].range[0].lo == 200);
  CHECK(r.closure().rows[0].range[0].hi == 400);
  CHECK(r.closure().rows[0].range[1].hi == 1);
  CHECK(r.closure().rows[0].point.jets == 2);
  CHECK(r.closure().rows[1].point.jets == 3);
  CHECK(r.closure().rows[2].variable == Variable::mass);
  CHECK(r.closure().rows[2].point.jets == 2);
  CHECK(r.closure().rows[3].point.jets == 2);
  GroupCounts const& counts = r.closure().counts.at(0).counts;
  CHECK(counts.jets == 8);
  CHECK(counts.in_cells == 5);
  CHECK(counts.below_mass_cut == 1);
  CHECK(counts.not_finite == 0);
  CHECK(counts.outside[0][0] == 1);
  CHECK(counts.outside[0][1] == 1);
  CHECK(counts.outside[1][0] == 0);
  CHECK(counts.outside[1][1] == 1);
  CHECK(r.closure().rows[1].mean[0] == Approx((400 + 799 + 799) / 3.0));
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
  CHECK(r.closure().counts.at(0).counts.not_finite == 3);
  REQUIRE(r.closure().rows.size() == 8);
  // By variable, calibration, bin.
  CHECK(r.closure().rows[0].point.jets == 3);
  CHECK(r.closure().rows[0].not_finite == 0);
  CHECK(r.closure().rows[2].calibration == "model");
  CHECK(r.closure().rows[2].point.jets == 2);
  CHECK(r.closure().rows[2].not_finite == 1);
  CHECK(r.closure().rows[4].variable == Variable::mass);
  CHECK(r.closure().rows[4].not_finite == 1);
  CHECK(r.closure().rows[6].not_finite == 0);
}

TEST_CASE("a bin's responses are those of its own jets, variable and calibration") {
  Jets jets(2);
  auto const r = jetcal::test::densities()[0].stratified(2000);
  for (std::size_t i = 0; i < r.size(); ++i) {
    double const v = r[i];
    jets.add(300, 0.5, 80, {0.8 * v, 0.9 * v}, {1.1 * v, 1.2 * v});
    jets.add(500, 0.5, 80, {0.81 * v, 0.91 * v}, {1.11 * v, 1.21 * v});
  }
  Results const all = measure_all(two_bins(), jets, {"none", "model"});
  double const expected[] = {0.8, 0.81, 0.9, 0.91, 1.1, 1.11, 1.2, 1.21};
  REQUIRE(all.closure().rows.size() == 8);
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    CHECK(std::abs(*all.closure().rows[i].point.mode - expected[i]) < 3e-4);
    CHECK(std::abs(*all.closure().rows[i].mode_before - expected[i / 4 * 4 + i % 2]) < 3e-4);
    // 1.98892 sigma of a Gaussian of 10 %, whatever its scale.
    CHECK(std::abs(*all.closure().rows[i].point.iqr68_over_mode - 0.198892) < 3e-4);
  }
}

TEST_CASE("threads, samples and the place where columns are kept do not enter the numbers") {
  Jets jets(2);
  auto const r = jetcal::test::densities()[2].sample(5000, 1);
  for (std::size_t i = 0; i < r.size(); ++i) {
    jets.add(250 + static_cast<double>(i) / 10, 0.3, 60, {r[i], 1.1 * r[i]}, {r[i], r[i]});
  }
  // 40 times 5,000 jets are several pieces of columns.
  constexpr int kTimes = 40;
  std::vector<std::string> const calibrations = {"none", "model"};
  auto const folder = std::filesystem::temp_directory_path();
  ColumnStore memory(jetcal::validate::test::kMemory, folder), file(1 << 20, folder);
  std::vector<Sample> whole, parts;
  whole.push_back(jets.sample(memory, "dijets", kTimes));
  parts.push_back(jets.sample(file, "other"));
  parts.push_back(jets.sample(file, "dijets", kTimes));
  CHECK(memory.bytes_in_file() == 0);
  CHECK(memory.bytes_in_memory() == 3 * 65536 * 4 * 8);
  CHECK(file.bytes_in_memory() == 1 << 20);
  CHECK(file.bytes_in_file() == 3 * 65536 * 4 * 8 - (1 << 20));
  ThreadPool one(1), three(3);
  Results const a = measure(whole, calibrations, two_bins(), one);
  Results const b = measure(parts, calibrations, two_bins(), three);
  REQUIRE(b.closure().rows.size() == 2 * a.closure().rows.size());
  for (std::size_t i = 0; i < a.closure().rows.size(); ++i) {
    TableRow const& x = a.closure().rows[i];
    TableRow const& y = b.closure().rows[a.closure().rows.size() + i];
    CAPTURE(i);
    CHECK(x.point.jets == y.point.jets);
    CHECK(x.point.mode == y.point.mode);
    CHECK(x.point.mode_error == y.point.mode_error);
    CHECK(x.point.iqr68_over_mode_error == y.point.iqr68_over_mode_error);
    CHECK(y.sample == "dijets");
    CHECK(b.closure().rows[i].sample == "other");
    CHECK(x.point.jets == kTimes * b.closure().rows[i].point.jets);
  }
}

TEST_CASE("weights enter, and weight 0 takes a jet out") {
  Jets jets;
  auto const r = jetcal::test::densities()[0].sample(4000, 2);
  for (float const v : r) {
    jets.add(300, 0.5, 80, {v}, {v});
    jets.weight.push_back(2);
    jets.add(300, 0.5, 80, {v + 0.5}, {v + 0.5});
    jets.weight.push_back(0);
  }
  Results const weighted = measure_all(two_bins(), jets);
  CHECK(weighted.closure().rows[0].point.jets == 4000);
  CHECK(weighted.closure().rows[0].point.effective_entries == Approx(4000));
  CHECK(std::abs(*weighted.closure().rows[0].point.mode - 1) < 0.01);
  Jets plain;
  for (float const v : r) { plain.add(300, 0.5, 80, {v}, {v}); }
  Results const unweighted = measure_all(two_bins(), plain);
  CHECK(std::abs(*weighted.closure().rows[0].point.mode -
                 *unweighted.closure().rows[0].point.mode) < 1e-9);
  CHECK(std::abs(*weighted.closure().rows[0].point.mode_error /
                     *unweighted.closure().rows[0].point.mode_error -
                 1) < 1e-9);
}

TEST_CASE("columns that do not fit, and weights that are none, are refused") {
  ColumnStore store(jetcal::validate::test::kMemory, std::filesystem::temp_directory_path());
  JetTable table(store, 2);
  std::vector<float> const two = {1, 2}, three = {1, 2, 3};
  CHECK_THROWS_AS(table.append({two}), ShapeError);
  CHECK_THROWS_AS(table.append({two, three}), ShapeError);
  table.append({two, two});
  CHECK(table.jets() == 2);
  CHECK(table.column(1) == two);
  for (float const bad : {-1.0f, std::nanf(""), HUGE_VALF}) {
    Jets jets;
    jets.add(300, 0.5, 80, {1}, {1});
    jets.add(300, 0.5, 80, {1}, {1});
    jets.weight = {1, bad};
    CHECK_THROWS_AS(measure_all(two_bins(), jets), DataError);
  }
}

TEST_CASE("a store whose file cannot be made says so") {
  ColumnStore store(0, "/nowhere/to/be/found");
  JetTable table(store, 1);
  std::vector<float> const many(1 << 17, 1.0f);
  CHECK_THROWS_AS(table.append({many}), DataError);
}

TEST_CASE("settings and names that make no sense are refused") {
  auto const make = [](Settings const& s, std::vector<std::string> const& names,
                       std::vector<std::string> const& calibrations) {
    ColumnStore store(jetcal::validate::test::kMemory, std::filesystem::temp_directory_path());
    Jets jets(calibrations.size());
    std::vector<double> const r(calibrations.size(), 1.0);
    jets.add(300, 0.5, 80, r, r);
    std::vector<Sample> samples;
    for (std::string const& name : names) { samples.push_back(jets.sample(store, name)); }
    ThreadPool threads(1);
    measure(samples, calibrations, s, threads);
  };
  CHECK_NOTHROW(make(two_bins(), {"a", "b"}, {"none", "model"}));
  CHECK_THROWS_AS(make(two_bins(), {"a", "a"}, {"none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {}, {"none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {"a"}, {"model", "none"}), ConfigError);
  CHECK_THROWS_AS(make(two_bins(), {"a"}, {"none", "m", "m"}), ConfigError);
  auto const refused = [&](auto const& change) {
    Settings s = two_bins();
    change(s);
    CHECK_THROWS_AS(make(s, {"a"}, {"none"}), ConfigError);
  };
  refused([](Settings& s) { s.bins.pt_true = {400, 200}; });
  refused([](Settings& s) { s.bins.pt_true = s.bins.abs_eta_true = {}; });
  refused([](Settings& s) { s.mass_true_min_gev = std::nan(""); });
  refused([](Settings& s) { s.min_jets = 0; });
  refused([](Settings& s) { s.slices[0].axes = {}; });
  refused([](Settings& s) { s.slices[0].name = s.slices[1].name; });
  refused([](Settings& s) { s.slices[0].name = "closure"; });
  refused([](Settings& s) { s.topologies[1].name = s.topologies[0].name; });
  refused([](Settings& s) { s.flavours[0].codes = {}; });
  refused([](Settings& s) { s.pileup.npv = {3}; });
  refused([](Settings& s) { s.importance.shift = 0; });
}

TEST_CASE("the summary counts bins, jets and ratios") {
  Settings settings = two_bins();
  settings.bins.pt_true = {200, 400, 600, 800, 1000, 1200, 1400};
  // Five bins of 1000 jets, 3 sigma statistical error of the mode (.1 / sqrt(1000)) each; the
  // sixth is empty.
  Jets jets = shifted_jets({1.000, 1.008, 0.988, 1.0139, 0.93}, 1000);
  for (int i = 0; i < 100; ++i) { jets.add(1250, 0.5, 80, {1, 1.5}, {1, 1.5}); }  // too few
  Results const results = measure_all(settings, jets, {"none", "model"});
  auto const summaries = summarise(results.closure(), settings);
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
  CHECK(results.closure().rows[s.worst[0]].range[0].lo == 1000);
  CHECK(results.closure().rows[s.worst[1]].range[0].lo == 800);
  CHECK(results.closure().rows[s.worst[2]].range[0].lo == 600);
  CHECK(*s.iqr68_ratio == Approx(1).epsilon(1e-3));
  CHECK(*summaries[0].iqr68_ratio == Approx(1).epsilon(1e-12));
  CHECK(summaries[0].shares[2].bins == 0);
}

TEST_CASE("shares and ratios weight bins and jets as they say") {
  Settings settings = two_bins();
  Jets jets(2);
  // 3000 jets calibrated to 1 with half the width, 1000 to 1.03 with the same width.
  for (float const v : jetcal::test::densities()[0].stratified(3000)) {
    jets.add(300, 0.5, 80, {v, 1 + 0.5 * (v - 1)}, {1, 1});
  }
  for (float const v : jetcal::test::densities()[0].stratified(1000)) {
    jets.add(500, 0.5, 80, {v, 1.03 * v}, {1, 1});
  }
  auto const summaries =
      summarise(measure_all(settings, jets, {"none", "model"}).closure(), settings);
  Summary const& s = summaries[1];
  CHECK(s.shares[0].bins == Approx(0.5));
  CHECK(s.shares[0].jets == Approx(0.75));
  CHECK(*s.iqr68_ratio == Approx(0.75 * 0.5 + 0.25).epsilon(1e-3));
}

TEST_CASE("a summary of bins without jets or mode has no shares to boast of") {
  Settings settings = two_bins();
  auto const empty = summarise(measure_all(settings, Jets()).closure(), settings);
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
  auto const heavy = summarise(measure_all(settings, jets).closure(), settings);
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
  REQUIRE(r.closure().rows.size() == 12);
  // The energy's 6 % of .93, less the .01 that the scale rises with the energy; the mass's 8 %.
  CHECK(*r.closure().rows[2].point.mode - *r.closure().rows[0].point.mode < -0.035);
  CHECK(*r.closure().rows[8].point.mode - *r.closure().rows[6].point.mode < -0.06);
  for (std::size_t i : {3, 4, 5, 9, 10, 11}) {
    CAPTURE(i, *r.closure().rows[i].point.mode, *r.closure().rows[i].point.mode_error);
    CHECK(r.closure().rows[i].point.jets > 500);
    CHECK(std::abs(*r.closure().rows[i].point.mode - 1) <
          0.005 + 3 * *r.closure().rows[i].point.mode_error);
    CHECK(*r.closure().rows[i].point.iqr68_over_mode <
          *r.closure().rows[i - 3].point.iqr68_over_mode);
  }
}

// Two bins: the second calibration is narrower by a tenth in both, and closer in the first only.
TEST_CASE("calibrations are compared on the same jets") {
  Settings settings = two_bins();
  Jets jets(3);
  for (float const v : jetcal::test::densities()[0].stratified(2000)) {
    double const r = static_cast<double>(v), narrow = 1 + 0.9 * (r - 1);
    jets.add(300, 0.5, 80, {r, 1.05 * r, 1.01 * narrow}, {r, r, r});
    jets.add(500, 0.5, 80, {r, 1.00 * r, 0.97 * narrow}, {r, r, r});
  }
  Results const results = measure_all(settings, jets, {"none", "a", "b"});
  REQUIRE(results.closure().comparisons.size() == 2 * 2);
  auto const compared = compare(results.closure(), settings);
  REQUIRE(compared.size() == 2);
  ComparisonSummary const& energy = compared[0];
  CHECK(energy.first == "a");
  CHECK(energy.second == "b");
  CHECK(energy.bins == 2);
  CHECK(energy.closer == 1);
  CHECK(energy.narrower == 2);
  CHECK(energy.surely_narrower == 2);
  CHECK(*energy.iqr68_ratio == Approx(0.9).epsilon(2e-3));
  CHECK(*energy.iqr68_ratio_error < 0.005);
  ComparisonSummary const& mass = compared[1];
  CHECK(mass.variable == Variable::mass);
  CHECK(mass.closer == 0);
  CHECK(mass.narrower == 0);
  CHECK(*mass.iqr68_ratio == 1);
  CHECK(*mass.iqr68_ratio_error == 0);
}
