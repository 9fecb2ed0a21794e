#pragma once

#include <string>
#include <vector>

#include "validate/standard/standard_file.hpp"

namespace jetcal::validate::standard {

/// Derives a standard calibration, energy then mass, from the training jets of a split (of
/// fraction 0: all jets) of files or globs. The result does not depend on the number of threads.
///
/// Source    arXiv:2311.08885, section 3
/// Memory    48 bytes a jet (20 million jets: 0.9 GB), and a few MB
/// Errors    those of collect_jets(), derive_energy_scale(), derive_mass_scale()
StandardFile fit_standard(std::vector<std::string> const& files, Settings const& settings,
                          data::SplitRule const& split, int threads);

}  // namespace jetcal::validate::standard
