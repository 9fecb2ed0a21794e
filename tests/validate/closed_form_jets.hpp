#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "validate/standard/jets.hpp"

namespace jetcal::test {

/// Jets whose responses are known in closed form. The most probable reconstructed energy is affine
/// in the true one, a(|eta|) E + b with a constant over 0.1 in |eta|, and the most probable mass is
/// linear in the true one at the energy scale, so that numerical inversion is exact for both:
/// R'_E(E_reco) = a E_reco / (E_reco - b), R'_m = c(E).
struct ClosedForm {
  double b = 12;  ///< [GeV]
  double energy_width = 0.03, mass_width = 0.1;

  double a(double eta) const {
    return 0.86 + 0.04 * std::cos(2 * (std::floor(std::abs(eta) * 10) + 0.5) / 10);
  }
  double energy_response(double e_reco, double eta) const { return a(eta) * e_reco / (e_reco - b); }
  double mass_response(double e_true) const { return 1.02 - 0.04 * std::log(e_true / 1000); }

  /// Jet `i` of a sequence that fills its space evenly (multiples of powers of a root of
  /// x^8 = x + 1, Roberts 2018), E from 150 to 6000 GeV, |eta| < 3, m / E from .01 to .4, both
  /// responses Gaussian and independent.
  validate::standard::Jet jet(std::int64_t i) const {
    constexpr double kRoot = 1.0969815577985598;
    std::array<double, 7> u{};
    double power = 1;
    for (double& x : u) {
      power /= kRoot;
      double const turns = 0.5 + static_cast<double>(i + 1) * power;
      x = turns - std::floor(turns);
    }
    auto const normal = [](double p, double q) {
      return std::sqrt(-2 * std::log(1 - p)) * std::cos(2 * M_PI * q);
    };
    double const e = 150 * std::pow(40.0, u[0]), eta = 6 * u[1] - 3;
    double const m = e * 0.01 * std::pow(40.0, u[2]);
    double const mode = a(eta) + b / e;
    double const e_reco = e * mode * (1 + energy_width * normal(u[3], u[4]));
    double const m_reco =
        m * mass_response(e) * energy_response(e_reco, eta) * (1 + mass_width * normal(u[5], u[6]));
    return {static_cast<float>(e_reco), static_cast<float>(m_reco), static_cast<float>(eta),
            static_cast<float>(e), static_cast<float>(m)};
  }

  std::vector<validate::standard::Jet> jets(std::int64_t n, std::int64_t first = 0) const {
    std::vector<validate::standard::Jet> out;
    for (std::int64_t i = first; i < first + n; ++i) { out.push_back(jet(i)); }
    return out;
  }
};

}  // namespace jetcal::test
