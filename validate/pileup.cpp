#include "validate/pileup.hpp"

#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

/// The slope in one cell of energy and |eta|: its modes are `stride` rows apart.
PileupSlope cell_slope(ResponseTable const& table, std::size_t first, std::size_t stride) {
  TableRow const& row = table.rows[first];
  PileupSlope out;
  out.against = table.spec.axes[0].quantity;
  out.variable = row.variable;
  out.sample = row.sample;
  out.calibration = row.calibration;
  out.energy_true = row.range[1];
  out.abs_eta_true = row.range[2];
  std::vector<double> x, y, error;
  for (int v = 0; v < table.spec.axes[0].bins(); ++v) {
    TableRow const& point = table.rows[first + static_cast<std::size_t>(v) * stride];
    out.jets += point.point.jets;
    if (!point.point.mode || !(*point.point.mode_error > 0)) { continue; }
    x.push_back(point.mean[0]);
    y.push_back(*point.point.mode);
    error.push_back(*point.point.mode_error);
  }
  out.points = static_cast<int>(x.size());
  if (auto const line = fit_line(x, y, error)) {
    out.slope = line->slope;
    out.slope_error = line->slope_error;
    out.chi2_per_ndf = line->chi2 / (line->points - 2);
  }
  return out;
}

/// The average of slopes of one |eta|.
PileupSlope average(std::vector<PileupSlope> const& slopes) {
  PileupSlope out = slopes.front();
  out.energy_true.reset();
  out.jets = 0;
  out.points = 0;
  double weight = 0, sum = 0;
  for (PileupSlope const& s : slopes) {
    out.jets += s.jets;
    if (!s.slope || !(*s.slope_error > 0)) { continue; }
    double const w = 1 / (*s.slope_error * *s.slope_error);
    weight += w;
    sum += w * *s.slope;
    ++out.points;
  }
  out.slope.reset();
  out.slope_error.reset();
  out.chi2_per_ndf.reset();
  if (out.points == 0) { return out; }
  out.slope = sum / weight;
  out.slope_error = 1 / std::sqrt(weight);
  double chi2 = 0;
  for (PileupSlope const& s : slopes) {
    if (!s.slope || !(*s.slope_error > 0)) { continue; }
    double const pull = (*s.slope - *out.slope) / *s.slope_error;
    chi2 += pull * pull;
  }
  if (out.points > 1) { out.chi2_per_ndf = chi2 / (out.points - 1); }
  return out;
}

}  // namespace

std::optional<LineFit> fit_line(std::span<double const> x, std::span<double const> y,
                                std::span<double const> error) {
  if (x.size() < 3) { return std::nullopt; }
  double weight = 0, mean_x = 0, mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const w = 1 / (error[i] * error[i]);
    weight += w;
    mean_x += w * x[i];
    mean_y += w * y[i];
  }
  mean_x /= weight;
  mean_y /= weight;
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const w = 1 / (error[i] * error[i]);
    xx += w * (x[i] - mean_x) * (x[i] - mean_x);
    xy += w * (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (!(xx > 0)) { return std::nullopt; }
  LineFit fit;
  fit.slope = xy / xx;
  fit.intercept = mean_y - fit.slope * mean_x;
  fit.slope_error = 1 / std::sqrt(xx);
  fit.points = static_cast<int>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const pull = (y[i] - fit.intercept - fit.slope * x[i]) / error[i];
    fit.chi2 += pull * pull;
  }
  return fit;
}

std::vector<PileupSlope> pileup_slopes(ResponseTable const& table) {
  auto const& axes = table.spec.axes;
  JETCAL_REQUIRE(axes.size() == 3 && axes[1].quantity == Quantity::energy_true &&
                     axes[2].quantity == Quantity::abs_eta_true,
                 ShapeError,
                 "pileup_slopes: the table '" << table.spec.name
                                              << "' has other axes (must be v, energy_true, "
                                                 "abs_eta_true)");
  auto const energies = static_cast<std::size_t>(axes[1].bins());
  auto const etas = static_cast<std::size_t>(axes[2].bins());
  auto const cells = static_cast<std::size_t>(table.spec.cells());
  std::vector<PileupSlope> out;
  for (std::size_t block = 0; block + cells <= table.rows.size(); block += cells) {
    std::vector<std::vector<PileupSlope>> of_eta(etas);
    for (std::size_t e = 0; e < energies; ++e) {
      for (std::size_t h = 0; h < etas; ++h) {
        out.push_back(cell_slope(table, block + e * etas + h, energies * etas));
        of_eta[h].push_back(out.back());
      }
    }
    for (auto const& slopes : of_eta) { out.push_back(average(slopes)); }
  }
  return out;
}

}  // namespace jetcal::validate
