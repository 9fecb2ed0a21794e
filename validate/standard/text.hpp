#pragma once

#include <string>

#include "validate/standard/standard_file.hpp"

namespace jetcal::validate::standard {

/// What a standard calibration was derived from, and a table of its closure in the bins it was
/// derived in: before and after, with the worst bins.
std::string summary(StandardFile const& file);

}  // namespace jetcal::validate::standard
