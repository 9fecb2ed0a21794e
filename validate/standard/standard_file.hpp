#pragma once

#include <filesystem>
#include <string>

#include "data/split.hpp"
#include "engine/json.hpp"
#include "validate/standard/derive.hpp"
#include "validate/standard/settings.hpp"

namespace jetcal::validate::standard {

/// The kind of sealed file that a standard calibration is.
inline constexpr char kKind[] = "standard-calibration";

/// A standard calibration as its file holds it.
struct StandardFile {
  std::string code_version;
  Settings settings;
  data::SplitRule split;  ///< jets it holds out were not used; fraction 0: all were
  Json provenance;        ///< what it was derived from
  DerivedEnergyScale energy;
  DerivedMassScale mass;
};

/// Writes it as a sealed HDF5 file (docs/standard-calibration.md has its layout). Errors: those of
/// write_sealed()
void write_standard(std::filesystem::path const& path, StandardFile const& file);

/// Errors    DataError: those of read_sealed(); another format; a part that is missing or makes no
///           sense
StandardFile read_standard(std::filesystem::path const& path);

}  // namespace jetcal::validate::standard
