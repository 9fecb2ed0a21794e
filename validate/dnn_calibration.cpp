#include "validate/dnn_calibration.hpp"

#include <algorithm>
#include <limits>

namespace jetcal::validate {

DnnCalibration::DnnCalibration(std::filesystem::path const& model, ExecutionOptions const& options)
    : path_(model.string()),
      predictor_(model::read_model(model), model.string(), options),
      input_(data::input_config(predictor_.file().recipe, model.string())) {
  // The units the network was trained in: a recipe may have left them to the shards of then.
  for (std::size_t f = 0; f < input_.features.size(); ++f) {
    input_.features[f].unit = predictor_.file().inputs.units[f];
  }
}

std::optional<data::NetworkInput> DnnCalibration::network_input() const {
  model::InputScaling const& inputs = predictor_.file().inputs;
  return data::NetworkInput{input_.features, {inputs.names, inputs.scale, inputs.offset}};
}

void DnnCalibration::apply(UncalibratedJets const& jets, CalibratedJets& out) {
  auto const n = static_cast<std::int64_t>(jets.size());
  out.resize(jets.size());
  predictor_.predict(jets.features, {out.energy_prediction.data(), n, 3, 3},
                     {out.mass_prediction.data(), n, 3, 3});
  for (std::size_t i = 0; i < jets.size(); ++i) {
    float* const energy = &out.energy_prediction[3 * i];
    float* const mass = &out.mass_prediction[3 * i];
    if (jets.finite[i] == 0) {
      std::fill_n(energy, 3, std::numeric_limits<float>::quiet_NaN());
      std::fill_n(mass, 3, std::numeric_limits<float>::quiet_NaN());
    }
    double const r_energy = predictor_.has_energy() ? static_cast<double>(energy[0]) : 1.0;
    double const r_mass = predictor_.has_mass() ? static_cast<double>(mass[0]) : r_energy;
    divide_by_responses(jets, i, jets.finite[i] != 0, r_energy, r_mass, out);
  }
}

}  // namespace jetcal::validate
