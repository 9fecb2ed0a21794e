#pragma once

#include <string>
#include <vector>

namespace jetcal::data {

/// The files that paths and globs (`*`, `?`, `[...]`) name, sorted by their bytes. A file that is
/// named twice, or by two paths, comes once.
///
/// Errors    DataError, beginning with `where`, for a path that does not exist or is no file, a
/// glob
///           that matches nothing, a folder that cannot be read, an empty list
std::vector<std::string> expand_paths(std::vector<std::string> const& patterns,
                                      std::string const& where);

}  // namespace jetcal::data
