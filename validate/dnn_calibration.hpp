#pragma once

#include <filesystem>
#include <string>

#include "model/predictor.hpp"
#include "validate/calibration.hpp"

namespace jetcal::validate {

/// The calibration by a trained network: E / R_E, m / R_m. A network without a mass head scales the
/// whole four-vector, one without an energy head changes the mass alone.
///
/// Source    arXiv:2311.08885, section 5
class DnnCalibration final : public Calibration {
 public:
  /// Reads a model. Errors: DataError, ConfigError.
  DnnCalibration(std::filesystem::path const& model, ExecutionOptions const& options);

  std::string const& path() const override { return path_; }
  data::InputConfig const& input() const override { return input_; }
  std::optional<data::NetworkInput> network_input() const override;
  bool has_sigmas() const override { return true; }
  void apply(UncalibratedJets const& jets, CalibratedJets& out) override;
  model::Predictor* network() override { return &predictor_; }

 private:
  std::string path_;
  model::Predictor predictor_;
  data::InputConfig input_;
};

}  // namespace jetcal::validate
