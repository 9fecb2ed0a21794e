#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/toy_response.hpp"

namespace jetcal::data {

/// Toy jets: all fields of a real sample, with responses whose mode, given the features, is known.
struct ToyConfig {
  std::int64_t jets = 0;
  std::uint64_t seed = 1;
  std::int64_t shards = 1;
};

/// One toy jet as the file holds it: energies in MeV.
struct ToyJet {
  float energy, mass, eta, pt, phi, rapidity;
  float groom_m_ratio, width, split12, split23, c2, d2, tau21_wta, tau32_wta, qw;
  float em_frac, em3_frac, tile0_frac, eff_n_consts;
  float neutral_e_frac, charge_pt_frac, charge_m_frac, average_mu, npv;
  float truth_energy, truth_mass, truth_eta, truth_pt, truth_phi;
  float weight;
  float oracle_energy_response, oracle_mass_response;
  std::int32_t flavour, topology;
  ToyCase toy_case;
  std::int64_t event_number;
};

/// Jet `index` of a seed: the same whatever is generated beside it. Jets 2n and 2n + 1 are an
/// event: they share eventNumber, averageMu and NPV.
///
/// The features come first: pT flat in its logarithm (150 to 5200 GeV), |eta| < 2.8. They decide
/// the response's distribution (toy_response.hpp), from which true energy and mass follow, so the
/// oracle responses are what a perfect network predicts from the 21 features. The case is a feature
/// too: Tile0Frac lies in 0.05 + 0.1 c .. 0.1 + 0.1 c for case c. EM3Frac, ChargePTFrac, the
/// energy, the mass and, by case, eta or averageMu and NPV set the scale; the other features do
/// not matter.
ToyJet toy_jet(std::uint64_t seed, std::int64_t index);

/// Writes the jets 0 .. config.jets - 1 as `toys_0.h5`, `toys_1.h5`, ... (numbers of equal length)
/// into `folder`, which is made if it is not there; one after the other the shards hold the same
/// rows whatever their number. Returns their paths.
///
/// Errors    ConfigError: fewer than one jet, or more shards than events; DataError: `folder` holds
///           other shards of toys, or cannot be written to
std::vector<std::filesystem::path> generate_toys(ToyConfig const& config,
                                                 std::filesystem::path const& folder);

}  // namespace jetcal::data
