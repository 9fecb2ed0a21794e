#pragma once

#include <cstdint>

#include "data/bins.hpp"
#include "engine/json.hpp"
#include "engine/threads.hpp"
#include "kernels/response_histogram.hpp"

namespace jetcal::validate {

/// The closure of a network that is being trained: {"energy", "mass"}, each {"bins", "within_1",
/// "within_5", "worst", "rows": [{"bin", "jets", "mode", "mode_error", "iqr68_over_mode"}]}, or
/// null without a response. Shares are of the bins with at least kEpochMinJets jets.
///
/// Accuracy  of responses whose IQR68 is at least 60 cells, half of the modes lie within 0.1 of
///           their statistical error from those of measure() for the jets themselves, nine tenths
///           within 0.3; IQR68 / mode within 0.1 and 0.2 (a test). Fits that end an iteration
///           earlier or later make the rest, as for any change of the histogram's range
Json epoch_closure(ResponseHistograms const& responses, data::BinGrid const& bins,
                   ThreadPool& threads);

inline constexpr std::int64_t kEpochMinJets = 200;

}  // namespace jetcal::validate
