#include "validate/calibration.hpp"

#include <cmath>

#include "engine/sealed_file.hpp"
#include "validate/dnn_calibration.hpp"
#include "validate/standard/standard_calibration.hpp"

namespace jetcal::validate {
UncalibratedJets uncalibrated(data::JetBlock const& block, std::size_t columns, std::size_t network,
                              KinematicUnits const& units) {
  UncalibratedJets jets;
  jets.units = units;
  jets.energy = block.columns[columns];
  jets.mass = block.columns[columns + 1];
  jets.pt = block.columns[columns + 2];
  jets.eta = block.columns[columns + 3];
  if (network < block.inputs.size()) {
    auto const& [features, finite, n_features] = block.inputs[network];
    jets.features = {features.data(), block.rows, n_features, padded(n_features)};
    jets.finite = finite;
  }
  return jets;
}

void CalibratedJets::resize(std::size_t jets) {
  for (auto* const v : {&energy, &mass, &pt, &calibrated}) { v->resize(jets); }
  for (auto* const v : {&energy_prediction, &mass_prediction}) { v->resize(3 * jets); }
}

std::vector<std::string> Calibration::fields() const {
  return {input().target("energy").reco, input().target("mass").reco, input().kinematics.pt,
          input().kinematics.eta};
}

KinematicUnits Calibration::units(data::Shard const& form) const {
  auto const field = fields();
  return {data::unit_factor(form.unit(field[0]), "GeV", form.path),
          data::unit_factor(form.unit(field[1]), "GeV", form.path),
          data::unit_factor("GeV", form.unit(field[2]), form.path)};
}

void divide_by_responses(UncalibratedJets const& jets, std::size_t i, bool possible,
                         double energy_response, double mass_response, CalibratedJets& out) {
  double const energy = jets.energy[i], mass = jets.mass[i], pt = jets.pt[i];
  auto const e = static_cast<float>(energy / energy_response);
  auto const m = static_cast<float>(mass / mass_response);
  double const e_gev = jets.units.energy_to_gev(static_cast<double>(e));
  double const m_gev = jets.units.mass_to_gev(static_cast<double>(m));
  auto const p_t = static_cast<float>(
      jets.units.gev_to_pt(std::sqrt((e_gev - m_gev) * (e_gev + m_gev)) / std::cosh(jets.eta[i])));
  bool const done = possible && mass > 0 && std::isfinite(pt) && energy_response > 0 &&
                    mass_response > 0 && m_gev <= e_gev && std::isfinite(e) && std::isfinite(m) &&
                    std::isfinite(p_t);
  out.energy[i] = done ? e : static_cast<float>(energy);
  out.mass[i] = done ? m : static_cast<float>(mass);
  out.pt[i] = done ? p_t : static_cast<float>(pt);
  out.calibrated[i] = done ? 1.0f : 0.0f;
}

std::unique_ptr<Calibration> read_calibration(std::filesystem::path const& path,
                                              ExecutionOptions const& options) {
  if (looks_sealed(path) && sealed_kind(path) == standard::kKind) {
    return std::make_unique<standard::StandardCalibration>(path);
  }
  return std::make_unique<DnnCalibration>(path, options);
}

}  // namespace jetcal::validate
