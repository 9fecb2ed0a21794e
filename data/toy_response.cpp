#include "data/toy_response.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

constexpr double kTwoPi = 6.283185307179586476925;
constexpr double kEnergyLow = 0.4;
constexpr double kEnergyHigh = 1.8;

double gaussian(double z) { return std::exp(-0.5 * z * z) / std::sqrt(kTwoPi); }

// Falls from 1 to 1 - depth within a few hundredths around |eta| = 1.4.
double step_in_eta(double eta, double depth) {
  return 1 - depth * 0.5 * (1 + std::tanh((std::abs(eta) - 1.4) / 0.03));
}

}  // namespace

double ToyDraws::normal() {
  double const radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(kTwoPi * uniform());
}

double ToyLaw::density(double z) const {
  double const core = 2 / (1 + core_low) * gaussian(z < 0 ? z / core_low : z);
  double const tail = gaussian((z - tail_mean) / tail_width) / tail_width;
  return (1 - tail_share) * core + tail_share * tail;
}

double ToyLaw::draw(ToyDraws& draws) const {
  double const choice = draws.uniform();
  double const side = draws.uniform();
  double const normal = draws.normal();
  if (choice < tail_share) { return tail_mean + tail_width * normal; }
  return side * (1 + core_low) < core_low ? -core_low * std::abs(normal) : std::abs(normal);
}

double ToyLaw::mode() const {
  if (tail_share == 0) { return 0; }
  // Between the peaks of core and tail, nearer than half a width to the core's: the derivative of
  // the density changes sign once there.
  auto const slope = [this](double z) {
    double const width = z < 0 ? core_low : 1;
    double const core = -z / (width * width) * 2 / (1 + core_low) * gaussian(z / width);
    double const t = (z - tail_mean) / tail_width;
    double const tail = -t / (tail_width * tail_width) * gaussian(t);
    return (1 - tail_share) * core + tail_share * tail;
  };
  double low = tail_mean < 0 ? -0.5 : 0;
  double high = tail_mean < 0 ? 0 : 0.5;
  for (int i = 0; i < 60; ++i) {
    double const middle = 0.5 * (low + high);
    (slope(middle) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::string_view name(ToyCase toy_case) {
  switch (toy_case) {
    case ToyCase::skewed:
      return "skewed";
    case ToyCase::contaminated_low:
      return "contaminated_low";
    case ToyCase::contaminated_high:
      return "contaminated_high";
    case ToyCase::eta_step:
      return "eta_step";
    case ToyCase::pile_up:
      return "pile_up";
  }
  throw Error("toy jets: there is no case " + std::to_string(static_cast<int>(toy_case)));
}

ToyLaw const& toy_law(ToyCase toy_case) {
  // A split Gaussian of .15 and .08; .8 N(1, .08) + .2 N(.85, .2); .7 N(1, .1) + .3 N(1.25, .25);
  // each in units of its core's (upper) width.
  static ToyLaw const skewed{0.15 / 0.08, 0, 0, 1};
  static ToyLaw const contaminated_low{1, 0.2, -0.15 / 0.08, 0.2 / 0.08};
  static ToyLaw const contaminated_high{1, 0.3, 0.25 / 0.1, 0.25 / 0.1};
  static ToyLaw const plain{};
  switch (toy_case) {
    case ToyCase::skewed:
      return skewed;
    case ToyCase::contaminated_low:
      return contaminated_low;
    case ToyCase::contaminated_high:
      return contaminated_high;
    case ToyCase::eta_step:
    case ToyCase::pile_up:
      return plain;
  }
  throw Error("toy jets: there is no case " + std::to_string(static_cast<int>(toy_case)));
}

double toy_law_mode(ToyCase toy_case) {
  static std::array<double, kToyCases> const modes = [] {
    std::array<double, kToyCases> m{};
    for (std::int32_t c = 0; c < kToyCases; ++c) {
      m[static_cast<std::size_t>(c)] = toy_law(static_cast<ToyCase>(c)).mode();
    }
    return m;
  }();
  return modes.at(static_cast<std::size_t>(toy_case));
}

double ToyResponse::draw(ToyLaw const& law, ToyDraws& draws) const {
  // A few percent of the draws at most are outside.
  for (int i = 0; i < 10000; ++i) {
    double const t = 1 + width * law.draw(draws);
    if (t >= low && t <= high) { return scale * t; }
  }
  throw Error("toy jets: no response between the allowed ends in 10000 draws");
}

ToyResponse toy_energy_response(ToyInputs const& in) {
  ToyResponse r;
  r.scale =
      (0.93 + 0.02 * std::tanh(std::log(in.energy_gev / 1000))) * (1 - 0.3 * (in.em3_frac - 0.06));
  if (in.toy_case == ToyCase::eta_step) { r.scale *= step_in_eta(in.eta, 0.06); }
  if (in.toy_case == ToyCase::pile_up) {
    r.scale *= 1 + 0.001 * (in.average_mu - 40) + 0.001 * (in.npv - 22);
  }
  r.width = std::hypot(0.035, 0.9 / std::sqrt(in.energy_gev));
  r.low = kEnergyLow;
  r.high = kEnergyHigh;
  return r;
}

ToyResponse toy_mass_response(ToyInputs const& in) {
  ToyResponse r;
  r.scale =
      (0.91 + 0.03 * std::tanh(std::log(in.mass_gev / 60))) * (1 + 0.1 * (in.charge_pt_frac - 0.3));
  if (in.toy_case == ToyCase::eta_step) { r.scale *= step_in_eta(in.eta, 0.08); }
  if (in.toy_case == ToyCase::pile_up) {
    r.scale *= 1 + 0.002 * (in.average_mu - 40) + 0.001 * (in.npv - 22);
  }
  r.width = 0.07 + 0.05 * std::exp(-in.mass_gev / 100);
  // m / r_m < E / r_E for every r_E that can be drawn.
  double const largest = kEnergyHigh * toy_energy_response(in).scale;
  r.low = std::max(0.3, 1.05 * in.mass_gev / in.energy_gev * largest / r.scale);
  r.high = 2.2;
  return r;
}

}  // namespace jetcal::data
