#pragma once

#include <string>

#include "engine/json.hpp"

namespace jetcal::data {

/// True if a text's first mark is a brace: JSON, or YAML in its JSON form.
bool looks_like_json(std::string const& text);

/// Reads the YAML that norm_dict files are written in: mappings nested by indentation, one `key:`
/// or `key: number` a line, comments after #, an optional `---` first. Nothing else of YAML.
///
/// Errors    ConfigError, beginning with `where`, with the line
Json parse_norm_dict(std::string const& text, std::string const& where);

}  // namespace jetcal::data
