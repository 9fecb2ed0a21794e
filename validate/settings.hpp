#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/config.hpp"
#include "engine/schema.hpp"
#include "validate/mode.hpp"
#include "validate/table_spec.hpp"

namespace jetcal::validate {

/// Fields that are not the targets'. A sample without one of them is left out of the tests that
/// need it.
struct FieldNames {
  std::optional<std::string> weight;  ///< nothing: the first model's; empty: no weights
  std::string npv = "NPV";
  std::string mu = "averageMu";
  std::string topology = "topology";
  std::string flavour = "flavour";
};

struct PileupSettings {
  std::vector<double> npv = {0, 10, 15, 20, 25, 30, 35, 40, 50, 70};
  std::vector<double> mu = {10, 17.5, 25, 32.5, 40, 47.5, 55, 62.5, 70};
  std::vector<double> energy_true = {300, 600, 1200, 2400, 6000};
  std::vector<double> abs_eta_true = {0, 0.4, 0.8, 1.2, 1.6, 2.0};
};

struct ImportanceSettings {
  std::int64_t jets = 10000;  ///< of the first sample, chosen at random
  double shift = 0.01;        ///< of a feature, in its standard deviations
  std::vector<double> pt_true = {200, 500, 1000, 2000, 5000};
  std::vector<double> mass_true = {0, 40, 80, 160, 1000};
};

/// What is validated and how. Every value goes into the results.
struct Settings {
  data::BinsConfig bins = default_bins();
  double mass_true_min_gev = 40;  ///< rows of the mass hold jets of a true mass above this
  std::int64_t min_jets = 500;    ///< a bin counts in the summary from this many jets on
  double errors_allowed = 2;      ///< statistical errors that the generous shares allow for
  ModeSettings mode;
  FieldNames fields;
  std::vector<Test> tests = all_tests();
  std::vector<TableSpec> slices = default_slices();
  std::vector<JetGroup> topologies = default_topologies();
  std::vector<JetGroup> flavours = default_flavours();
  std::vector<std::int64_t> flavours_without = {0};  ///< codes of jets without a flavour
  std::vector<double> topology_pt_true = {200, 350, 500, 750, 1000, 1500, 2000, 3000, 4500};
  std::vector<double> flavour_energy_true = {200, 400, 700, 1200, 2000, 3500, 6000};
  std::vector<double> spectrum_pt_true = {200, 500, 1000, 2000, 4500};
  std::vector<std::pair<std::string, std::string>> compare_samples;
  PileupSettings pileup;
  ImportanceSettings importance;

  static std::vector<Test> all_tests();
  static std::vector<TableSpec> default_slices();
  static std::vector<JetGroup> default_topologies();
  static std::vector<JetGroup> default_flavours();
  static data::BinsConfig default_bins();

  bool wants(Test test) const;

  /// The closure's table: true pT x |eta| (x mass) of `bins`.
  TableSpec closure() const;

  /// Errors: ConfigError for a value that makes no sense, or no bins.
  void require_valid() const;
};

/// The table that reads and writes the settings as JSON.
schema::Table<Settings> settings_table();

}  // namespace jetcal::validate
