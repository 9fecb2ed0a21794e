#include "validate/response_table.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace jetcal::validate {
namespace {

/// What one cell gives for all calibrations.
struct Measured {
  std::vector<ResponsePoint> points;
  std::vector<std::int64_t> not_finite;
  std::vector<Difference> differences;  // by pair
};

/// The calibrations that are compared: all pairs but those with kUncalibrated.
std::vector<std::pair<std::size_t, std::size_t>> pairs(TableSpec const& spec,
                                                       std::size_t calibrations) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t b = 2; spec.compare && b < calibrations; ++b) {
    for (std::size_t a = 1; a < b; ++a) { out.emplace_back(a, b); }
  }
  return out;
}

Measured measure_cell(std::vector<std::span<float const>> const& responses,
                      std::span<float const> weights,
                      std::vector<std::pair<std::size_t, std::size_t>> const& compared,
                      ModeSettings const& settings) {
  Measured out;
  std::vector<std::optional<Influence>> influences(responses.size());
  for (std::size_t k = 0; k < responses.size(); ++k) {
    out.not_finite.push_back(std::count_if(responses[k].begin(), responses[k].end(),
                                           [](float r) { return !std::isfinite(r); }));
    SortedSample const sample = finite_sample(responses[k], weights);
    ModeEstimate const mode = estimate_mode(sample, settings);
    out.points.push_back(measure_at(sample, mode));
    if (!compared.empty()) { influences[k] = Influence::of(sample, mode); }
  }
  for (auto const& [a, b] : compared) {
    out.differences.push_back(difference(out.points[a], influences[a], responses[a], out.points[b],
                                         influences[b], responses[b], weights));
  }
  return out;
}

}  // namespace

void measure_sample(Sample const& sample, TableContext const& context, ThreadPool& threads,
                    ResponseTable& table) {
  TableSpec const& spec = table.spec;
  std::size_t const calibrations = context.calibrations.size();
  auto const compared = pairs(spec, calibrations);
  for (JetGroup const& group : spec.groups) {
    auto const weights = jet_weights(sample, group);
    for (Variable const variable : {Variable::energy, Variable::mass}) {
      Cells const cells(sample, spec, group, context.mass_cut(variable));
      if (variable == Variable::energy) {
        table.counts.push_back({sample.name, group.name, cells.counts()});
      } else {
        table.counts.back().counts.below_mass_cut = cells.counts().below_mass_cut;
      }
      if (!group.name.empty() && table.counts.back().counts.jets == 0) { continue; }
      auto const sorted_weights = cells.sorted(weights);
      std::vector<std::vector<float>> responses;
      for (auto const& columns : sample.columns.responses) {
        responses.push_back(
            cells.sorted(sample.jets.column(columns[static_cast<std::size_t>(variable)])));
      }
      std::vector<Measured> measured(static_cast<std::size_t>(cells.cells()));
      threads.run(cells.cells(), [&](std::int64_t cell, int) {
        std::vector<std::span<float const>> here;
        for (auto const& r : responses) { here.push_back(cells.of(r, cell)); }
        measured[static_cast<std::size_t>(cell)] =
            measure_cell(here, cells.of(sorted_weights, cell), compared, context.mode);
      });
      for (std::size_t k = 0; k < calibrations; ++k) {
        for (std::size_t c = 0; c < measured.size(); ++c) {
          auto const cell = static_cast<std::int64_t>(c);
          TableRow row{variable,
                       sample.name,
                       group.name,
                       context.calibrations[k],
                       spec.range(cell),
                       {},
                       measured[c].points[k],
                       measured[c].not_finite[k],
                       measured[c].points[0].mode,
                       measured[c].points[0].iqr68_over_mode};
          for (std::size_t a = 0; a < spec.axes.size(); ++a) {
            row.mean.push_back(cells.mean(cell, a));
          }
          table.rows.push_back(std::move(row));
        }
      }
      for (std::size_t p = 0; p < compared.size(); ++p) {
        for (std::size_t c = 0; c < measured.size(); ++c) {
          auto const cell = static_cast<std::int64_t>(c);
          table.comparisons.push_back({variable, sample.name, group.name,
                                       context.calibrations[compared[p].first],
                                       context.calibrations[compared[p].second], spec.range(cell),
                                       cells.jets(cell), measured[c].differences[p]});
        }
      }
    }
  }
}

}  // namespace jetcal::validate
