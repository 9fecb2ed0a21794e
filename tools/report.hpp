#pragma once

#include <filesystem>

namespace jetcal::tools {

/// Draws the pictures and report.html of a validation's folder with tools/plot: the one installed
/// beside this program (libexec/jetcal), or the one of the source tree it was built from. Without
/// the script, Python or matplotlib a line says so and the numbers stay as they are.
///
/// Errors    DataError if the script fails for another reason (a full disk)
void draw_report(std::filesystem::path const& folder);

}  // namespace jetcal::tools
