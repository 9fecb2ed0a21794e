#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/threads.hpp"
#include "validate/standard/energy_scale.hpp"
#include "validate/standard/jets.hpp"
#include "validate/standard/mass_scale.hpp"
#include "validate/standard/settings.hpp"

namespace jetcal::validate::standard {

/// One of the bins that a scale was derived in: its borders, and the mode of the response of the
/// jets in it before and after. Bins of the energy scale have no borders in m / E.
struct OwnBin {
  double eta_low = 0, eta_high = 0;
  double energy_low = 0, energy_high = 0;  ///< of E_true [GeV]
  double ratio_low = 0, ratio_high = 0;    ///< of m_true / E_true
  std::int64_t jets = 0;
  double before = 0, error = 0;  ///< mode without the scale, its statistical error
  double after = 0;              ///< mode with it
};

struct DerivedEnergyScale {
  EnergyScale scale;
  std::vector<OwnBin> bins;
  /// For each bin of eta the one whose jets its table was made from: another one where it has too
  /// few.
  std::vector<std::int64_t> made_from;
};

struct DerivedMassScale {
  MassScale scale;
  std::vector<OwnBin> bins;
  std::int64_t lines = 0;      ///< bins of E times bins of |eta|,
  std::int64_t filled = 0;     ///< with too few jets: filled from the nearest other one
  std::int64_t shortened = 0;  ///< whose lowest masses cannot be inverted and are clamped
};

/// The energy scale from jets with a finite eta and energies above 0, grouped by its bins of eta
/// (an empty EnergyScale's: see eta_edges()); sorts the jets in each group.
///
/// In each bin of eta: modes R of E / E_true in bins of E_true against the mean E_true; a penalised
/// spline through them in ln E; its numerical inversion. Then the modes of the calibrated response
/// multiply the points and the spline is made again, with half the penalty, until all are within
/// `closure` of 1 or `iterations` is reached; the best of these stays.
///
/// Errors    DataError if no bin has enough jets, or E R(E) does not rise
DerivedEnergyScale derive_energy_scale(JetGroups& groups, Settings const& settings,
                                       ThreadPool& threads);

/// The edges of the energy scale's bins of eta.
std::vector<double> eta_edges(EnergySettings const& settings);

/// The mass scale from jets whose energy and mass are at the energy scale. For each bin of E_true
/// and |eta|, a line: modes of m / m_true in bins of ln(m_true / E_true), a penalised spline
/// through them, inverted as the energy; refined with the modes of the jets calibrated with the
/// whole scale, interpolation included.
///
/// Errors    DataError if no line has enough jets
DerivedMassScale derive_mass_scale(std::vector<Jet> jets, Settings const& settings,
                                   ThreadPool& threads);

}  // namespace jetcal::validate::standard
