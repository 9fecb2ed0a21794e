#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/split.hpp"
#include "validate/standard/jets.hpp"
#include "validate/standard/settings.hpp"

namespace jetcal::validate::standard {

/// Jets read for a derivation.
struct CollectedJets {
  std::vector<Jet> jets;           ///< mass and true_mass are 0 where one of them is not above 0
  std::int64_t rows = 0;           ///< of the files
  std::int64_t not_chosen = 0;     ///< held out by the split
  std::int64_t unusable = 0;       ///< eta not finite, or an energy not finite or not above 0
  std::int64_t without_mass = 0;   ///< used for the energy only
  std::vector<std::string> files;  ///< names, without folders
  std::string digest;
};

/// Reads the training jets of a split (of fraction 0: all) from files or globs, each file once.
///
/// Memory    20 bytes a jet
/// Errors    DataError: those of data::JetReader; a field without a unit or of the wrong kind; no
///           usable jet
CollectedJets collect_jets(std::vector<std::string> const& files, Settings const& settings,
                           data::SplitRule const& split, int threads);

}  // namespace jetcal::validate::standard
