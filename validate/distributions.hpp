#pragma once

#include <string>
#include <vector>

#include "validate/histogram.hpp"
#include "validate/response_table.hpp"

namespace jetcal::validate {

/// How the responses of a group of jets are distributed (arXiv:2311.08885, figure 7).
struct ResponseDistribution {
  Variable variable = Variable::energy;
  std::string sample;
  std::string group;
  std::string calibration;
  Histogram histogram;  ///< of r over [0.4, 1.6)
  std::int64_t jets = 0;
  std::int64_t not_finite = 0;
};

/// One for each variable and calibration of every group of `spec`; the axes do not matter.
std::vector<ResponseDistribution> response_distributions(Sample const& sample,
                                                         TableSpec const& spec,
                                                         TableContext const& context);

/// The spectrum of the true energy of a group of jets (figure 10a): of ln(E_true / GeV).
struct EnergySpectrum {
  std::string sample;
  std::string group;
  Histogram histogram;
};

std::vector<EnergySpectrum> energy_spectra(Sample const& sample, TableSpec const& spec);

}  // namespace jetcal::validate
