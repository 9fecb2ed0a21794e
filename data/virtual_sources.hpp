#pragma once

#include <cstdint>
#include <string>

#include "data/hdf5.hpp"

namespace jetcal::data {

/// Checks that every row of a virtual dataset lies in a source that is there. The library reads
/// rows of a missing or shortened source as zeros and says nothing. Call inside an Hdf5Scope.
///
/// Errors    DataError, with the source's name
void require_virtual_sources(hid_t creation_properties, std::string const& path, std::int64_t rows);

}  // namespace jetcal::data
