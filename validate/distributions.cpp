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
      Cells const cells(sample, all, group, context.mass_cut(variable));
      auto const sorted_weights = cells.sorted(weights);
      for (std::size_t k = 0; k < context.calibrations.size(); ++k) {
        auto const column = sample.columns.responses[k][static_cast<std::size_t>(variable)];
        auto const responses = cells.sorted(sample.jets.column(column));
        ResponseDistribution d{variable, sample.name, group.name, context.calibrations[k],
                               {},       0,           0};
        d.jets = std::count_if(responses.begin(), responses.end(),
                               [](float r) { return std::isfinite(r); });
        d.not_finite = static_cast<std::int64_t>(responses.size()) - d.jets;
        d.histogram = fill(finite_sample(responses, sorted_weights), kLowestResponse,
                           kHighestResponse, kBins);
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
  SortedSample const all = finite_sample(logs);
  if (all.size() == 0) { return out; }
  double const first = std::floor(10 * all.value(0)) / 10;
  double const last = std::floor(10 * all.value(all.size() - 1)) / 10 + 0.1;
  int const bins = std::max(1, static_cast<int>(std::lround(10 * (last - first))));
  for (JetGroup const& group : spec.groups) {
    SortedSample const weighted = finite_sample(logs, jet_weights(sample, group));
    out.push_back({sample.name, group.name, fill(weighted, first, last, bins)});
  }
  return out;
}

}  // namespace jetcal::validate
