#include "validate/standard/mass_scale.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate::standard {
namespace {

// x lies between axis[below] and axis[above], at the share t.
struct Place {
  std::size_t below = 0, above = 0;
  double t = 0;
};

Place locate(std::vector<double> const& axis, double x) {
  if (!(x > axis.front())) { return {}; }
  if (x >= axis.back()) { return {axis.size() - 1, axis.size() - 1, 0}; }
  auto const i =
      static_cast<std::size_t>(std::upper_bound(axis.begin(), axis.end(), x) - axis.begin());
  return {i - 1, i, (x - axis[i - 1]) / (axis[i] - axis[i - 1])};
}

bool rises(std::vector<double> const& axis) {
  bool good = !axis.empty();
  for (std::size_t i = 0; good && i < axis.size(); ++i) {
    good = std::isfinite(axis[i]) && (i == 0 || axis[i - 1] < axis[i]);
  }
  return good;
}

}  // namespace

MassScale::MassScale(Axes axes, std::vector<double> responses, std::string const& where)
    : axes_(std::move(axes)), responses_(std::move(responses)) {
  bool const rising = rises(axes_.log_energy) && rises(axes_.log_ratio) && rises(axes_.abs_eta);
  std::size_t const cells = axes_.log_energy.size() * axes_.log_ratio.size() * axes_.abs_eta.size();
  JETCAL_REQUIRE(rising && std::isfinite(axes_.max_abs_eta) && responses_.size() == cells,
                 DataError,
                 where << ": mass scale has axes of " << axes_.log_energy.size() << ", "
                       << axes_.log_ratio.size() << " and " << axes_.abs_eta.size()
                       << " values and " << responses_.size()
                       << " responses (axes must rise, and there must be " << cells << ")");
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    JETCAL_REQUIRE(std::isfinite(responses_[i]) && responses_[i] > 0, DataError,
                   where << ": mass scale, response " << i << " is " << responses_[i]
                         << " (must be finite and above 0)");
  }
}

double MassScale::response(double energy_gev, double mass_gev, double eta) const {
  double const abs_eta = std::abs(eta);
  if (!(abs_eta <= axes_.max_abs_eta)) { return 1; }
  Place const e = locate(axes_.log_energy, std::log(energy_gev));
  Place const m = locate(axes_.log_ratio, std::log(mass_gev / energy_gev));
  Place const h = locate(axes_.abs_eta, abs_eta);
  auto const at = [&](std::size_t i, std::size_t j, std::size_t k) {
    return responses_[(i * axes_.log_ratio.size() + j) * axes_.abs_eta.size() + k];
  };
  auto const along_eta = [&](std::size_t i, std::size_t j) {
    return (1 - h.t) * at(i, j, h.below) + h.t * at(i, j, h.above);
  };
  auto const along_ratio = [&](std::size_t i) {
    return (1 - m.t) * along_eta(i, m.below) + m.t * along_eta(i, m.above);
  };
  return (1 - e.t) * along_ratio(e.below) + e.t * along_ratio(e.above);
}

}  // namespace jetcal::validate::standard
