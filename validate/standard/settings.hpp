#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/schema.hpp"
#include "validate/mode.hpp"

namespace jetcal::validate::standard {

/// Where a jet's quantities are in the shards.
struct Fields {
  std::string energy = "energy";
  std::string mass = "mass";
  std::string pt = "pt";  ///< only for the jets that are calibrated later
  std::string eta = "eta";
  std::string truth_energy = "truth_energy";
  std::string truth_mass = "truth_mass";
};

/// What the correction does below the lowest energy that it was derived at.
enum class LowEnergy {
  freeze,    ///< stays what it is there
  linear,    ///< goes on with the slope that it has there
  quadratic  ///< goes on with that slope to `minimum_response` at E = 0
};

/// The energy scale: R_E(E) in bins of eta.
struct EnergySettings {
  bool signed_eta = false;
  double eta_max = 3;
  double eta_step = 0.1;
  std::vector<double> edges_gev;  ///< of E_true; empty: equal steps of ln E
  double log_step = 0.2;
  std::int64_t min_jets = 500;
  std::int64_t spline_intervals = 12;
  std::optional<double> penalty;  ///< nothing: by cross validation
  std::int64_t nodes = 200;       ///< of the inverted table
  double min_pt_gev = 50;
  LowEnergy low_energy = LowEnergy::linear;
  double minimum_response = 0.25;
  std::int64_t iterations = 8;
  double closure = 0.004;
};

/// The mass scale: R_m(E, ln(m / E), |eta|).
struct MassSettings {
  std::vector<double> energy_edges_gev;  ///< of E_true; empty: equal steps of ln E
  double energy_log_step = 0.4;
  std::vector<double> abs_eta_edges = {0,   0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4,
                                       1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 3.0};
  double ratio_log_step = 0.2;
  double min_true_mass_gev = 10;
  std::int64_t min_jets = 300;
  std::int64_t spline_intervals = 8;
  std::optional<double> penalty;
  double node_step = 0.05;
  std::int64_t iterations = 3;
  double closure = 0.01;
};

/// How a standard calibration is derived. Every value goes into its file.
struct Settings {
  Fields fields;
  std::map<std::string, std::string> units;  ///< of fields whose unit the files do not declare
  EnergySettings energy;
  MassSettings mass;
  ModeSettings mode;
};

/// The table that reads and writes the settings as JSON.
schema::Table<Settings> settings_table();

}  // namespace jetcal::validate::standard
