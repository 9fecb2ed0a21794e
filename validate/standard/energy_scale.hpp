#pragma once

#include <string>
#include <vector>

#include "validate/standard/inversion.hpp"
#include "validate/standard/settings.hpp"

namespace jetcal::validate::standard {

/// R'_E(E, eta_det): what a jet's energy is divided by. Bins of eta (the outermost serve beyond,
/// too), in each a table linear in ln(E / GeV), constant above it, and a polynomial below `cut`.
class EnergyScale {
 public:
  /// One bin of eta.
  struct Bin {
    Table table;      ///< of ln(E / GeV)
    double cut = 0;   ///< [GeV]; below it the response is
    double low[3]{};  ///< low[0] + low[1] E + low[2] E^2

    double response(double energy_gev) const;
  };

  /// Errors: DataError, beginning with `where`, for edges that do not rise, another number of bins
  /// or values that are not finite or not above 0
  EnergyScale(std::vector<double> eta_edges, bool signed_eta, std::vector<Bin> bins,
              std::string const& where);

  std::vector<double> const& eta_edges() const { return edges_; }
  bool signed_eta() const { return signed_; }
  std::vector<Bin> const& bins() const { return bins_; }

  /// The bin of a jet; the first or last beyond all.
  std::size_t bin_of(double eta) const;

  /// Is eta in none of the bins?
  bool beyond(double eta) const;

  double response(double energy_gev, double eta) const {
    return bins_[bin_of(eta)].response(energy_gev);
  }

 private:
  std::vector<double> edges_;
  bool signed_;
  std::vector<Bin> bins_;
};

/// The bin whose table is given, with what comes below `min_pt` cosh(eta) or below the table,
/// whichever is higher.
///
/// Source    ATLAS JetCalibTools, EtaJESCorrection (LowPtJESExtrapolationMethod 0, 1, 2)
/// Errors    DataError, beginning with `where`, if E / R(E) does not rise there: the slope at the
///           cut is R / E or more, or the response there is not above `minimum_response`
EnergyScale::Bin with_low_energies(Table table, double eta, EnergySettings const& settings,
                                   std::string const& where);

}  // namespace jetcal::validate::standard
