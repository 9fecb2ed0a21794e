#include "validate/estimator_bias.hpp"

#include <cmath>
#include <cstdint>

#include "validate/normal.hpp"

namespace jetcal::validate {
namespace {

constexpr std::int64_t kValues = 50000;

/// A split Gaussian's share of a density.
struct Component {
  double share, mode, low, high;

  double cdf(double x) const {
    double const below = 2 * low / (low + high), above = 2 * high / (low + high);
    if (x < mode) { return below * normal_cdf((x - mode) / low); }
    return 0.5 * below + above * (normal_cdf((x - mode) / high) - 0.5);
  }
};

struct Density {
  std::string words;
  double mode;  // of the mixtures: computed with 30-digit arithmetic
  std::vector<Component> components;

  double cdf(double x) const {
    double sum = 0;
    for (Component const& c : components) { sum += c.share * c.cdf(x); }
    return sum;
  }
};

std::vector<float> quantiles(Density const& density) {
  std::vector<float> out;
  double from = -1;
  for (std::int64_t i = 0; i < kValues; ++i) {
    double const p = (static_cast<double>(i) + 0.5) / kValues;
    double low = from, high = 3.5;
    while (high - low > 1e-8) {
      double const middle = 0.5 * (low + high);
      (density.cdf(middle) < p ? low : high) = middle;
    }
    from = low;
    out.push_back(static_cast<float>(low));
  }
  return out;
}

}  // namespace

std::vector<EstimatorBias> estimator_bias(ModeSettings const& settings) {
  std::vector<Density> const densities = {
      {"split Gaussian, .15 below and .08 above", 1, {{1, 1, .15, .08}}},
      {".8 N(1, .08) + .2 N(.85, .2)", .99820, {{.8, 1, .08, .08}, {.2, .85, .2, .2}}},
      {".7 N(1, .1) + .3 N(1.25, .25)", 1.00416, {{.7, 1, .1, .1}, {.3, 1.25, .25, .25}}}};
  std::vector<EstimatorBias> out;
  for (Density const& density : densities) {
    SortedSample const sample(quantiles(density));
    ModeEstimate const mode = estimate_mode(sample, settings);
    out.push_back({density.words, density.mode, mode.mode, half_sample_mode(sample), mode.method});
  }
  return out;
}

}  // namespace jetcal::validate
