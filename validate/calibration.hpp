#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/config_schema.hpp"
#include "data/jet_reader.hpp"
#include "model/predictor.hpp"

namespace jetcal::validate {

/// Jets before and after a calibration, one element a jet.
struct CalibratedJets {
  std::vector<float> energy, mass, pt;  ///< in the units of the input's energy, mass and pt
  /// response, sigma_low, sigma_high; NaN where there is no prediction.
  std::vector<float> energy_prediction, mass_prediction;  ///< [jets, 3]
  std::vector<float> calibrated;                          ///< 1, or 0: the jet stayed as it was

  void resize(std::size_t jets);
};

/// What a jet has before calibration, in any unit, with the factors to a common one.
struct Kinematics {
  data::UnitFactor energy_to_gev, mass_to_gev, gev_to_pt;
};

/// E / R_E, m / R_m, and p_T = sqrt(E^2 - m^2) / cosh(eta) from them. A network without a mass head
/// scales the whole four-vector, one without an energy head changes the mass alone.
///
/// The jet stays as it is, bit for bit, if m <= 0, anything is not finite, a response is 0, or the
/// mass would come out above the energy.
///
/// Source    arXiv:2311.08885, section 5; ATLAS JetCalibTools GlobalLargeRDNNCalibration.cxx
class DnnCalibration {
 public:
  /// Reads a model. Errors: DataError, ConfigError.
  DnnCalibration(std::filesystem::path const& model, ExecutionOptions const& options);

  std::string const& path() const { return path_; }
  data::InputConfig const& input() const { return input_; }

  /// What has to be read of jets for apply(): features, and the columns energy, mass, pt, eta.
  data::JetReaderSetup reader_setup(std::vector<std::string> files, data::Side side) const;

  /// `columns` numbers the first of those four columns in the block.
  void apply(data::JetBlock const& block, std::size_t columns, Kinematics const& units,
             CalibratedJets& out);

  /// The units of the input's energy, mass and pt fields.
  Kinematics kinematics(data::Shard const& form) const;

 private:
  std::string path_;
  model::Predictor predictor_;
  data::InputConfig input_;
};

}  // namespace jetcal::validate
