#include "validate/quantity.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate {

std::string_view name(Variable variable) {
  return variable == Variable::energy ? "energy" : "mass";
}

std::vector<std::pair<std::string, Quantity>> const& quantity_names() {
  static std::vector<std::pair<std::string, Quantity>> const names = {
      {"pt_true", Quantity::pt_true},
      {"eta_true", Quantity::eta_true},
      {"abs_eta_true", Quantity::abs_eta_true},
      {"energy_true", Quantity::energy_true},
      {"mass_true", Quantity::mass_true},
      {"npv", Quantity::npv},
      {"mu", Quantity::mu}};
  return names;
}

std::string_view name(Quantity quantity) { return word_of(quantity, quantity_names()); }

std::string_view unit(Quantity quantity) {
  bool const energy = quantity == Quantity::pt_true || quantity == Quantity::energy_true ||
                      quantity == Quantity::mass_true;
  return energy ? "GeV" : "1";
}

int Axis::index(double value) const {
  if (!(value >= edges.front())) { return -1; }
  auto const above = std::upper_bound(edges.begin(), edges.end(), value);
  return static_cast<int>(above - edges.begin()) - 1;
}

void Axis::require_valid(std::string const& where) const {
  JETCAL_REQUIRE(edges.size() >= 2, ConfigError,
                 where << ": " << name(quantity) << " has " << edges.size()
                       << " edges (must be at least two)");
  for (std::size_t i = 0; i < edges.size(); ++i) {
    JETCAL_REQUIRE(std::isfinite(edges[i]) && (i == 0 || edges[i - 1] < edges[i]), ConfigError,
                   where << ": edge " << i << " of " << name(quantity) << " is " << edges[i]
                         << " (edges must be finite and rise)");
  }
}

}  // namespace jetcal::validate
