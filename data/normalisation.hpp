#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "engine/json.hpp"

namespace jetcal::data {

/// The range of the training jets that goes to [-1, 1]: quantiles in thousandths.
inline constexpr int kLowerPermille = 1;
inline constexpr int kUpperPermille = 999;

/// Adds a feature whose values from `lo` to `hi` go to -1 to 1: scale = 2 / (hi - lo), offset =
/// -(hi + lo) / (hi - lo), computed in double.
///
/// Errors    DataError for a feature that does not vary between the two
void append_range(Normalisation& normalisation, std::string const& name, float lo, float hi);

/// The two forms normalisations are exchanged in. Values are those the network's features have
/// after unit and transform; `name` is the feature's.
///
/// scale_offset   {"inputs": [{"name", "offset", "scale"}, ...]}: v * scale + offset (lwtnn,
/// Athena) norm_dict      {"jets": {name: {"mean", "std"}, ...}}: (v - mean) / std (ATLAS FTAG's
///                norm_dict.yaml; written as JSON, which is YAML, read as JSON or as YAML of plain
///                nested mappings)
enum class NormalisationForm { scale_offset, norm_dict };

std::string normalisation_text(Normalisation const& normalisation, NormalisationForm form);

/// Parses either form (told apart by their first key) for these features, in this order. Other
/// groups than `jets`, and jet variables that are no feature, are left aside in a norm_dict;
/// scale_offset must have just the features.
///
/// Errors    ConfigError, beginning with `where`: no such form, a feature missing or too many, a
///           value that is not finite, a scale or std that is 0
Normalisation parse_normalisation(std::string const& text, std::vector<std::string> const& features,
                                  std::string const& where);

/// parse_normalisation of a file. Errors: ConfigError if it cannot be read
Normalisation read_normalisation(std::filesystem::path const& path,
                                 std::vector<std::string> const& features);

/// Errors    ConfigError, beginning with `where`, unless there is one finite scale and offset, the
///           scale not 0, for each feature, in their order
void require_matching(Normalisation const& normalisation,
                      std::vector<FeatureConfig> const& features, std::string const& where);

}  // namespace jetcal::data
