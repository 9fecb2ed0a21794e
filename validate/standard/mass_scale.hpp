#pragma once

#include <string>
#include <vector>

namespace jetcal::validate::standard {

/// R'_m(E, ln(m / E), |eta_det|) of a jet whose energy is calibrated: what its mass is divided by
/// after the energy scale. Trilinear in ln(E / GeV), ln(m / E) and |eta|; each is kept to the ends
/// of its axis. 1 outside |eta| = 0 .. max_abs_eta.
class MassScale {
 public:
  struct Axes {
    std::vector<double> log_energy, log_ratio, abs_eta;  ///< rising; one value or more each
    double max_abs_eta = 0;
  };

  /// `responses` [log_energy, log_ratio, abs_eta], row by row.
  ///
  /// Errors: DataError, beginning with `where`, for axes that do not rise, another number of
  /// responses, or one that is not finite or not above 0
  MassScale(Axes axes, std::vector<double> responses, std::string const& where);

  Axes const& axes() const { return axes_; }
  std::vector<double> const& responses() const { return responses_; }

  /// Source    ATLAS JetCalibTools, JMSCalibStep
  double response(double energy_gev, double mass_gev, double eta) const;

 private:
  Axes axes_;
  std::vector<double> responses_;
};

}  // namespace jetcal::validate::standard
