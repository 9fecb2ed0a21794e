#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/validate/closed_form_jets.hpp"
#include "validate/standard/derive.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::ClosedForm;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::validate::ModeEstimate;

namespace {

JetGroups by_eta(std::vector<Jet> jets, Settings const& settings) {
  auto const edges = eta_edges(settings.energy);
  return grouped(std::move(jets), static_cast<std::int64_t>(edges.size()) - 1, [&](Jet const& jet) {
    double const eta = jet.eta;
    return bin_in(edges, settings.energy.signed_eta ? eta : std::abs(eta));
  });
}

DerivedEnergyScale energy_scale(std::vector<Jet> jets, Settings const& settings, int threads = 2) {
  ThreadPool pool(threads);
  JetGroups groups = by_eta(std::move(jets), settings);
  return derive_energy_scale(groups, settings, pool);
}

std::vector<Jet> at_scale(std::vector<Jet> jets, EnergyScale const& scale) {
  for (Jet& jet : jets) {
    auto const r = static_cast<float>(scale.response(jet.energy, jet.eta));
    jet.energy /= r;
    jet.mass /= r;
  }
  return jets;
}

}  // namespace

TEST_CASE("jets are grouped in their order", "[standard]") {
  std::vector<Jet> jets;
  for (int i = 0; i < 1000; ++i) {
    jets.push_back({static_cast<float>(i), 0, static_cast<float>(i * 37 % 11), 1, 1});
  }
  JetGroups groups = grouped(jets, 9, [](Jet const& jet) {
    return jet.eta < 9 ? static_cast<std::int64_t>(jet.eta) : -1;
  });
  REQUIRE(groups.size() == 9);
  std::set<float> seen;
  for (std::int64_t g = 0; g < 9; ++g) {
    float before = -1;
    for (Jet const& jet : groups[g]) {
      CHECK(jet.eta == static_cast<float>(g));
      CHECK(jet.energy > before);
      before = jet.energy;
      seen.insert(jet.energy);
    }
  }
  CHECK(seen.size() == static_cast<std::size_t>(std::count_if(
                           jets.begin(), jets.end(), [](Jet const& j) { return j.eta < 9; })));
  CHECK(bin_in({1, 2, 4}, 1) == 0);
  CHECK(bin_in({1, 2, 4}, 2) == 1);
  CHECK(bin_in({1, 2, 4}, 3.999) == 1);
  CHECK(bin_in({1, 2, 4}, 4) == -1);
  CHECK(bin_in({1, 2, 4}, 0.999) == -1);
  CHECK(bin_in({1, 2, 4}, std::numeric_limits<double>::quiet_NaN()) == -1);
}

TEST_CASE("bins with few jets are merged", "[standard]") {
  // 10 values in [0, 1), 3 in [1, 2), none in [2, 3), 5 in [3, 4), 2 in [4, 5).
  std::vector<double> x;
  for (auto const& [n, low] :
       std::vector<std::pair<int, double>>{{10, 0}, {3, 1}, {5, 3}, {2, 4}}) {
    for (int i = 0; i < n; ++i) { x.push_back(low + i / 10.0); }
  }
  auto const text = [&](std::vector<double> const& edges, std::int64_t min_jets) {
    std::string out;
    for (Bin const& b : rising_bins(x, edges, 1, min_jets)) {
      out += std::to_string(std::lround(b.low)) + "-" + std::to_string(std::lround(b.high)) + ":" +
             std::to_string(b.begin) + "+" + std::to_string(b.jets()) + " ";
    }
    return out;
  };
  CHECK(text({}, 1) == "0-1:0+10 1-2:10+3 2-4:13+5 4-5:18+2 ");
  CHECK(text({}, 3) == "0-1:0+10 1-2:10+3 2-5:13+7 ");
  CHECK(text({}, 4) == "0-1:0+10 1-5:10+10 ");
  CHECK(text({}, 20) == "0-5:0+20 ");
  CHECK(text({}, 21).empty());
  CHECK(text({1, 4}, 1) == "1-4:10+8 ");
  CHECK(text({1, 2, 4, 9}, 3) == "1-2:10+3 2-9:13+7 ");
  CHECK(rising_bins({}, {}, 1, 1).empty());
}

TEST_CASE("the energy scale finds a response known in closed form", "[standard]") {
  ClosedForm const law;
  Settings settings;
  settings.energy.eta_max = 1;
  DerivedEnergyScale const derived = energy_scale(law.jets(200'000), settings);
  REQUIRE(derived.scale.bins().size() == 10);
  // Between the outermost bins' means, where most bins have a statistical error of .17 %.
  double sum = 0;
  int n = 0;
  for (int b = 0; b < 20; ++b) {
    double const eta = 0.1 * b - 0.95;
    for (double e = 200; e < 4500; e *= 1.1) {
      double const off = derived.scale.response(e, eta) / law.energy_response(e, eta) - 1;
      CAPTURE(eta, e);
      CHECK(std::abs(off) < 0.005);
      sum += off * off;
      ++n;
    }
  }
  CHECK(n > 500);
  CHECK(std::sqrt(sum / n) < 0.0012);
  // It closes in its own bins, and the modes before are the law's.
  CHECK(derived.bins.size() > 80);
  for (OwnBin const& bin : derived.bins) {
    CAPTURE(bin.eta_low, bin.energy_low, bin.jets);
    CHECK(std::abs(bin.after - 1) < 0.005);
    CHECK(bin.jets >= 500);
    CHECK(bin.error < 0.003);
    double const e = std::sqrt(bin.energy_low * bin.energy_high);
    CHECK(std::abs(bin.before - (law.a(bin.eta_low + 0.01) + law.b / e)) < 0.01);
  }
  // Jets that it has not seen close too.
  JetGroups groups =
      grouped(at_scale(law.jets(60'000, 1'000'000), derived.scale), 6, [](Jet const& jet) {
        double const eta = std::abs(jet.eta);
        return eta >= 1 ? -1
                        : (jet.true_energy < 500    ? 0
                           : jet.true_energy < 1800 ? 2
                                                    : 4) +
                              (eta < 0.5 ? std::int64_t{0} : std::int64_t{1});
      });
  for (std::int64_t g = 0; g < 6; ++g) {
    std::span<Jet const> const in = groups[g];
    REQUIRE(in.size() > 2000);
    ModeEstimate const mode =
        mode_in({0, 0, 0, static_cast<std::int64_t>(in.size())}, {}, [&](std::int64_t i) {
          Jet const& jet = in[static_cast<std::size_t>(i)];
          return jet.energy / jet.true_energy;
        });
    CAPTURE(g, mode.mode);
    CHECK(std::abs(mode.mode - 1) < 0.002);
  }
}

TEST_CASE("the mass scale finds a response known in closed form", "[standard]") {
  ClosedForm const law;
  Settings settings;
  settings.mass.abs_eta_edges = {0, 1, 2, 3};
  DerivedEnergyScale const energy = energy_scale(law.jets(90'000), settings);
  ThreadPool pool(2);
  DerivedMassScale const mass =
      derive_mass_scale(at_scale(law.jets(90'000), energy.scale), settings, pool);
  CHECK(mass.filled == 0);
  CHECK(mass.shortened == 0);
  CHECK(mass.lines == static_cast<std::int64_t>(mass.scale.axes().log_energy.size()) * 3);
  double sum = 0;
  int n = 0;
  for (double eta : {-2.6, -1.1, 0.2, 0.8, 1.9, 2.9}) {
    for (double e = 250; e < 4500; e *= 1.25) {
      for (double ratio = std::max(0.02, 15 / e); ratio < 0.35; ratio *= 1.4) {
        double const r = mass.scale.response(e, ratio * e, eta);
        sum += std::pow(r / law.mass_response(e) - 1, 2);
        CHECK(std::abs(r / law.mass_response(e) - 1) < 0.03);
        ++n;
      }
    }
  }
  CHECK(n > 300);
  CHECK(std::sqrt(sum / n) < 0.007);
  int within = 0;
  for (OwnBin const& bin : mass.bins) { within += std::abs(bin.after - 1) < 0.01 ? 1 : 0; }
  CHECK(within > 0.9 * static_cast<double>(mass.bins.size()));
}

TEST_CASE("refinement brings wide bins to closure", "[standard]") {
  ClosedForm law;
  law.b = 60;
  Settings settings;
  settings.energy.eta_max = 1;
  settings.energy.eta_step = 1;
  settings.energy.log_step = 1;
  settings.mass.abs_eta_edges = {0, 1};
  settings.mass.energy_log_step = 0.8;
  settings.mass.ratio_log_step = 1;
  settings.mass.closure = 0.002;
  auto jets = law.jets(60'000);
  std::erase_if(jets, [](Jet const& jet) { return std::abs(jet.eta) >= 1; });
  auto const largest = [](std::vector<OwnBin> const& bins) {
    double worst = 0;
    for (OwnBin const& bin : bins) { worst = std::max(worst, std::abs(bin.after - 1)); }
    return worst;
  };
  // The mass depends on E more than a bin's middle tells.
  for (Jet& jet : jets) {
    jet.mass *= static_cast<float>(std::pow(jet.true_energy / 1000, 0.3) *
                                   std::pow(jet.true_mass / jet.true_energy, -0.3));
  }
  ThreadPool pool(2);
  double energy[2], mass[2];
  for (int i : {0, 1}) {
    settings.energy.iterations = 8 * i;
    settings.mass.iterations = 5 * i;
    DerivedEnergyScale const derived = energy_scale(jets, settings);
    energy[i] = largest(derived.bins);
    mass[i] = largest(derive_mass_scale(at_scale(jets, derived.scale), settings, pool).bins);
  }
  CAPTURE(energy[0], energy[1], mass[0], mass[1]);
  CHECK(energy[0] > 0.006);
  CHECK(energy[1] <= 0.004);
  CHECK(mass[0] > 0.01);
  CHECK(mass[1] < 0.5 * mass[0]);
}

TEST_CASE("the derivation does not depend on the number of threads", "[standard]") {
  ClosedForm const law;
  auto const jets = law.jets(30'000);
  Settings settings;
  settings.energy.eta_step = 0.5;
  settings.mass.abs_eta_edges = {0, 1.5, 3};
  ThreadPool one(1), three(3);
  auto const a = energy_scale(jets, settings, 1), b = energy_scale(jets, settings, 3);
  REQUIRE(a.scale.bins().size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(a.scale.bins()[i].table.values == b.scale.bins()[i].table.values);
  }
  auto const scaled = at_scale(jets, a.scale);
  CHECK(derive_mass_scale(scaled, settings, one).scale.responses() ==
        derive_mass_scale(scaled, settings, three).scale.responses());
}

TEST_CASE("a bin with too few jets takes the nearest one's correction", "[standard]") {
  ClosedForm const law;
  auto jets = law.jets(40'000);
  // Nothing in 0.5 <= |eta| < 1, little from 2.5 on.
  std::int64_t n = 0;
  std::erase_if(jets, [&](Jet const& jet) {
    double const eta = std::abs(jet.eta);
    return (0.5 <= eta && eta < 1) || (eta >= 2.5 && ++n > 300);
  });
  Settings settings;
  settings.energy.eta_step = 0.5;
  DerivedEnergyScale const derived = energy_scale(jets, settings);
  CHECK(derived.made_from == std::vector<std::int64_t>{0, 0, 2, 3, 4, 4});
  CHECK(derived.scale.response(700, 0.7) == derived.scale.response(700, 0.3));
  CHECK(derived.scale.response(700, 2.9) == derived.scale.response(700, 2.1));
  CHECK(derived.scale.response(700, 1.2) != derived.scale.response(700, 0.3));
  for (OwnBin const& bin : derived.bins) { CHECK(bin.eta_low != 0.5); }

  settings.mass.abs_eta_edges = {0, 0.5, 1, 2, 3};
  ThreadPool pool(2);
  DerivedMassScale const mass = derive_mass_scale(jets, settings, pool);
  auto const n_energies = static_cast<std::int64_t>(mass.scale.axes().log_energy.size());
  CHECK(mass.lines == 4 * n_energies);
  CHECK(mass.filled >= n_energies);
  CHECK(mass.filled < 2 * n_energies);
  CHECK(mass.scale.response(700, 70, 0.75) == mass.scale.response(700, 70, 0.25));
}

TEST_CASE("signed eta keeps the two sides apart", "[standard]") {
  ClosedForm const law;
  auto jets = law.jets(30'000);
  for (Jet& jet : jets) {
    if (jet.eta < 0) { jet.energy *= 0.95f; }
  }
  Settings settings;
  settings.energy.signed_eta = true;
  settings.energy.eta_step = 1;
  DerivedEnergyScale const derived = energy_scale(jets, settings);
  REQUIRE(derived.scale.eta_edges() == std::vector<double>{-3, -2, -1, 0, 1, 2, 3});
  for (double const eta : {0.5, 1.5, 2.5, 4.0}) {
    double const ratio = derived.scale.response(950, -eta) / derived.scale.response(1000, eta);
    CHECK(ratio == Approx(0.95).epsilon(0.004));
  }
}

TEST_CASE("jets that give no calibration are refused, with the reason", "[standard]") {
  ClosedForm const law;
  auto const jets = law.jets(30'000);
  Settings settings;
  settings.energy.eta_step = 1;
  auto falling = jets;
  for (Jet& jet : falling) {
    if (jet.true_energy > 900) {
      jet.energy *= static_cast<float>(std::pow(jet.true_energy / 900, -1.4));
    }
  }
  std::string const falls = error_text<DataError>([&] { energy_scale(falling, settings); });
  CHECK(has(falls, "E R(E) falls"));
  CHECK(has(falls, "eta 0 to 1"));
  CHECK(has(error_text<DataError>([&] { energy_scale(law.jets(300), settings); }), "500 jets"));
  CHECK(has(error_text<DataError>([&] { energy_scale({}, settings); }), "500 jets"));
  ThreadPool pool(1);
  CHECK(has(error_text<DataError>([&] { derive_mass_scale(law.jets(900), settings, pool); }),
            "900 jets"));
  settings.mass.min_true_mass_gev = 5000;
  CHECK(has(error_text<DataError>([&] { derive_mass_scale(jets, settings, pool); }),
            "mass.min_true_mass"));
}
