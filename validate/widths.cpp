#include "validate/widths.hpp"

#include <algorithm>
#include <cmath>

#include "validate/normal.hpp"

namespace jetcal::validate {
namespace {

constexpr double kGaussianIqr68 = 1.988915766419506;  // of width 1: 2 * quantile(0.84)
constexpr double kPullRange = 5;
constexpr int kPullBins = 100;

double split_gaussian_quantile(double p, double sigma_low, double sigma_high) {
  double const below = sigma_low / (sigma_low + sigma_high);  // share of the lower half
  if (p < below) { return sigma_low * normal_quantile(0.5 * p / below); }
  return sigma_high * normal_quantile(0.5 + 0.5 * (p - below) / (1 - below));
}

/// Where a standard Gaussian has the share of jets that a split one of mode 1 has at `response`.
double pull_of(double response, double sigma_low, double sigma_high) {
  constexpr double kLeast = 1e-300;  // of the share beyond: a pull of 37
  double const below = sigma_low / (sigma_low + sigma_high);
  bool const low = response < 1;
  double const z = (response - 1) / (low ? sigma_low : sigma_high);
  double const beyond = 2 * (low ? below : 1 - below) * normal_cdf(-std::abs(z));
  double const pull = normal_quantile(std::max(beyond, kLeast));
  return low ? pull : -pull;
}

/// The columns of one calibration and variable, sorted into cells.
struct Predictions {
  std::vector<float> response, low, high;
};

WidthRow measure_row(std::span<float const> response, std::span<float const> low,
                     std::span<float const> high, std::span<float const> weights,
                     ModeSettings const& settings, std::vector<float>& pulls) {
  WidthRow row;
  std::vector<float> values, pull, used_weights;
  double predicted = 0, weight = 0;
  for (std::size_t i = 0; i < response.size(); ++i) {
    if (!(std::isfinite(response[i]) && low[i] > 0 && high[i] > 0)) { continue; }
    values.push_back(response[i]);
    pull.push_back(
        static_cast<float>(pull_of(static_cast<double>(response[i]), static_cast<double>(low[i]),
                                   static_cast<double>(high[i]))));
    double const w = weights.empty() ? 1.0 : static_cast<double>(weights[i]);
    if (!weights.empty()) { used_weights.push_back(weights[i]); }
    predicted +=
        w * split_gaussian_iqr68(static_cast<double>(low[i]), static_cast<double>(high[i]));
    weight += w;
  }
  row.jets = static_cast<std::int64_t>(values.size());
  pulls.insert(pulls.end(), pull.begin(), pull.end());
  if (!(weight > 0)) { return row; }
  SortedSample const found(std::move(values), used_weights);
  SortedSample const pulled(std::move(pull), std::move(used_weights));
  if (found.effective_entries() < settings.min_effective_entries) { return row; }
  row.predicted_iqr68 = predicted / weight;
  row.found_iqr68 = iqr68(found);
  row.found_iqr68_error = std::sqrt(iqr68_variance(found));
  row.pull_width = iqr68(pulled) / kGaussianIqr68;
  row.pull_width_error = std::sqrt(iqr68_variance(pulled)) / kGaussianIqr68;
  ModeEstimate const mode = estimate_mode(pulled, settings);
  if (mode.method != ModeMethod::none) {
    row.pull_mode = mode.mode;
    row.pull_mode_error = mode.error;
  }
  return row;
}

}  // namespace

double split_gaussian_iqr68(double sigma_low, double sigma_high) {
  return split_gaussian_quantile(kHighQuantile, sigma_low, sigma_high) -
         split_gaussian_quantile(kLowQuantile, sigma_low, sigma_high);
}

void measure_widths(Sample const& sample, TableSpec const& spec, TableContext const& context,
                    ThreadPool& threads, Widths& out) {
  out.axes = spec.axes;
  JetGroup const all;
  auto const weights = jet_weights(sample, all);
  for (Variable const variable : {Variable::energy, Variable::mass}) {
    auto const v = static_cast<std::size_t>(variable);
    std::optional<Cells> cells;
    std::vector<float> sorted_weights;
    for (std::size_t k = 0; k < context.calibrations.size(); ++k) {
      auto const& columns = sample.columns.widths[k];
      if (!columns) { continue; }
      if (!cells) {
        cells.emplace(sample, spec, all, context.mass_cut(variable));
        sorted_weights = cells->sorted(weights);
      }
      auto const sorted = [&](std::size_t c) { return cells->sorted(sample.jets.column(c)); };
      Predictions const p{sorted(sample.columns.responses[k][v]), sorted((*columns)[2 * v]),
                          sorted((*columns)[2 * v + 1])};
      auto const n = static_cast<std::size_t>(cells->cells());
      std::vector<WidthRow> rows(n);
      std::vector<std::vector<float>> pulls(n);
      threads.run(cells->cells(), [&](std::int64_t cell, int) {
        auto const c = static_cast<std::size_t>(cell);
        rows[c] = measure_row(cells->of(p.response, cell), cells->of(p.low, cell),
                              cells->of(p.high, cell), cells->of(sorted_weights, cell),
                              context.mode, pulls[c]);
      });
      std::vector<float> all_pulls;
      PullDistribution distribution;
      distribution.variable = variable;
      distribution.sample = sample.name;
      distribution.calibration = context.calibrations[k];
      for (std::size_t c = 0; c < n; ++c) {
        rows[c].variable = variable;
        rows[c].sample = sample.name;
        rows[c].calibration = context.calibrations[k];
        rows[c].range = spec.range(static_cast<std::int64_t>(c));
        distribution.without_prediction += cells->jets(static_cast<std::int64_t>(c)) - rows[c].jets;
        all_pulls.insert(all_pulls.end(), pulls[c].begin(), pulls[c].end());
        out.rows.push_back(std::move(rows[c]));
      }
      distribution.histogram =
          fill(SortedSample(std::move(all_pulls)), -kPullRange, kPullRange, kPullBins);
      out.pulls.push_back(std::move(distribution));
    }
  }
}

}  // namespace jetcal::validate
