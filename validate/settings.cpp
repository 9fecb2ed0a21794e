#include "validate/settings.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

void add_axis(TableSpec& spec, Quantity quantity, std::vector<double> const& edges) {
  if (edges.size() >= 2) { spec.axes.push_back({quantity, edges}); }
}

void require_groups(std::vector<JetGroup> const& groups, char const* what) {
  std::set<std::string> names;
  for (JetGroup const& group : groups) {
    JETCAL_REQUIRE(!group.name.empty() && names.insert(group.name).second, ConfigError,
                   "validation: " << what << " has the name '" << group.name
                                  << "' twice or empty (names must differ)");
    JETCAL_REQUIRE(!group.codes.empty(), ConfigError,
                   "validation: " << what << " '" << group.name << "' has no codes");
    JETCAL_REQUIRE(!group.mass_true || group.mass_true->lo < group.mass_true->hi, ConfigError,
                   "validation: " << what << " '" << group.name << "' has a mass_true from "
                                  << group.mass_true->lo << " to " << group.mass_true->hi
                                  << " GeV (must rise)");
  }
}

}  // namespace

data::BinsConfig Settings::default_bins() {
  data::BinsConfig bins;
  bins.pt_true = {200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4500};
  bins.abs_eta_true = {0, 0.4, 0.8, 1.2, 1.6, 2.0};
  return bins;
}

std::vector<Test> Settings::all_tests() {
  std::vector<Test> out;
  for (auto const& [word, test] : test_names()) { out.push_back(test); }
  return out;
}

std::vector<TableSpec> Settings::default_slices() {
  std::vector<double> const pt = {200, 500, 1000, 4500};
  std::vector<double> const eta = {0, 0.8, 1.4, 2.0};
  TableSpec against_eta, against_energy, against_mass, against_pt;
  against_eta.name = "eta";
  against_eta.axes = {{Quantity::eta_true, {-3,   -2.6, -2.2, -2,   -1.8, -1.6, -1.4, -1.2, -1,
                                            -0.8, -0.6, -0.4, -0.2, 0,    0.2,  0.4,  0.6,  0.8,
                                            1,    1.2,  1.4,  1.6,  1.8,  2,    2.2,  2.6,  3}},
                      {Quantity::pt_true, pt}};
  against_eta.compare = true;
  against_energy.name = "energy";
  against_energy.axes = {
      {Quantity::energy_true, {200, 300, 450, 700, 1000, 1500, 2300, 3500, 6000}},
      {Quantity::abs_eta_true, eta}};
  against_mass.name = "mass";
  against_mass.axes = {{Quantity::mass_true, {0, 20, 40, 60, 80, 100, 130, 170, 230, 320, 500}},
                       {Quantity::pt_true, pt}};
  against_pt.name = "pt_mass";
  against_pt.axes = {{Quantity::pt_true, {200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4500}},
                     {Quantity::mass_true, {0, 40, 80, 160, 500}}};
  return {against_eta, against_energy, against_mass, against_pt};
}

std::vector<JetGroup> Settings::default_topologies() {
  JetGroup qcd{"QCD", Label::topology, {10}, std::nullopt, false};
  JetGroup wz{"W/Z", Label::topology, {2}, Range{65, 110}, false};
  JetGroup top{"top", Label::topology, {1, 6, 7}, Range{140, 210}, false};
  JetGroup higgs{"Higgs", Label::topology, {11, 12}, Range{100, 150}, false};
  return {qcd, wz, top, higgs};
}

std::vector<JetGroup> Settings::default_flavours() {
  return {{"light quark", Label::flavour, {1, 2, 3, 4}, std::nullopt, false},
          {"b quark", Label::flavour, {5}, std::nullopt, false},
          {"gluon", Label::flavour, {21}, std::nullopt, false}};
}

bool Settings::wants(Test test) const {
  return std::find(tests.begin(), tests.end(), test) != tests.end();
}

TableSpec Settings::closure() const {
  TableSpec spec;
  spec.name = "closure";
  spec.compare = true;
  add_axis(spec, Quantity::pt_true, bins.pt_true);
  add_axis(spec, Quantity::abs_eta_true, bins.abs_eta_true);
  add_axis(spec, Quantity::mass_true, bins.mass_true);
  return spec;
}

void Settings::require_valid() const {
  JETCAL_REQUIRE(!closure().axes.empty(), ConfigError,
                 "validation: there are no bins (bins.pt_true, bins.abs_eta_true or "
                 "bins.mass_true needs at least two edges)");
  closure().require_valid();
  JETCAL_REQUIRE(std::isfinite(mass_true_min_gev) && mass_true_min_gev >= 0, ConfigError,
                 "validation: mass_true_min is " << mass_true_min_gev
                                                 << " GeV (must be finite and not negative)");
  JETCAL_REQUIRE(min_jets >= 1, ConfigError,
                 "validation: min_jets is " << min_jets << " (must be at least 1)");
  JETCAL_REQUIRE(
      std::isfinite(errors_allowed) && errors_allowed >= 0, ConfigError,
      "validation: errors_allowed is " << errors_allowed << " (must be finite and not negative)");
  mode.require_valid();
  std::set<std::string> names = {"closure",   "topologies", "flavours", "pileup_npv",
                                 "pileup_mu", "spectrum",   "samples"};
  for (TableSpec const& slice : slices) {
    slice.require_valid();
    JETCAL_REQUIRE(
        names.insert(slice.name).second, ConfigError,
        "validation: the name '" << slice.name << "' of a table is taken (choose another)");
  }
  require_groups(topologies, "topologies");
  require_groups(flavours, "flavours");
  for (auto const& [axis, edges] :
       {std::pair{"topology_pt_true", &topology_pt_true},
        std::pair{"flavour_energy_true", &flavour_energy_true},
        std::pair{"spectrum_pt_true", &spectrum_pt_true}, std::pair{"pileup.npv", &pileup.npv},
        std::pair{"pileup.mu", &pileup.mu}, std::pair{"pileup.energy_true", &pileup.energy_true},
        std::pair{"pileup.abs_eta_true", &pileup.abs_eta_true},
        std::pair{"importance.pt_true", &importance.pt_true},
        std::pair{"importance.mass_true", &importance.mass_true}}) {
    Axis{Quantity::pt_true, *edges}.require_valid(std::string("validation: ") + axis);
  }
  JETCAL_REQUIRE(importance.jets >= 1 && importance.shift > 0 && importance.shift < 1, ConfigError,
                 "validation: importance has " << importance.jets << " jets and a shift of "
                                               << importance.shift
                                               << " (must be at least 1, and between 0 and 1)");
}

}  // namespace jetcal::validate
