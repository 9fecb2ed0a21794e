#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/random.hpp"

namespace jetcal::data {

/// Random numbers of one toy jet or event: a stretch of a counter-based stream.
class ToyDraws {
 public:
  ToyDraws(RandomStream const& random, std::uint64_t index) : random_(random), at_(index << 16) {}

  double uniform() { return random_.uniform(at_++); }  ///< in (0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();

 private:
  RandomStream const& random_;
  std::uint64_t at_;
};

/// A distribution of z, from which responses r = scale * (1 + width * z) are made: a core of unit
/// width above and `core_low` below 0, of which a share is replaced by a wide Gaussian.
struct ToyLaw {
  double core_low = 1;
  double tail_share = 0;
  double tail_mean = 0;
  double tail_width = 1;

  double density(double z) const;
  double draw(ToyDraws& draws) const;

  /// The most probable z: 0 for a pure core; otherwise the root of the density's derivative, to
  /// 1e-13.
  double mode() const;
};

/// What a toy jet's response is an exercise in.
enum class ToyCase : std::int32_t {
  skewed = 0,             ///< split Gaussian, wider below
  contaminated_low = 1,   ///< Gaussian with a tail of lost energy
  contaminated_high = 2,  ///< Gaussian with a tail of energy from elsewhere
  eta_step = 3,           ///< Gaussian; the scale falls sharply at |eta| = 1.4
  pile_up = 4             ///< Gaussian; the scale rises with averageMu and NPV
};
inline constexpr std::int32_t kToyCases = 5;

/// "skewed", "contaminated_low", ...
std::string_view name(ToyCase toy_case);

ToyLaw const& toy_law(ToyCase toy_case);

/// toy_law(toy_case).mode(), computed once.
double toy_law_mode(ToyCase toy_case);

/// The features that a toy response depends on, as the file holds them (energies in GeV).
struct ToyInputs {
  double energy_gev = 0;
  double mass_gev = 0;
  double eta = 0;
  double em3_frac = 0;
  double charge_pt_frac = 0;
  double average_mu = 0;
  double npv = 0;
  ToyCase toy_case = ToyCase::skewed;
};

/// r = scale * (1 + width * z) with z from the case's law, kept to low <= 1 + width * z <= high.
/// The mode is far from both ends, so it is scale * (1 + width * mode of z), exactly.
struct ToyResponse {
  double scale = 1;
  double width = 0;
  double low = 0;
  double high = 2;

  double mode(double law_mode) const { return scale * (1 + width * law_mode); }
  double draw(ToyLaw const& law, ToyDraws& draws) const;
};

ToyResponse toy_energy_response(ToyInputs const& in);

/// Its lower end is such that no true mass can exceed the true energy.
ToyResponse toy_mass_response(ToyInputs const& in);

}  // namespace jetcal::data
