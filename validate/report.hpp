#pragma once

#include <filesystem>
#include <string>

#include "engine/json.hpp"
#include "validate/results.hpp"

namespace jetcal::validate {

/// Everything, as JSON: docs/validation.md describes it. Energies in GeV, null where there is no
/// value. The list "bins" holds the closure's rows with the keys pt_true, abs_eta_true (and
/// mass_true).
Json to_json(Results const& results);

/// The same for reading: a summary, the worst bins, tables with the calibrations side by side.
std::string to_text(Results const& results);

/// Writes `validation.json` and `validation.txt` into `folder`, which is made if it is not there.
/// Either file is replaced whole or not at all.
/// Errors: DataError if the folder cannot be made or written to.
void write_results(Results const& results, std::filesystem::path const& folder);

}  // namespace jetcal::validate
