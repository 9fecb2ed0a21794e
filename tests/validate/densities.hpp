#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/random.hpp"

namespace jetcal::test {

/// One half or full Gaussian of a test density.
struct Component {
  double share;
  double mean;
  double low;   ///< width below the mean
  double high;  ///< and above
};

/// A response distribution with a known mode: a mixture of split Gaussians.
struct Density {
  std::string name;
  std::vector<Component> components;
  double mode;

  double operator()(double x) const {
    double sum = 0;
    for (Component const& c : components) {
      double const z = (x - c.mean) / (x < c.mean ? c.low : c.high);
      sum += c.share * std::sqrt(2 / M_PI) / (c.low + c.high) * std::exp(-0.5 * z * z);
    }
    return sum;
  }

  /// Value `i` of a random sequence.
  double draw(RandomStream const& random, std::uint64_t i) const {
    double u = random.uniform(4 * i);
    std::size_t k = 0;
    while (k + 1 < components.size() && u >= components[k].share) { u -= components[k++].share; }
    Component const& c = components[k];
    double const normal = std::sqrt(-2 * std::log(random.uniform(4 * i + 1))) *
                          std::cos(2 * M_PI * random.uniform(4 * i + 2));
    bool const below = random.uniform(4 * i + 3) < c.low / (c.low + c.high);
    return c.mean + (below ? -c.low : c.high) * std::abs(normal);
  }

  std::vector<float> sample(std::int64_t n, std::uint64_t seed) const {
    RandomStream const random(seed, Purpose::test);
    std::vector<float> values;
    for (std::int64_t i = 0; i < n; ++i) {
      values.push_back(static_cast<float>(draw(random, static_cast<std::uint64_t>(i))));
    }
    return values;
  }

  /// n values at the middle of n equal shares of the probability: the density without its noise.
  std::vector<float> stratified(std::int64_t n) const {
    std::vector<float> values;
    double x = -1;
    double below = 0;
    constexpr double kStep = 2e-6;
    for (std::int64_t i = 0; i < n; ++i) {
      double const target = (static_cast<double>(i) + 0.5) / static_cast<double>(n);
      while (below < target) {
        below += kStep * (*this)(x + 0.5 * kStep);
        x += kStep;
      }
      values.push_back(static_cast<float>(x - (below - target) / (*this)(x)));
    }
    return values;
  }
};

/// A plain Gaussian; a split one; cores contaminated from below and from above. The modes of the
/// mixtures were computed with 30-digit arithmetic.
inline std::vector<Density> const& densities() {
  static std::vector<Density> const all = {{"gaussian", {{1, 1, .1, .1}}, 1},
                                           {"A", {{1, 1, .15, .08}}, 1},
                                           {"B", {{.8, 1, .08, .08}, {.2, .85, .2, .2}}, .99820},
                                           {"C", {{.7, 1, .1, .1}, {.3, 1.25, .25, .25}}, 1.00416}};
  return all;
}

}  // namespace jetcal::test
