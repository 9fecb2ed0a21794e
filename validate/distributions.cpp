#include "validate/distributions.hpp"

#include <algorithm>
#include <cmath>

namespace jetcal::validate {
namespace {

constexpr double kLowestResponse = 0.4, kHighestResponse = 1.6;
constexpr int kBins = 120;

/// One cell that holds everything finite.
TableSpec one_cell() {
  constexpr double kAll = 1e30;
  TableSpec spec;
  spec.name = "all";
  spec.axes = {{Quantity::pt_true, {-kAll, kAll}}};
  return spec;
}

}  // namespace

std::vector<ResponseDistribution> response_distributions(Sample const& sample,
                                                         TableSpec const& spec,
                                                         TableContext const& context) {
  std::vector<ResponseDistribution> out;
  TableSpec const all = one_cell();
  for (JetGroup const& group : spec.groups) {
    auto const weights = jet_weights(sample, group);
    for (Variable const variable : {Variable::energy, Variable::mass}) {
      auto const mass_cut = variable == Variable::mass
                                ? std::optional<double>(context.mass_true_min_gev)
                                : std::nullopt;
      Cells const cells(sample, all, group, mass_cut);
      auto const sorted_weights = weights.empty() ? weights : cells.sorted(weights);
      for (std::size_t k = 0; k < context.calibrations.size(); ++k) {
        auto const column = sample.columns.responses[k][static_cast<std::size_t>(variable)];
        auto const responses = cells.sorted(sample.jets.column(column));
        std::vector<float> finite, finite_weights;
        for (std::size_t i = 0; i < responses.size(); ++i) {
          if (!std::isfinite(responses[i])) { continue; }
          finite.push_back(responses[i]);
          if (!weights.empty()) { finite_weights.push_back(sorted_weights[i]); }
        }
        ResponseDistribution d{variable, sample.name, group.name, context.calibrations[k],
                               {},       0,           0};
        d.jets = static_cast<std::int64_t>(finite.size());
        d.not_finite = static_cast<std::int64_t>(responses.size() - finite.size());
        d.histogram = fill(SortedSample(std::move(finite), std::move(finite_weights)),
                           kLowestResponse, kHighestResponse, kBins);
        out.push_back(std::move(d));
      }
    }
  }
  return out;
}

std::vector<EnergySpectrum> energy_spectra(Sample const& sample, TableSpec const& spec) {
  std::vector<EnergySpectrum> out;
  auto logs = sample.jets.column(sample.columns.energy_true);
  for (float& e : logs) { e = std::log(e); }
  for (JetGroup const& group : spec.groups) {
    auto const weights = jet_weights(sample, group);
    std::vector<float> finite, finite_weights;
    for (std::size_t i = 0; i < logs.size(); ++i) {
      if (!std::isfinite(logs[i])) { continue; }
      finite.push_back(logs[i]);
      if (!weights.empty()) { finite_weights.push_back(weights[i]); }
    }
    if (finite.empty()) { continue; }
    auto const [low, high] = std::minmax_element(finite.begin(), finite.end());
    double const first = std::floor(10 * static_cast<double>(*low)) / 10;
    double const last = std::floor(10 * static_cast<double>(*high)) / 10 + 0.1;
    out.push_back({sample.name, group.name,
                   fill(SortedSample(std::move(finite), std::move(finite_weights)), first, last,
                        std::max(1, static_cast<int>(std::lround(10 * (last - first)))))});
  }
  return out;
}

}  // namespace jetcal::validate
