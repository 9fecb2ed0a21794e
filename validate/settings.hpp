#pragma once

#include <cstdint>

#include "data/config.hpp"
#include "engine/schema.hpp"
#include "validate/mode.hpp"

namespace jetcal::validate {

/// What is validated and how. Every value goes into the results.
struct Settings {
  data::BinsConfig bins = default_bins();
  double mass_true_min_gev = 40;  ///< rows of the mass hold jets of a true mass above this
  std::int64_t min_jets = 500;    ///< a bin counts in the summary from this many jets on
  double errors_allowed = 2;      ///< statistical errors that the generous shares allow for
  ModeSettings mode;

  /// pT_true 200 .. 4500 GeV x |eta_true| 0 .. 2.
  static data::BinsConfig default_bins();

  /// Errors: ConfigError for a value that makes no sense, or no bins.
  void require_valid() const;
};

/// The table that reads and writes the settings as JSON.
schema::Table<Settings> settings_table();

}  // namespace jetcal::validate
