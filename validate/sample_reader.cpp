#include "validate/sample_reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/setup.hpp"
#include "engine/errors.hpp"
#include "engine/random.hpp"

namespace jetcal::validate {
namespace {

// The columns that are always read, in this order.
enum Always : std::size_t { kPt, kEta, kMassBin, kEnergyTrue, kMassTrue };

/// What the first calibration read from a file says of its jets; the defaults without one.
data::InputConfig first_input(std::vector<NamedCalibration> const& calibrations) {
  for (NamedCalibration const& c : calibrations) {
    if (c.calibration) { return c.calibration->input(); }
  }
  return {};
}

void add_units(std::map<std::string, std::string>& all,
               std::map<std::string, std::string> const& more, std::string const& where) {
  for (auto const& [field, unit] : more) {
    auto const [at, added] = all.emplace(field, unit);
    JETCAL_REQUIRE(added || at->second == unit, ConfigError,
                   where << ": declares the unit '" << unit << "' for '" << field
                         << "', another calibration '" << at->second
                         << "' (must agree). Validate them one by one");
  }
}

}  // namespace

SampleReader::SampleReader(SampleFiles const& files,
                           std::vector<NamedCalibration> const& calibrations,
                           Settings const& settings)
    : files_(files), calibrations_(calibrations), settings_(settings) {
  data::InputConfig const input = first_input(calibrations);
  data::TargetConfig const energy = input.target("energy"), mass = input.target("mass");
  data::JetReaderSetup setup;
  setup.files = files.files;
  setup.where = "sample '" + files.name + "'";
  setup.side = files.side;
  setup.columns = {settings.bins.pt_field, settings.bins.eta_field, settings.bins.mass_field,
                   energy.truth, mass.truth};
  setup.split = data::split_rule(input.data);
  for (NamedCalibration const& c : calibrations) {
    Place place;
    place.columns = setup.columns.size();
    if (c.calibration) {
      for (std::string const& field : c.calibration->fields()) { setup.columns.push_back(field); }
      place.network = setup.inputs.size();
      if (auto network = c.calibration->network_input()) {
        setup.inputs.push_back(std::move(*network));
      }
      add_units(setup.units, c.calibration->input().data.units, c.name);
    } else {
      bool const fields = c.name == kFields;
      setup.columns.push_back(fields ? "energy_calibrated" : energy.reco);
      setup.columns.push_back(fields ? "mass_calibrated" : mass.reco);
    }
    places_.push_back(place);
  }
  data::ShardSet shards(setup.files, setup.units, setup.where);
  find_optional_fields(shards.form(), setup);
  reader_ = std::make_unique<data::JetReader>(setup, std::move(shards));

  data::Shard const& form = reader_->shards().form();
  auto const to_gev = [&](std::string const& field) {
    return data::unit_factor(form.unit(field), "GeV", form.path + ": field '" + field + "'");
  };
  pt_to_gev_ = to_gev(settings.bins.pt_field);
  mass_bin_to_gev_ = to_gev(settings.bins.mass_field);
  energy_true_to_gev_ = to_gev(energy.truth);
  mass_true_to_gev_ = to_gev(mass.truth);
  for (std::size_t k = 0; k < calibrations.size(); ++k) {
    Place& place = places_[k];
    place.energy_to_gev = to_gev(setup.columns[place.columns]);
    place.mass_to_gev = to_gev(setup.columns[place.columns + 1]);
    Calibration const* const calibration = calibrations[k].calibration.get();
    if (calibration != nullptr) { place.units = calibration->units(form); }
    columns_.responses.push_back({columns_.count, columns_.count + 1});
    columns_.count += 2;
    if (calibration != nullptr && calibration->has_sigmas()) {
      std::size_t const at = columns_.count;
      columns_.widths.push_back(
          std::array<std::size_t, 2 * kVariables>{at, at + 1, at + 2, at + 3});
      columns_.count += 4;
    } else {
      columns_.widths.emplace_back();
    }
  }
  double const held_out = files.side == data::Side::all ? 0 : setup.split.fraction;
  expected_jets_ = static_cast<double>(reader_->shards().rows()) *
                   (files.side == data::Side::held_out ? held_out : 1 - held_out);
  calibrated_.resize(calibrations.size());
  values_.resize(columns_.count);
}

void SampleReader::find_optional_fields(data::Shard const& form, data::JetReaderSetup& setup) {
  FieldNames const& fields = settings_.fields;
  auto const add = [&](std::string const& field, std::string const& what, bool absolute,
                       bool required) -> std::optional<std::size_t> {
    if (form.find(field) == nullptr && !required) {
      missing_[what] = form.path + " has no field '" + field + "'";
      return std::nullopt;
    }
    copied_.push_back({setup.columns.size(), columns_.count, absolute});
    setup.columns.push_back(field);
    return columns_.count++;
  };
  columns_.npv = add(fields.npv, "npv", false, false);
  columns_.mu = add(fields.mu, "mu", false, false);
  if (auto const c = add(fields.topology, "topology", true, false)) {
    columns_.labels[Label::topology] = *c;
  }
  if (auto const c = add(fields.flavour, "flavour", true, false)) {
    columns_.labels[Label::flavour] = *c;
  }
  std::string const weight =
      fields.weight ? *fields.weight : first_input(calibrations_).data.weight.value_or("");
  if (!weight.empty()) { columns_.weight = add(weight, "weight", false, true); }
}

Sample SampleReader::read(ColumnStore& store, int threads, std::vector<FeatureSample>* features) {
  Sample sample(files_.name, columns_, store);
  sample.missing = missing_;
  reader_->for_each_block(threads, [&](data::JetBlock const& block) {
    check_flavours(block);
    for (std::size_t k = 0; k < calibrations_.size(); ++k) {
      if (!calibrations_[k].calibration) { continue; }
      calibrations_[k].calibration->apply(
          uncalibrated(block, places_[k].columns, places_[k].network, places_[k].units),
          calibrated_[k]);
    }
    fill(block, sample);
    if (features != nullptr) { collect(block, *features); }
  });
  JETCAL_REQUIRE(sample.jets.jets() > 0, DataError,
                 "validation: sample '" << files_.name << "' has no jets on the side '"
                                        << data::name(files_.side) << "' (needs at least one)");
  return sample;
}

void SampleReader::fill(data::JetBlock const& block, Sample& sample) {
  auto const n = static_cast<std::size_t>(block.rows);
  for (auto& column : values_) { column.resize(n); }
  auto const& in = block.columns;
  for (std::size_t i = 0; i < n; ++i) {
    values_[columns_.pt_true][i] = static_cast<float>(pt_to_gev_(in[kPt][i]));
    values_[columns_.eta_true][i] = static_cast<float>(in[kEta][i]);
    values_[columns_.energy_true][i] = static_cast<float>(energy_true_to_gev_(in[kEnergyTrue][i]));
    values_[columns_.mass_true][i] = static_cast<float>(mass_bin_to_gev_(in[kMassBin][i]));
  }
  for (auto const& [from, to, absolute] : copied_) {
    for (std::size_t i = 0; i < n; ++i) {
      auto const value = static_cast<float>(in[from][i]);
      values_[to][i] = absolute ? std::abs(value) : value;
    }
  }
  for (std::size_t k = 0; k < calibrations_.size(); ++k) {
    Place const& place = places_[k];
    bool const applied = calibrations_[k].calibration != nullptr;
    CalibratedJets const& jets = calibrated_[k];
    auto const& [energy_column, mass_column] = columns_.responses[k];
    for (std::size_t i = 0; i < n; ++i) {
      double const energy = applied ? static_cast<double>(jets.energy[i]) : in[place.columns][i];
      double const mass = applied ? static_cast<double>(jets.mass[i]) : in[place.columns + 1][i];
      values_[energy_column][i] =
          static_cast<float>(place.energy_to_gev(energy) / energy_true_to_gev_(in[kEnergyTrue][i]));
      values_[mass_column][i] =
          static_cast<float>(place.mass_to_gev(mass) / mass_true_to_gev_(in[kMassTrue][i]));
      if (applied && !(jets.calibrated[i] > 0)) { ++sample.not_calibrated; }
    }
    if (!columns_.widths[k]) { continue; }
    for (std::size_t v = 0; v < kVariables; ++v) {
      auto const& predicted = v == 0 ? jets.energy_prediction : jets.mass_prediction;
      for (std::size_t side = 0; side < 2; ++side) {
        auto& column = values_[(*columns_.widths[k])[2 * v + side]];
        for (std::size_t i = 0; i < n; ++i) {
          bool const done = jets.calibrated[i] > 0;
          column[i] = done ? predicted[3 * i + 1 + side] / predicted[3 * i] : std::nanf("");
        }
      }
    }
  }
  sample.jets.append({values_.begin(), values_.end()});
}

void SampleReader::check_flavours(data::JetBlock const& block) const {
  auto const label = columns_.labels.find(Label::flavour);
  if (label == columns_.labels.end() || !settings_.wants(Test::flavours)) { return; }
  std::set<std::int64_t> known(settings_.flavours_without.begin(),
                               settings_.flavours_without.end());
  for (JetGroup const& group : settings_.flavours) {
    known.insert(group.codes.begin(), group.codes.end());
  }
  auto const copied = std::find_if(copied_.begin(), copied_.end(),
                                   [&](Copied const& c) { return c.to == label->second; });
  auto const& codes = block.columns[copied->from];
  for (std::size_t i = 0; i < codes.size(); ++i) {
    auto const code = static_cast<std::int64_t>(std::abs(codes[i]));
    JETCAL_REQUIRE(known.count(code) == 1 && std::abs(codes[i]) == static_cast<double>(code),
                   DataError,
                   "sample '" << files_.name << "': /jets/" << settings_.fields.flavour << " row "
                              << block.row_numbers[i] << " is " << codes[i]
                              << " (must be a code of `flavours` or `flavours_without`). Add it "
                                 "to one of them in --settings");
  }
}

void SampleReader::collect(data::JetBlock const& block,
                           std::vector<FeatureSample>& features) const {
  double const share = static_cast<double>(settings_.importance.jets) / expected_jets_;
  RandomStream const random(0, Purpose::validation);
  for (std::size_t i = 0; i < block.row_numbers.size(); ++i) {
    if (!(random.uniform(static_cast<std::uint64_t>(block.row_numbers[i])) < share)) { continue; }
    for (std::size_t k = 0; k < calibrations_.size(); ++k) {
      Calibration* const calibration = calibrations_[k].calibration.get();
      if (calibration == nullptr || calibration->network() == nullptr) { continue; }
      auto const& rows = block.inputs[places_[k].network];
      if (rows.finite[i] == 0) { continue; }
      features[k].append(rows, i);
      features[k].pt_true.push_back(values_[columns_.pt_true][i]);
      features[k].mass_true.push_back(values_[columns_.mass_true][i]);
      auto const& [energy, mass] = columns_.responses[0];
      features[k].responses.push_back({values_[energy][i], values_[mass][i]});
    }
  }
}

}  // namespace jetcal::validate
