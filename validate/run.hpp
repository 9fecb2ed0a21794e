#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "validate/closure.hpp"

namespace jetcal::validate {

/// A sample that hands out its jets block by block. `next` fills the block and returns true, or
/// returns false after the last jet; what the block points to must stay as it is until the next
/// call.
struct Source {
  std::string sample;
  std::function<bool(JetBlock&)> next;
};

/// A whole validation: reads every source once, measures, and writes `validation.json` and
/// `validation.txt` into `folder`. `calibrations` begin with "none"; the blocks' responses are in
/// their order.
///
/// Errors    those of ClosureAccumulator, of write_results() and of the sources; DataError for a
///           sample without jets
Results run(Settings const& settings, std::vector<Source> const& sources,
            std::vector<std::string> const& calibrations, std::filesystem::path const& folder,
            ThreadPool& threads);

}  // namespace jetcal::validate
