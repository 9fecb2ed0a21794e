#include "validate/calibration.hpp"

#include <cmath>
#include <limits>

namespace jetcal::validate {
namespace {

/// The reco field of a target, "energy" or "mass" without one.
std::string reco_field(data::InputConfig const& input, std::string const& head) {
  auto const found = input.targets.find(head);
  return found == input.targets.end() ? head : found->second.reco;
}

}  // namespace

void CalibratedJets::resize(std::size_t jets) {
  for (auto* const v : {&energy, &mass, &pt, &calibrated}) { v->resize(jets); }
  for (auto* const v : {&energy_prediction, &mass_prediction}) { v->resize(3 * jets); }
}

DnnCalibration::DnnCalibration(std::filesystem::path const& model, ExecutionOptions const& options)
    : path_(model.string()),
      predictor_(model::read_model(model), model.string(), options),
      input_(data::input_config(predictor_.file().recipe, model.string())) {
  // The units the network was trained in: a recipe may have left them to the shards of then.
  for (std::size_t f = 0; f < input_.features.size(); ++f) {
    input_.features[f].unit = predictor_.file().inputs.units[f];
  }
}

data::JetReaderSetup DnnCalibration::reader_setup(std::vector<std::string> files,
                                                  data::Side side) const {
  data::JetReaderSetup setup;
  setup.files = std::move(files);
  setup.units = input_.data.units;
  setup.features = input_.features;
  model::InputScaling const& inputs = predictor_.file().inputs;
  setup.normalisation = {inputs.names, inputs.scale, inputs.offset};
  setup.columns = {reco_field(input_, "energy"), reco_field(input_, "mass"), input_.kinematics.pt,
                   input_.kinematics.eta};
  setup.side = side;
  setup.split = {input_.data.validation_fraction, input_.data.group, input_.data.split_key};
  return setup;
}

Kinematics DnnCalibration::kinematics(data::Shard const& form) const {
  return {data::unit_factor(form.unit(reco_field(input_, "energy")), "GeV", form.path),
          data::unit_factor(form.unit(reco_field(input_, "mass")), "GeV", form.path),
          data::unit_factor("GeV", form.unit(input_.kinematics.pt), form.path)};
}

void DnnCalibration::apply(data::JetBlock const& block, std::size_t columns,
                           Kinematics const& units, CalibratedJets& out) {
  auto const n = static_cast<std::size_t>(block.rows);
  auto const n_features = static_cast<std::int64_t>(input_.features.size());
  out.resize(n);
  predictor_.predict({block.features.data(), block.rows, n_features, padded(n_features)},
                     {out.energy_prediction.data(), block.rows, 3, 3},
                     {out.mass_prediction.data(), block.rows, 3, 3});
  for (std::size_t i = 0; i < n; ++i) {
    double const energy = block.columns[columns][i], mass = block.columns[columns + 1][i];
    double const pt = block.columns[columns + 2][i], eta = block.columns[columns + 3][i];
    float* const pe = &out.energy_prediction[3 * i];
    float* const pm = &out.mass_prediction[3 * i];
    if (block.finite[i] == 0) {
      std::fill_n(pe, 3, std::numeric_limits<float>::quiet_NaN());
      std::fill_n(pm, 3, std::numeric_limits<float>::quiet_NaN());
    }
    double const r_energy = predictor_.has_energy() ? static_cast<double>(pe[0]) : 1.0;
    double const r_mass = predictor_.has_mass() ? static_cast<double>(pm[0]) : r_energy;
    auto const e = static_cast<float>(energy / r_energy);
    auto const m = static_cast<float>(mass / r_mass);
    double const e_gev = units.energy_to_gev(static_cast<double>(e));
    double const m_gev = units.mass_to_gev(static_cast<double>(m));
    auto const p_t = static_cast<float>(
        units.gev_to_pt(std::sqrt((e_gev - m_gev) * (e_gev + m_gev)) / std::cosh(eta)));
    bool const possible = block.finite[i] != 0 && mass > 0 && std::isfinite(pt) && r_energy > 0 &&
                          r_mass > 0 && m_gev <= e_gev && std::isfinite(e) && std::isfinite(m) &&
                          std::isfinite(p_t);
    out.energy[i] = possible ? e : static_cast<float>(energy);
    out.mass[i] = possible ? m : static_cast<float>(mass);
    out.pt[i] = possible ? p_t : static_cast<float>(pt);
    out.calibrated[i] = possible ? 1.0f : 0.0f;
  }
}

}  // namespace jetcal::validate
