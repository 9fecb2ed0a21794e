#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/config_schema.hpp"
#include "data/jet_reader.hpp"
#include "engine/matrix.hpp"
#include "kernels/execution.hpp"
#include "model/predictor.hpp"

namespace jetcal::validate {

/// The units of the energy, mass and pT that jets come with, as factors to and from GeV.
struct KinematicUnits {
  data::UnitFactor energy_to_gev, mass_to_gev, gev_to_pt;
};

/// Jets before calibration, one element a jet. The memory is somebody else's.
struct UncalibratedJets {
  KinematicUnits units;
  std::span<double const> energy, mass, pt, eta;
  ConstMat features{};                   ///< [jets, n], what Calibration::network_input() asks for,
  std::span<std::uint8_t const> finite;  ///< 0 where one of them is not finite

  std::size_t size() const { return energy.size(); }
};

/// A block's jets: columns `columns` .. `columns` + 3 are Calibration::fields(), and network
/// `network` of the block's inputs is the calibration's (none is looked at if the block has fewer).
UncalibratedJets uncalibrated(data::JetBlock const& block, std::size_t columns, std::size_t network,
                              KinematicUnits const& units);

/// Jets after a calibration, one element a jet.
struct CalibratedJets {
  std::vector<float> energy, mass, pt;  ///< in the units they came with
  /// response, sigma_low, sigma_high; NaN where there is no prediction.
  std::vector<float> energy_prediction, mass_prediction;  ///< [jets, 3]
  std::vector<float> calibrated;                          ///< 1, or 0: the jet stayed as it was

  void resize(std::size_t jets);
};

/// What maps energy and mass of a jet to better ones: a trained network, or the standard
/// calibration by numerical inversion.
class Calibration {
 public:
  virtual ~Calibration() = default;

  /// The file it was read from.
  virtual std::string const& path() const = 0;

  /// Fields, their declared units, the rule by which jets were held out, and the bins it was made
  /// with.
  virtual data::InputConfig const& input() const = 0;

  /// The features it looks at; nothing if energy, mass and eta are enough.
  virtual std::optional<data::NetworkInput> network_input() const = 0;

  /// Does it predict widths of the responses too?
  virtual bool has_sigmas() const = 0;

  virtual void apply(UncalibratedJets const& jets, CalibratedJets& out) = 0;

  /// The network behind it, null if there is none.
  virtual model::Predictor* network() { return nullptr; }

  /// The fields energy, mass, pT and eta.
  std::vector<std::string> fields() const;

  /// The units of those fields. Errors: DataError for one without a unit, or without a conversion
  KinematicUnits units(data::Shard const& form) const;
};

/// Gives jet `i` of `out` the energy E / R_E, the mass m / R_m and pT = sqrt(E^2 - m^2) / cosh(eta)
/// from them. The jet stays as it is, bit for bit, with `calibrated` 0, if `possible` is false,
/// m <= 0, a response is not above 0, the mass would come out above the energy or anything is not
/// finite.
///
/// Source    arXiv:2311.08885, section 5; ATLAS JetCalibTools GlobalLargeRDNNCalibration.cxx
void divide_by_responses(UncalibratedJets const& jets, std::size_t i, bool possible,
                         double energy_response, double mass_response, CalibratedJets& out);

/// Reads whichever calibration a file holds.
///
/// Errors    DataError for a file that is neither a model nor a standard calibration, or damaged;
///           DeviceError if the device is not there
std::unique_ptr<Calibration> read_calibration(std::filesystem::path const& path,
                                              ExecutionOptions const& options);

}  // namespace jetcal::validate
