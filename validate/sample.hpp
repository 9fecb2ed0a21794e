#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "validate/jet_table.hpp"
#include "validate/quantity.hpp"
#include "validate/table_spec.hpp"

namespace jetcal::validate {

/// The calibration that leaves jets as they are. It is always the first.
inline constexpr char kUncalibrated[] = "none";

/// Which column of a JetTable holds what.
struct JetColumns {
  std::size_t pt_true = 0, eta_true = 1, energy_true = 2, mass_true = 3;  ///< GeV
  std::optional<std::size_t> npv, mu;
  std::map<Label, std::size_t> labels;
  std::optional<std::size_t> weight;

  /// r = (calibrated) / (true) of energy and mass, [calibration][Variable].
  std::vector<std::array<std::size_t, kVariables>> responses;

  /// Predicted sigma_low / R and sigma_high / R of energy and mass, [calibration][2 Variable +
  /// side]; nothing for a calibration without.
  std::vector<std::optional<std::array<std::size_t, 2 * kVariables>>> widths;

  std::size_t count = 4;  ///< columns

  /// The column of a quantity, abs_eta_true that of eta_true. Nothing if the sample lacks it.
  std::optional<std::size_t> find(Quantity quantity) const;
};

/// What was read of one sample.
struct Sample {
  Sample(std::string sample_name, JetColumns layout, ColumnStore& store)
      : name(std::move(sample_name)), columns(std::move(layout)), jets(store, columns.count) {}

  std::string name;
  JetColumns columns;
  JetTable jets;
  std::int64_t not_calibrated = 0;  ///< jets that some calibration left as they were

  /// Why the sample has no label or quantity, by its name: "FILE has no field 'NPV'".
  std::map<std::string, std::string> missing;
};

}  // namespace jetcal::validate
