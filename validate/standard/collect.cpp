#include "validate/standard/collect.hpp"

#include <cmath>
#include <filesystem>

#include "data/jet_reader.hpp"

namespace jetcal::validate::standard {
namespace {

bool above_zero(double x) { return std::isfinite(x) && x > 0; }

}  // namespace

CollectedJets collect_jets(std::vector<std::string> const& files, Settings const& settings,
                           data::SplitRule const& split, int threads) {
  Fields const& fields = settings.fields;
  data::JetReaderSetup setup;
  setup.files = files;
  setup.units = settings.units;
  setup.columns = {fields.energy, fields.mass, fields.eta, fields.truth_energy, fields.truth_mass};
  setup.side = split.fraction > 0 ? data::Side::training : data::Side::all;
  setup.split = split;
  data::JetReader const reader(setup);
  data::Shard const& form = reader.shards().form();
  auto const gev = [&](std::string const& field) {
    return data::unit_factor(form.unit(field), "GeV", form.path + ": field '" + field + "'");
  };
  data::UnitFactor const energy = gev(fields.energy), mass = gev(fields.mass);
  data::UnitFactor const true_energy = gev(fields.truth_energy);
  data::UnitFactor const true_mass = gev(fields.truth_mass);
  data::unit_factor(form.unit(fields.eta), "1", form.path + ": field '" + fields.eta + "'");

  CollectedJets out;
  out.rows = reader.shards().rows();
  out.digest = reader.shards().digest();
  for (data::Shard const& shard : reader.shards().shards()) {
    out.files.push_back(std::filesystem::path(shard.path).filename().string());
  }
  out.jets.reserve(static_cast<std::size_t>(out.rows));
  out.not_chosen = out.rows;
  reader.for_each_block(threads, [&](data::JetBlock const& block) {
    out.not_chosen -= block.rows;
    for (std::size_t i = 0; i < static_cast<std::size_t>(block.rows); ++i) {
      auto const value = [&](std::size_t column) { return block.columns[column][i]; };
      Jet jet{static_cast<float>(energy(value(0))), static_cast<float>(mass(value(1))),
              static_cast<float>(value(2)), static_cast<float>(true_energy(value(3))),
              static_cast<float>(true_mass(value(4)))};
      if (!above_zero(jet.energy) || !above_zero(jet.true_energy) || !std::isfinite(jet.eta)) {
        ++out.unusable;
        continue;
      }
      if (!above_zero(jet.mass) || !above_zero(jet.true_mass)) {
        jet.mass = jet.true_mass = 0;
        ++out.without_mass;
      }
      out.jets.push_back(jet);
    }
  });
  JETCAL_REQUIRE(!out.jets.empty(), DataError,
                 "fit-standard: none of " << out.rows << " jets can be used (" << out.not_chosen
                                          << " are held out, " << out.unusable
                                          << " have no finite eta or no energies above 0)");
  return out;
}

}  // namespace jetcal::validate::standard
