#pragma once

// The calibration network and its losses in double precision, straight from the equations and with
// nothing clever: what the tests compare with.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/layout.hpp"
#include "model/config.hpp"

namespace jetcal::test {

struct ReferenceNetwork {
  model::NetworkConfig config;
  Layout layout;
  std::vector<double> parameters;  // arena
  std::size_t annotated = 0;
  double scale = 1, offset = 0;

  static double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }

  std::vector<double> dense(std::vector<double> const& x, std::string const& name) const {
    Slice const& w = layout.at(name + ".weight");
    Slice const& b = layout.at(name + ".bias");
    std::vector<double> y;
    for (std::int64_t n = 0; n < w.cols; ++n) {
      double sum = parameters[static_cast<std::size_t>(b.offset + n)];
      for (std::int64_t k = 0; k < w.rows; ++k) {
        sum += x[static_cast<std::size_t>(k)] *
               parameters[static_cast<std::size_t>(w.offset + k * w.ld + n)];
      }
      y.push_back(sum);
    }
    return y;
  }

  std::vector<double> hidden(std::vector<double> x, std::string const& group,
                             std::size_t layers) const {
    for (std::size_t i = 0; i < layers; ++i) {
      x = dense(x, group + "." + std::to_string(i));
      for (double& v : x) { v = mish(v); }
    }
    return x;
  }

  std::vector<double> annotate(std::vector<double> x) const {
    if (!config.annotation.enabled) { return x; }
    double v = (x[annotated] - offset) / scale;
    if (config.annotation.symmetric) { v = std::abs(v); }
    for (std::size_t i = 0; i < config.annotation.centres.size(); ++i) {
      double const d = v - config.annotation.centres[i], w = config.annotation.widths[i];
      x.push_back(std::exp(-d * d / (2 * w * w)));
    }
    return x;
  }

  std::vector<double> head(std::vector<double> const& h, std::string const& name) const {
    std::vector<double> y = dense(h, name);
    for (double& v : y) { v = std::tanh(v) + 1; }
    return y;
  }

  std::vector<double> energy(std::vector<double> const& x) const {
    auto const core = hidden(annotate(x), "core", config.core.size());
    return head(hidden(core, "energy", config.fork.size()), "energy.head");
  }

  std::vector<double> mass(std::vector<double> const& x) const {
    auto const inputs = annotate(x);
    auto h = hidden(hidden(inputs, "core", config.core.size()), "mass", config.fork.size());
    if (config.residual) {
      auto gate = hidden(config.gate_annotated ? inputs : x, "gate", config.gate.size());
      gate = dense(gate, "gate." + std::to_string(config.gate.size()));
      double const top = *std::max_element(gate.begin(), gate.end());
      double sum = 0;
      for (double& g : gate) { sum += g = std::exp(g - top); }
      for (std::size_t i = 0; i < h.size(); ++i) { h[i] *= config.gate_scale * gate[i] / sum; }
    }
    return head(h, "mass.head");
  }
};

/// Asymmetric loss v ln((s1 + s2) / 2) + z^2 / 2 of a jet inside the window (arXiv:2311.08885, Eqs.
/// 5 and 6, normalised).
inline double mdna(std::vector<double> const& y, double x, double v) {
  double const z = (x - y[0]) / (x < y[0] ? y[1] : y[2]);
  return v * std::log((y[1] + y[2]) / 2) + z * z / 2;
}

}  // namespace jetcal::test
