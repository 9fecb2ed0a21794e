#include "tools/validation_sources.hpp"

#include <algorithm>
#include <span>

#include "engine/errors.hpp"

namespace jetcal::tools {
namespace {

using validate::Calibration;

data::TargetConfig target(data::InputConfig const* input, std::string const& head) {
  if (input != nullptr) {
    auto const found = input->targets.find(head);
    if (found != input->targets.end()) { return found->second; }
  }
  return {head, "truth_" + head};
}

std::span<float const> view(std::vector<float> const& v) { return {v.data(), v.size()}; }

}  // namespace

/// One sample: its jets are read once, whatever is done with them.
class ValidationSources::Sample {
 public:
  Sample(NamedSample const& sample, std::vector<std::string> const& names,
         std::vector<std::unique_ptr<Calibration>> const& models,
         validate::Settings const& settings, data::Side side)
      : name_(sample.name), names_(names), models_(models) {
    data::InputConfig const* const input = models.empty() ? nullptr : &models.front()->input();
    energy_ = target(input, "energy");
    mass_ = target(input, "mass");
    data::JetReaderSetup base;
    base.files = sample.files;
    base.where = "sample '" + sample.name + "'";
    base.columns = {settings.bins.pt_field,
                    settings.bins.eta_field,
                    settings.bins.mass_field,
                    energy_.reco,
                    energy_.truth,
                    mass_.reco,
                    mass_.truth};
    if (std::count(names.begin(), names.end(), "fields") > 0) {
      base.columns.push_back("energy_calibrated");
      base.columns.push_back("mass_calibrated");
    }
    for (auto const& model : models) {
      Place place;
      place.columns = base.columns.size();
      for (std::string const& field : model->fields()) { base.columns.push_back(field); }
      place.network = base.inputs.size();
      if (auto network = model->network_input()) { base.inputs.push_back(std::move(*network)); }
      places_.push_back(place);
    }
    base.side = side;
    if (input != nullptr) {
      base.units = input->data.units;
      base.split = {input->data.validation_fraction, input->data.group, input->data.split_key};
    }
    base_ = std::make_unique<data::JetReader>(base);
    data::Shard const& form = base_->shards().form();
    auto const factor = [&](std::string const& field, std::string const& to) {
      return data::unit_factor(form.unit(field), to, form.path + ": field '" + field + "'");
    };
    pt_to_gev_ = factor(settings.bins.pt_field, "GeV");
    mass_to_gev_ = factor(settings.bins.mass_field, "GeV");
    energy_truth_ = factor(energy_.truth, form.unit(energy_.reco));
    mass_truth_ = factor(mass_.truth, form.unit(mass_.reco));
    for (std::size_t m = 0; m < models.size(); ++m) { places_[m].units = models[m]->units(form); }
    calibrated_.resize(models.size());
    responses_.resize(2 * names.size());
  }

  std::string const& name() const { return name_; }

  bool next(validate::JetBlock& out) {
    if (at_ >= base_->blocks()) { return false; }
    base_->read(at_, block_);
    for (std::size_t m = 0; m < models_.size(); ++m) {
      auto const& [columns, network, units] = places_[m];
      models_[m]->apply(validate::uncalibrated(block_, columns, network, units), calibrated_[m]);
    }
    ++at_;
    fill(out);
    return true;
  }

 private:
  // Where a calibration's jets are in a block.
  struct Place {
    std::size_t columns = 0, network = 0;
    validate::KinematicUnits units;
  };

  void fill(validate::JetBlock& out) {
    auto const n = static_cast<std::size_t>(block_.rows);
    for (auto* const v : {&pt_, &eta_, &mass_true_}) { v->resize(n); }
    for (auto& r : responses_) { r.resize(n); }
    for (std::size_t i = 0; i < n; ++i) {
      pt_[i] = static_cast<float>(pt_to_gev_(block_.columns[0][i]));
      eta_[i] = static_cast<float>(block_.columns[1][i]);
      mass_true_[i] = static_cast<float>(mass_to_gev_(block_.columns[2][i]));
      double const e_true = energy_truth_(block_.columns[4][i]);
      double const m_true = mass_truth_(block_.columns[6][i]);
      std::size_t model = 0;
      for (std::size_t c = 0; c < names_.size(); ++c) {
        double energy = block_.columns[3][i], mass = block_.columns[5][i];
        if (names_[c] == "fields") {
          energy = block_.columns[7][i];
          mass = block_.columns[8][i];
        } else if (c > 0) {
          energy = static_cast<double>(calibrated_[model].energy[i]);
          mass = static_cast<double>(calibrated_[model].mass[i]);
          ++model;
        }
        responses_[2 * c][i] = static_cast<float>(energy / e_true);
        responses_[2 * c + 1][i] = static_cast<float>(mass / m_true);
      }
    }
    out = {};
    out.pt_true_gev = view(pt_);
    out.eta_true = view(eta_);
    out.mass_true_gev = view(mass_true_);
    for (std::size_t c = 0; c < names_.size(); ++c) {
      out.calibrations.push_back({view(responses_[2 * c]), view(responses_[2 * c + 1])});
    }
  }

  std::string name_;
  std::vector<std::string> const& names_;
  std::vector<std::unique_ptr<Calibration>> const& models_;
  data::TargetConfig energy_, mass_;
  data::UnitFactor pt_to_gev_, mass_to_gev_, energy_truth_, mass_truth_;
  std::unique_ptr<data::JetReader> base_;
  std::vector<Place> places_;
  data::JetBlock block_;
  std::vector<validate::CalibratedJets> calibrated_;
  std::vector<float> pt_, eta_, mass_true_;
  std::vector<std::vector<float>> responses_;  // energy, mass for each calibration
  std::int64_t at_ = 0;
};

ValidationSources::ValidationSources(std::vector<NamedSample> const& samples,
                                     std::vector<std::string> const& calibrations,
                                     validate::Settings const& settings, data::Side side,
                                     ExecutionOptions const& execution) {
  names_.emplace_back(validate::kUncalibrated);
  for (std::string const& calibration : calibrations) {
    if (calibration == validate::kUncalibrated) { continue; }
    names_.push_back(calibration);
    if (calibration == "fields") { continue; }
    models_.push_back(validate::read_calibration(calibration, execution));
    data::DataConfig const& first = models_.front()->input().data;
    data::DataConfig const& now = models_.back()->input().data;
    JETCAL_REQUIRE(
        side == data::Side::all || (first.validation_fraction == now.validation_fraction &&
                                    first.group == now.group && first.split_key == now.split_key),
        ConfigError,
        "--jets " << data::name(side) << ": " << calibration << " splits the jets otherwise than "
                  << names_[1] << " (the models must have one rule). Validate them one by one");
  }
  JETCAL_REQUIRE(side == data::Side::all || !models_.empty(), ConfigError,
                 "--jets " << data::name(side)
                           << ": no model says which jets are held out. Give a model as "
                              "--calibration, or use --jets all");
  for (NamedSample const& sample : samples) {
    samples_.push_back(std::make_unique<Sample>(sample, names_, models_, settings, side));
  }
}

ValidationSources::~ValidationSources() = default;

std::vector<validate::Source> ValidationSources::sources() {
  std::vector<validate::Source> list;
  for (auto const& sample : samples_) {
    list.push_back(
        {sample->name(), [s = sample.get()](validate::JetBlock& b) { return s->next(b); }});
  }
  return list;
}

}  // namespace jetcal::tools
