#pragma once

#include <filesystem>
#include <string>

#include "engine/json.hpp"
#include "validate/closure.hpp"

namespace jetcal::validate {

/// The results as JSON: {"settings", "calibrations", "samples", "summary", "bins"}; energies in
/// GeV, null where there is no value.
Json to_json(Results const& results);

/// The same as tables for reading: a summary, the worst bins, and one table a sample and variable
/// with the calibrations side by side.
std::string to_text(Results const& results);

/// Writes `validation.json` and `validation.txt` into `folder`, which is made if it is not there.
/// Either file is replaced whole or not at all.
/// Errors: DataError if the folder cannot be made or written to.
void write_results(Results const& results, std::filesystem::path const& folder);

}  // namespace jetcal::validate
