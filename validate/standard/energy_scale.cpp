#include "validate/standard/energy_scale.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate::standard {

EnergyScale::EnergyScale(std::vector<double> eta_edges, bool signed_eta, std::vector<Bin> bins,
                         std::string const& where)
    : edges_(std::move(eta_edges)), signed_(signed_eta), bins_(std::move(bins)) {
  bool rise = edges_.size() >= 2;
  for (std::size_t i = 0; rise && i < edges_.size(); ++i) {
    rise = std::isfinite(edges_[i]) && (i == 0 || edges_[i - 1] < edges_[i]);
  }
  JETCAL_REQUIRE(rise && edges_.size() == bins_.size() + 1, DataError,
                 where << ": energy scale has " << edges_.size() << " edges and " << bins_.size()
                       << " bins of eta (the edges must rise, one more than bins)");
  for (std::size_t b = 0; b < bins_.size(); ++b) {
    Bin const& bin = bins_[b];
    bool good = !bin.table.values.empty() && std::isfinite(bin.table.first) && bin.table.step > 0 &&
                std::isfinite(bin.cut) && bin.cut > 0;
    for (double const c : bin.low) { good = good && std::isfinite(c); }
    for (double const r : bin.table.values) { good = good && std::isfinite(r) && r > 0; }
    JETCAL_REQUIRE(good, DataError,
                   where << ": energy scale, bin " << b << " of eta, from " << edges_[b]
                         << ": values are not finite or not above 0 (responses must be)");
  }
}

std::size_t EnergyScale::bin_of(double eta) const {
  double const x = signed_ ? eta : std::abs(eta);
  auto const above = std::upper_bound(edges_.begin(), edges_.end(), x) - edges_.begin();
  return static_cast<std::size_t>(
      std::clamp<std::ptrdiff_t>(above - 1, 0, static_cast<std::ptrdiff_t>(bins_.size()) - 1));
}

bool EnergyScale::beyond(double eta) const {
  double const x = signed_ ? eta : std::abs(eta);
  return !(edges_.front() <= x && x < edges_.back());
}

double EnergyScale::Bin::response(double energy_gev) const {
  if (energy_gev < cut) { return low[0] + energy_gev * (low[1] + energy_gev * low[2]); }
  return table(std::log(energy_gev));
}

EnergyScale::Bin with_low_energies(Table table, double eta, EnergySettings const& settings,
                                   std::string const& where) {
  EnergyScale::Bin bin;
  bin.cut = std::max(settings.min_pt_gev * std::cosh(eta), std::exp(table.first));
  double const response = table(std::log(bin.cut));
  double const x = std::log(bin.cut);
  double const slope = x < table.last()
                           ? (table(std::min(x + table.step, table.last())) - response) /
                                 (std::min(x + table.step, table.last()) - x) / bin.cut
                           : 0;
  bin.table = std::move(table);
  bin.low[0] = response;
  if (settings.low_energy == LowEnergy::freeze) { return bin; }
  JETCAL_REQUIRE(slope < response / bin.cut, DataError,
                 where << ": at " << bin.cut << " GeV the response " << response
                       << " rises faster than E (E / R(E) must rise below). Use "
                          "energy.low_energy=freeze or a higher energy.min_pt");
  if (settings.low_energy == LowEnergy::linear) {
    bin.low[0] = response - slope * bin.cut;
    bin.low[1] = slope;
    return bin;
  }
  double const lowest = settings.minimum_response;
  JETCAL_REQUIRE(lowest < response, DataError,
                 where << ": energy.minimum_response is " << lowest << " (must be below the "
                       << response << " found at " << bin.cut << " GeV)");
  bin.low[0] = lowest;
  bin.low[1] = 2 * (response - lowest) / bin.cut - slope;
  bin.low[2] = 0.5 * (slope - bin.low[1]) / bin.cut;
  return bin;
}

}  // namespace jetcal::validate::standard
