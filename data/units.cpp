#include "data/units.hpp"

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

/// The unit in MeV; 0 for what is not an energy.
double in_mev(std::string_view unit) {
  if (unit == "MeV") { return 1; }
  if (unit == "GeV") { return 1e3; }
  if (unit == "TeV") { return 1e6; }
  return 0;
}

}  // namespace

bool is_energy_unit(std::string_view unit) { return in_mev(unit) > 0; }

UnitFactor unit_factor(std::string_view from, std::string_view to, std::string const& where) {
  JETCAL_REQUIRE(!from.empty() && !to.empty(), DataError,
                 where << ": a unit is empty (must be MeV, GeV, TeV, \"1\" or another name)");
  if (from == to) { return {}; }
  double const a = in_mev(from);
  double const b = in_mev(to);
  JETCAL_REQUIRE(a > 0 && b > 0, DataError,
                 where << ": unit '" << from << "' does not convert to '" << to
                       << "' (MeV, GeV and TeV convert into each other, nothing else does)");
  return a > b ? UnitFactor{a / b, 1} : UnitFactor{1, b / a};
}

std::map<std::string, std::string> parse_units(std::string const& text, std::string const& where) {
  Json json;
  try {
    json = parse_json(text, where);
  } catch (ConfigError const& error) { throw DataError(error.what()); }
  JETCAL_REQUIRE(json.is_object(), DataError,
                 where << ": is " << brief(json)
                       << " (must be a JSON object from field to unit, {\"energy\": \"MeV\"})");
  std::map<std::string, std::string> units;
  for (auto const& [field, unit] : json.items()) {
    JETCAL_REQUIRE(unit.is_string() && !unit.get<std::string>().empty(), DataError,
                   where << ": unit of '" << field << "' is " << brief(unit)
                         << " (must be a text such as \"MeV\" or \"1\")");
    units[field] = unit.get<std::string>();
  }
  return units;
}

std::string units_text(std::vector<std::pair<std::string, std::string>> const& field_units) {
  Json json = Json::object();
  for (auto const& [field, unit] : field_units) {
    if (!unit.empty()) { json[field] = unit; }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace jetcal::data
