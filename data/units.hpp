#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/json.hpp"

namespace jetcal::data {

/// How values of one unit become values of another: v * multiply / divide. At least one of the two
/// is 1, so the result is the correctly rounded one.
struct UnitFactor {
  double multiply = 1;
  double divide = 1;

  double operator()(double v) const { return v * multiply / divide; }
  bool is_one() const { return multiply == 1 && divide == 1; }
};

/// True for MeV, GeV and TeV.
bool is_energy_unit(std::string_view unit);

/// The factor from `from` to `to`: MeV, GeV and TeV convert into each other, any other unit ("1"
/// for a pure number, "rad", ...) only into itself.
///
/// Errors    DataError, beginning with `where`, for two units that do not convert or an empty one
UnitFactor unit_factor(std::string_view from, std::string_view to, std::string const& where);

/// Parses the attribute `units`: a JSON object from field to unit, {"energy": "MeV", "eta": "1"}.
///
/// Errors    DataError, beginning with `where`, for anything else
std::map<std::string, std::string> parse_units(std::string const& text, std::string const& where);

/// The text of that attribute for fields in this order; fields without a unit are left out.
std::string units_text(std::vector<std::pair<std::string, std::string>> const& field_units);

}  // namespace jetcal::data
