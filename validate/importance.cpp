#include "validate/importance.hpp"

#include <algorithm>
#include <cmath>

#include "engine/random.hpp"

namespace jetcal::validate {
namespace {

/// Responses that the network predicts, [variable][jet]; empty for a head it lacks.
using Predictions = std::array<std::vector<float>, kVariables>;

Predictions predict(model::Predictor& network, std::vector<float> const& features,
                    std::int64_t jets, std::int64_t n_features) {
  auto const n = static_cast<std::size_t>(jets);
  std::vector<float> energy(3 * n), mass(3 * n);
  network.predict({features.data(), jets, n_features, padded(n_features)},
                  {energy.data(), jets, 3, 3}, {mass.data(), jets, 3, 3});
  Predictions out;
  auto const first_column = [n](std::vector<float> const& rows) {
    std::vector<float> column(n);
    for (std::size_t i = 0; i < n; ++i) { column[i] = rows[3 * i]; }
    return column;
  };
  if (network.has_energy()) { out[0] = first_column(energy); }
  if (network.has_mass()) { out[1] = first_column(mass); }
  return out;
}

double relative(float changed, float before) {
  return (static_cast<double>(changed) - static_cast<double>(before)) / static_cast<double>(before);
}

/// IQR68 / mode of r / R of the jets that count for a variable.
std::optional<double> width(FeatureSample const& sample, Variable variable,
                            std::vector<float> const& predicted, TableContext const& context) {
  auto const v = static_cast<std::size_t>(variable);
  std::vector<float> values;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    bool const counts = variable == Variable::energy ||
                        static_cast<double>(sample.mass_true[i]) > context.mass_true_min_gev;
    float const r = sample.responses[i][v] / predicted[i];
    if (counts && std::isfinite(r)) { values.push_back(r); }
  }
  return measure(SortedSample(std::move(values)), context.mode).iqr68_over_mode;
}

std::vector<FeatureGradient> gradients(FeatureSample const& sample,
                                       std::vector<double> const& slope,
                                       ImportanceSettings const& settings) {
  TableSpec spec;
  spec.axes = {{Quantity::pt_true, settings.pt_true}, {Quantity::mass_true, settings.mass_true}};
  struct Sums {
    std::int64_t n = 0;
    double sum = 0, squares = 0, magnitude = 0;
  };
  std::vector<Sums> sums(static_cast<std::size_t>(spec.cells()));
  for (std::size_t i = 0; i < slope.size(); ++i) {
    int const pt = spec.axes[0].index(static_cast<double>(sample.pt_true[i]));
    int const mass = spec.axes[1].index(static_cast<double>(sample.mass_true[i]));
    if (pt < 0 || pt >= spec.axes[0].bins() || mass < 0 || mass >= spec.axes[1].bins()) {
      continue;
    }
    Sums& s = sums[static_cast<std::size_t>(pt * spec.axes[1].bins() + mass)];
    // Welford's recurrence.
    ++s.n;
    double const delta = slope[i] - s.sum;
    s.sum += delta / static_cast<double>(s.n);
    s.squares += delta * (slope[i] - s.sum);
    s.magnitude += std::abs(slope[i]);
  }
  std::vector<FeatureGradient> out;
  for (std::int64_t c = 0; c < spec.cells(); ++c) {
    Sums const& s = sums[static_cast<std::size_t>(c)];
    auto const range = spec.range(c);
    FeatureGradient g{range[0], range[1], s.n, 0, 0, 0};
    if (s.n > 1) {
      auto const n = static_cast<double>(s.n);
      g.mean = s.sum;
      g.mean_error = std::sqrt(s.squares / (n - 1) / n);
      g.magnitude = s.magnitude / n;
    }
    out.push_back(g);
  }
  return out;
}

}  // namespace

void FeatureSample::append(data::NetworkRows const& rows, std::size_t i) {
  auto const ld = static_cast<std::size_t>(padded(rows.n_features));
  auto const row = rows.features.begin() + static_cast<std::ptrdiff_t>(i * ld);
  features.insert(features.end(), row, row + static_cast<std::ptrdiff_t>(ld));
  ++jets;
}

std::vector<FeatureImportance> feature_importance(std::string const& calibration,
                                                  model::Predictor& network,
                                                  FeatureSample const& sample,
                                                  ImportanceSettings const& settings,
                                                  TableContext const& context) {
  std::vector<FeatureImportance> out;
  auto const n = static_cast<std::size_t>(sample.jets);
  auto const n_features = static_cast<std::int64_t>(sample.names.size());
  auto const ld = static_cast<std::size_t>(padded(n_features));
  if (n < 2) { return out; }
  auto const asked = [&](std::vector<float> const& features) {
    return predict(network, features, sample.jets, n_features);
  };
  Predictions const base = asked(sample.features);
  for (std::size_t f = 0; f < sample.names.size(); ++f) {
    double mean = 0, squares = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double const x = static_cast<double>(sample.features[i * ld + f]);
      double const delta = x - mean;
      mean += delta / static_cast<double>(i + 1);
      squares += delta * (x - mean);
    }
    double const deviation = std::sqrt(squares / static_cast<double>(n - 1));
    auto const step = static_cast<float>(settings.shift * deviation);
    auto const shifted = [&](float by) {
      std::vector<float> moved = sample.features;
      for (std::size_t i = 0; i < n; ++i) { moved[i * ld + f] += by; }
      return asked(moved);
    };
    Predictions const up = shifted(step), down = shifted(-step);
    Permutation const order(n,
                            RandomStream(0, Purpose::validation, 1, static_cast<std::uint32_t>(f)));
    std::vector<float> mixed = sample.features;
    for (std::size_t i = 0; i < n; ++i) { mixed[i * ld + f] = sample.features[order(i) * ld + f]; }
    Predictions const permuted = asked(mixed);

    for (Variable const variable : {Variable::energy, Variable::mass}) {
      auto const v = static_cast<std::size_t>(variable);
      if (base[v].empty()) { continue; }
      FeatureImportance row;
      row.calibration = calibration;
      row.variable = variable;
      row.feature = sample.names[f];
      row.standard_deviation = deviation;
      std::vector<double> slope(n, 0.0);
      double change = 0, change_squares = 0, permuted_squares = 0;
      for (std::size_t i = 0; i < n; ++i) {
        double const plus = relative(up[v][i], base[v][i]),
                     minus = relative(down[v][i], base[v][i]);
        double const both = 0.5 * (std::abs(plus) + std::abs(minus));
        change += both;
        change_squares += both * both;
        slope[i] = (plus - minus) / (2 * settings.shift);
        double const exchanged = relative(permuted[v][i], base[v][i]);
        permuted_squares += exchanged * exchanged;
      }
      auto const jets = static_cast<double>(n);
      row.shift_change = change / jets;
      row.shift_change_error = std::sqrt(
          std::max(0.0, change_squares / jets - row.shift_change * row.shift_change) / (jets - 1));
      row.gradients = gradients(sample, slope, settings);
      row.permuted_change = std::sqrt(permuted_squares / jets);
      auto const before = width(sample, variable, base[v], context);
      auto const after = width(sample, variable, permuted[v], context);
      if (before && after && *before > 0) { row.permuted_iqr68_ratio = *after / *before; }
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace jetcal::validate
