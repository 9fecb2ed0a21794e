#pragma once

#include <filesystem>
#include <string>

#include "validate/calibration.hpp"
#include "validate/standard/standard_file.hpp"

namespace jetcal::validate::standard {

/// The standard calibration: E / R'_E(E, eta), then m / (R'_E R'_m(E, m / E, |eta|)) at the
/// calibrated energy; m / R'_E alone where the mass would come out above the energy. The mass's
/// response is the product, what it is divided by. No widths.
///
/// Source    arXiv:2311.08885, section 3; ATLAS JetCalibTools, EtaJESCorrection and JMSCalibStep
class StandardCalibration final : public Calibration {
 public:
  /// Reads a file. Errors: those of read_standard()
  explicit StandardCalibration(std::filesystem::path const& path);

  std::string const& path() const override { return path_; }
  data::InputConfig const& input() const override { return input_; }
  std::optional<data::NetworkInput> network_input() const override { return std::nullopt; }
  bool has_sigmas() const override { return false; }
  void apply(UncalibratedJets const& jets, CalibratedJets& out) override;

 private:
  std::string path_;
  StandardFile file_;
  data::InputConfig input_;
};

}  // namespace jetcal::validate::standard
