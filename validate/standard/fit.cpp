#include "validate/standard/fit.hpp"

#include "engine/version.hpp"
#include "validate/standard/collect.hpp"

namespace jetcal::validate::standard {
namespace {

JetGroups by_eta(std::vector<Jet> jets, EnergySettings const& settings) {
  std::vector<double> const edges = eta_edges(settings);
  return grouped(std::move(jets), static_cast<std::int64_t>(edges.size()) - 1, [&](Jet const& jet) {
    double const eta = jet.eta;
    return bin_in(edges, settings.signed_eta ? eta : std::abs(eta));
  });
}

// The jets at the energy scale.
std::vector<Jet> calibrated(JetGroups groups, EnergyScale const& scale, ThreadPool& threads) {
  threads.run(groups.size(), [&](std::int64_t g, int) {
    EnergyScale::Bin const& bin = scale.bins()[static_cast<std::size_t>(g)];
    for (Jet& jet : groups[g]) {
      double const response = bin.response(static_cast<double>(jet.energy));
      jet.energy = static_cast<float>(static_cast<double>(jet.energy) / response);
      jet.mass = static_cast<float>(static_cast<double>(jet.mass) / response);
    }
  });
  return std::move(groups.jets);
}

}  // namespace

StandardFile fit_standard(std::vector<std::string> const& files, Settings const& settings,
                          data::SplitRule const& split, int threads) {
  ThreadPool pool(threads);
  CollectedJets collected = collect_jets(files, settings, split, threads);
  auto const used = static_cast<std::int64_t>(collected.jets.size());
  JetGroups groups = by_eta(std::move(collected.jets), settings.energy);
  auto const beyond = used - static_cast<std::int64_t>(groups.jets.size());
  DerivedEnergyScale energy = derive_energy_scale(groups, settings, pool);
  DerivedMassScale mass =
      derive_mass_scale(calibrated(std::move(groups), energy.scale, pool), settings, pool);
  Json const provenance = {{"files", collected.files},
                           {"data_digest", collected.digest},
                           {"jets", collected.rows},
                           {"jets_held_out", collected.not_chosen},
                           {"jets_unusable", collected.unusable},
                           {"jets_beyond_eta", beyond},
                           {"jets_used", used - beyond},
                           {"jets_without_mass", collected.without_mass}};
  return {std::string(kVersion) + " " + kCommit,
          settings,
          split,
          provenance,
          std::move(energy),
          std::move(mass)};
}

}  // namespace jetcal::validate::standard
