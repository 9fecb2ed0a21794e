#include "validate/influence.hpp"

#include <cmath>

namespace jetcal::validate {

std::optional<Influence> Influence::of(SortedSample const& sample, ModeEstimate const& mode) {
  if (mode.method != ModeMethod::gaussian_fit || !(mode.mode > 0)) { return std::nullopt; }
  Influence out;
  out.mode_ = mode;
  out.low_ = sample.quantile(kLowQuantile);
  out.high_ = sample.quantile(kHighQuantile);
  out.ratio_ = (out.high_ - out.low_) / mode.mode;
  out.low_scale_ = 1 / (sample.density_at_quantile(kLowQuantile) * sample.total_weight());
  out.high_scale_ = 1 / (sample.density_at_quantile(kHighQuantile) * sample.total_weight());
  return out;
}

double Influence::on_mode(double response) const {
  Histogram const& h = mode_.histogram;
  double const position = (response - h.low) / h.width();
  if (!(position >= 0 && position < h.bins())) { return 0; }
  return mode_.slope[static_cast<std::size_t>(position)];
}

double Influence::on_width(double response) const {
  double const high = (kHighQuantile - (response <= high_ ? 1 : 0)) * high_scale_;
  double const low = (kLowQuantile - (response <= low_ ? 1 : 0)) * low_scale_;
  return (high - low - ratio_ * on_mode(response)) / mode_.mode;
}

Difference difference(ResponsePoint const& point_a, std::optional<Influence> const& influence_a,
                      std::span<float const> a, ResponsePoint const& point_b,
                      std::optional<Influence> const& influence_b, std::span<float const> b,
                      std::span<float const> weights) {
  Difference out;
  if (!point_a.mode || !point_b.mode) { return out; }
  out.mode = *point_b.mode - *point_a.mode;
  out.second_mode = *point_b.mode;
  auto const& wide = point_a.iqr68_over_mode;
  auto const& narrow = point_b.iqr68_over_mode;
  if (wide && narrow && *wide > 0) { out.iqr68_ratio = *narrow / *wide; }
  if (!influence_a || !influence_b) { return out; }
  double mode_variance = 0;
  double width_variance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const w = weights.empty() ? 1.0 : static_cast<double>(weights[i]);
    bool const in_a = std::isfinite(a[i]), in_b = std::isfinite(b[i]);
    double const r_a = static_cast<double>(a[i]), r_b = static_cast<double>(b[i]);
    double const mode =
        (in_b ? influence_b->on_mode(r_b) : 0) - (in_a ? influence_a->on_mode(r_a) : 0);
    mode_variance += w * w * mode * mode;
    if (!out.iqr68_ratio) { continue; }
    double const width = (in_b ? influence_b->on_width(r_b) / *wide : 0) -
                         (in_a ? influence_a->on_width(r_a) * *out.iqr68_ratio / *wide : 0);
    width_variance += w * w * width * width;
  }
  out.mode_error = std::sqrt(mode_variance);
  if (out.iqr68_ratio) { out.iqr68_ratio_error = std::sqrt(width_variance); }
  return out;
}

}  // namespace jetcal::validate
