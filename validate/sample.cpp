#include "validate/sample.hpp"

namespace jetcal::validate {

std::optional<std::size_t> JetColumns::find(Quantity quantity) const {
  switch (quantity) {
    case Quantity::pt_true:
      return pt_true;
    case Quantity::eta_true:
    case Quantity::abs_eta_true:
      return eta_true;
    case Quantity::energy_true:
      return energy_true;
    case Quantity::mass_true:
      return mass_true;
    case Quantity::npv:
      return npv;
    case Quantity::mu:
      return mu;
  }
  return std::nullopt;
}

}  // namespace jetcal::validate
