#pragma once

#include <string>
#include <vector>

#include "engine/threads.hpp"
#include "validate/results.hpp"
#include "validate/sample.hpp"

namespace jetcal::validate {

/// Errors: ConfigError, with `what` the names are of, for a name that comes twice.
void require_different(std::vector<std::string> const& names, char const* what);

/// All numbers of a validation that come from the jets alone: every table and test of the settings
/// but the importance of features. `calibrations` begin with kUncalibrated. Nothing depends on the
/// number of threads.
///
/// Errors    ConfigError for settings that make no sense, no sample, or names used twice; those of
///           measure_sample()
Results measure(std::vector<Sample> const& samples, std::vector<std::string> const& calibrations,
                Settings const& settings, ThreadPool& threads);

}  // namespace jetcal::validate
