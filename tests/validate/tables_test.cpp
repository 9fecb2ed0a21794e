// Tables of several axes and groups: which jets are in which cell, and how they count.

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"
#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "tests/validate/jets.hpp"

using namespace jetcal;
using namespace jetcal::validate;
using jetcal::validate::test::Jets;
using jetcal::validate::test::measure_all;
using jetcal::validate::test::two_bins;

namespace {

ResponseTable const& table(Results const& results, std::string const& name) {
  for (ResponseTable const& t : results.tables) {
    if (t.spec.name == name) { return t; }
  }
  FAIL("no table " << name);
  return results.closure();
}

/// 1,000 jets a call, spread like a Gaussian of 10 % around `mode`.
void add_jets(Jets& jets, double pt, double eta, double mass, double mode, int topology,
              int flavour) {
  static auto const shape = jetcal::test::densities()[0].stratified(1000);
  for (float const r : shape) {
    double const response = mode * static_cast<double>(r);
    jets.add(pt, eta, mass, {response}, {response});
    jets.topology.push_back(static_cast<float>(topology));
    jets.flavour.push_back(static_cast<float>(flavour));
  }
}

}  // namespace

TEST_CASE("slices bin in signed eta, energy and mass, cell by cell") {
  Settings settings = two_bins();
  settings.tests = {Test::slices};
  TableSpec eta_mass;
  eta_mass.name = "eta_mass";
  eta_mass.axes = {{Quantity::eta_true, {-1, 0, 1}}, {Quantity::mass_true, {50, 100, 200}}};
  TableSpec energy;
  energy.name = "energy";
  energy.axes = {{Quantity::energy_true, {300, 400, 600}}};
  settings.slices = {eta_mass, energy};
  Jets jets;
  add_jets(jets, 300, -0.5, 80, 0.9, 10, 1);   // E = 347.6
  add_jets(jets, 300, 0.5, 150, 1.1, 10, 1);   // E = 370.0
  add_jets(jets, 300, 0.9, 150, 1.05, 10, 1);  // E = 454.7
  add_jets(jets, 300, -0.5, 300, 1.0, 10, 1);  // above the masses; E = 452.2
  Results const r = measure_all(settings, jets);
  ResponseTable const& t = table(r, "eta_mass");
  REQUIRE(t.rows.size() == 2 * 4);
  std::int64_t const jets_of[] = {1000, 0, 0, 2000};
  for (std::size_t c = 0; c < 4; ++c) {
    CAPTURE(c);
    CHECK(t.rows[c].point.jets == jets_of[c]);
    CHECK(t.rows[4 + c].variable == Variable::mass);
  }
  CHECK(std::abs(*t.rows[0].point.mode - 0.9) < 1e-3);
  CHECK(t.rows[3].range[0].lo == 0);
  CHECK(t.rows[3].range[1].hi == 200);
  CHECK(t.rows[3].mean[0] == Approx(0.7));
  CHECK(t.rows[2].mean[0] == Approx(0.5));  // empty: the middle
  CHECK(t.counts[0].counts.in_cells == 3000);
  CHECK(t.counts[0].counts.outside[1][1] == 1000);
  ResponseTable const& e = table(r, "energy");
  CHECK(e.rows[0].point.jets == 2000);
  CHECK(e.rows[1].point.jets == 2000);
}

TEST_CASE("groups are jets of a label in a window of the true mass") {
  Settings settings = two_bins();
  settings.tests = {Test::topologies, Test::flavours};
  settings.topology_pt_true = {200, 800};
  settings.flavour_energy_true = {200, 1000};
  Jets jets;
  add_jets(jets, 300, 0.5, 80, 0.90, 2, 1);
  add_jets(jets, 300, 0.5, 150, 0.92, 2, 4);  // a W, but outside its window
  add_jets(jets, 300, 0.5, 175, 0.94, 6, 5);
  add_jets(jets, 300, 0.5, 125, 0.96, 11, 21);
  add_jets(jets, 300, 0.5, 30, 0.98, 10, 0);  // energy only; no flavour
  add_jets(jets, 300, 0.5, 125, 0.5, 99, 21);
  Results const r = measure_all(settings, jets);
  ResponseTable const& t = table(r, "topologies");
  REQUIRE(t.counts.size() == 4);
  std::vector<std::string> const names = {"QCD", "W/Z", "top", "Higgs"};
  double const modes[] = {0.98, 0.90, 0.94, 0.96};
  REQUIRE(t.rows.size() == 8);
  for (std::size_t g = 0; g < 4; ++g) {
    CAPTURE(names[g]);
    CHECK(t.counts[g].group == names[g]);
    CHECK(t.counts[g].counts.jets == 1000);
    CHECK(t.rows[2 * g].group == names[g]);
    CHECK(t.rows[2 * g].point.jets == 1000);
    CHECK(std::abs(*t.rows[2 * g].point.mode - modes[g]) < 1e-3);
    CHECK(t.rows[2 * g + 1].point.jets == (g == 0 ? 0 : 1000));
  }
  CHECK(t.counts[0].counts.below_mass_cut == 1000);
  ResponseTable const& f = table(r, "flavours");
  REQUIRE(f.counts.size() == 3);
  CHECK(f.counts[0].counts.jets == 2000);  // codes 1 and 4
  CHECK(f.counts[1].counts.jets == 1000);
  CHECK(f.counts[2].counts.jets == 2000);
  // Distributions of the topologies: all jets of the window.
  REQUIRE(r.distributions.size() == 7);
  ResponseDistribution const& wz = r.distributions[1];
  CHECK(wz.group == "W/Z");
  CHECK(wz.variable == Variable::energy);
  double content = wz.histogram.underflow + wz.histogram.overflow;
  for (double const c : wz.histogram.content) { content += c; }
  CHECK(content == Approx(1000));
}

TEST_CASE("a sample without a label or quantity is left out, and the results say why") {
  Settings settings = two_bins();
  settings.tests = Settings::all_tests();
  Jets jets;
  for (float const r : jetcal::test::densities()[0].stratified(1000)) {
    jets.add(300, 0, 80, {r}, {r});
  }
  Results const r = measure_all(settings, jets);
  std::vector<std::string> tests;
  for (Skipped const& s : r.skipped) { tests.push_back(s.test); }
  for (char const* test : {"topologies", "flavours", "pileup", "samples", "widths"}) {
    CAPTURE(test);
    CHECK(std::count(tests.begin(), tests.end(), test) >= 1);
  }
  CHECK(r.tables.size() == 1 + 4 + 1);  // closure, slices, spectrum
}

// 20,000 jets of a falling spectrum become as many in every interval of the energy.
TEST_CASE("weights make the spectrum of the true energy flat") {
  Jets jets;
  RandomStream const random(3, Purpose::test);
  for (std::uint64_t i = 0; i < 20000; ++i) {
    double const pt = 300 * std::pow(random.uniform(i), -0.5);  // dN/dpT ~ pT^-3 from 300 on
    jets.add(pt, 0, 0, {1}, {1});
  }
  ColumnStore store(jetcal::validate::test::kMemory, std::filesystem::temp_directory_path());
  Sample const sample = jets.sample(store);
  JetGroup flat;
  flat.flat_energy = true;
  auto const weights = jet_weights(sample, flat);
  REQUIRE(weights.size() == 20000);
  CHECK(jet_weights(sample, {}).empty());
  double low = 0, high = 0, sums[3] = {0, 0, 0};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    double const e = static_cast<double>(jets.energy_true[i]);
    auto const w = static_cast<double>(weights[i]);
    low += e < 400 ? 1 : 0;
    high += e >= 1000 && e < 1100 ? 1 : 0;
    for (int k = 0; k < 3; ++k) {
      double const from[] = {350, 800, 1400};
      if (e >= from[k] && e < from[k] + 300) { sums[k] += w; }
    }
  }
  REQUIRE(low > 20 * high);
  // 400 jets in the last interval: 5 % of statistics and as much from the histogram's steps.
  CHECK(sums[1] / sums[0] == Approx(1).epsilon(0.1));
  CHECK(sums[2] / sums[0] == Approx(1).epsilon(0.15));
}

TEST_CASE("the spectrum's test shows both spectra and both responses") {
  Settings settings = two_bins();
  settings.tests = {Test::spectrum};
  settings.spectrum_pt_true = {200, 1000};
  Jets jets;
  auto const shape = jetcal::test::densities()[0].sample(30000, 5);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    double const u = (static_cast<double>(i) + 0.5) / 30000;
    double const pt = 200 * std::pow(5, u * u);  // more jets at low pT
    double const r = static_cast<double>(shape[i]) * (0.9 + pt * 2e-4);
    jets.add(pt, 0.1, 80, {r}, {r});
  }
  Results const r = measure_all(settings, jets);
  ResponseTable const& t = table(r, "spectrum");
  REQUIRE(t.rows.size() == 4);
  CHECK(t.rows[0].group == "as simulated");
  CHECK(t.rows[2].group == "flat in energy");
  CHECK(t.rows[2].point.effective_entries < 0.9 * t.rows[0].point.effective_entries);
  CHECK(*t.rows[2].point.median > *t.rows[0].point.median + 0.02);
  REQUIRE(r.spectra.size() == 2);
  CHECK(r.spectra[0].histogram.content.size() == r.spectra[1].histogram.content.size());
}

TEST_CASE("samples of one process are compared, and a warning tells of other selections") {
  Settings settings = two_bins();
  settings.tests = {Test::samples};
  settings.compare_samples = {{"a", "b"}};
  auto const make = [](double mode, double first_pt) {
    Jets jets;
    for (float const r : jetcal::test::densities()[0].stratified(2000)) {
      jets.add(300, 0.5, 80, {mode * static_cast<double>(r)}, {static_cast<double>(r)});
      jets.add(first_pt, 0.5, 80, {1}, {1});
    }
    return jets;
  };
  ColumnStore store(jetcal::validate::test::kMemory, std::filesystem::temp_directory_path());
  ThreadPool threads(1);
  auto const compared = [&](double first_pt) {
    std::vector<Sample> samples;
    samples.push_back(make(1.0, 150).sample(store, "a"));
    samples.push_back(make(1.02, first_pt).sample(store, "b"));
    return measure(samples, {"none"}, settings, threads);
  };
  Results const same = compared(150);
  CHECK(same.warnings.empty());
  REQUIRE(same.sample_differences.size() == 4);
  SampleDifference const& d = same.sample_differences[0];
  CHECK(d.first == "a");
  CHECK(*d.mode == Approx(0.02).margin(5e-4));
  CHECK(*d.mode_error == Approx(std::hypot(*same.closure().rows[0].point.mode_error,
                                           *same.closure().rows[4].point.mode_error)));
  CHECK_FALSE(same.sample_differences[1].mode.has_value());
  Results const other = compared(190);
  REQUIRE(other.warnings.size() == 1);
  CHECK(other.warnings[0].find("150") != std::string::npos);
  CHECK(other.warnings[0].find("190") != std::string::npos);
  settings.compare_samples = {{"a", "c"}};
  CHECK_THROWS_AS(compared(150), ConfigError);
}
