#include "validate/standard/standard_calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace jetcal::validate::standard {

StandardCalibration::StandardCalibration(std::filesystem::path const& path)
    : path_(path.string()), file_(read_standard(path)) {
  Fields const& fields = file_.settings.fields;
  input_.data.validation_fraction = file_.split.fraction;
  input_.data.group = file_.split.group;
  input_.data.split_key = file_.split.key;
  input_.data.units = file_.settings.units;
  input_.targets = {{"energy", {fields.energy, fields.truth_energy}},
                    {"mass", {fields.mass, fields.truth_mass}}};
  input_.kinematics = {fields.pt, fields.eta};
}

void StandardCalibration::apply(UncalibratedJets const& jets, CalibratedJets& out) {
  out.resize(jets.size());
  for (auto* const v : {&out.energy_prediction, &out.mass_prediction}) {
    std::fill(v->begin(), v->end(), std::numeric_limits<float>::quiet_NaN());
  }
  for (std::size_t i = 0; i < jets.size(); ++i) {
    double const energy = jets.units.energy_to_gev(jets.energy[i]);
    double const mass = jets.units.mass_to_gev(jets.mass[i]);
    double const eta = jets.eta[i];
    bool const possible = std::isfinite(energy) && energy > 0 && std::isfinite(mass) && mass > 0 &&
                          std::isfinite(eta);
    double by_energy = 1, by_mass = 1;
    if (possible) {
      by_energy = file_.energy.scale.response(energy, eta);
      double const e = energy / by_energy, m = mass / by_energy;
      double const ratio = file_.mass.scale.response(e, m, eta);
      by_mass = m / ratio > e ? by_energy : by_energy * ratio;
      out.energy_prediction[3 * i] = static_cast<float>(by_energy);
      out.mass_prediction[3 * i] = static_cast<float>(by_mass);
    }
    divide_by_responses(jets, i, possible, by_energy, by_mass, out);
  }
}

}  // namespace jetcal::validate::standard
