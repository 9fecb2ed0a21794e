#include "validate/summary.hpp"

#include <algorithm>
#include <cmath>

namespace jetcal::validate {
namespace {

constexpr std::size_t kWorstBins = 3;

double distance(BinResult const& bin) { return std::abs(*bin.point.mode - 1); }

ClosureShare share_within(double limit, std::vector<BinResult const*> const& bins, Summary const& s,
                          double errors_allowed) {
  ClosureShare share;
  share.limit = limit;
  for (BinResult const* bin : bins) {
    if (!bin->point.mode) { continue; }
    double const d = distance(*bin);
    if (d < limit + errors_allowed * *bin->point.mode_error) { share.bins_with_errors += 1; }
    if (!(d < limit)) { continue; }
    share.bins += 1;
    share.jets += static_cast<double>(bin->point.jets);
  }
  share.bins /= static_cast<double>(s.bins);
  share.bins_with_errors /= static_cast<double>(s.bins);
  share.jets /= static_cast<double>(s.jets);
  return share;
}

std::optional<double> mean_ratio(std::vector<BinResult const*> const& bins) {
  double sum = 0;
  double jets = 0;
  for (BinResult const* bin : bins) {
    auto const& after = bin->point.iqr68_over_mode;
    auto const& before = bin->iqr68_over_mode_before;
    if (!after || !before || !(*before > 0)) { continue; }
    sum += static_cast<double>(bin->point.jets) * *after / *before;
    jets += static_cast<double>(bin->point.jets);
  }
  if (jets == 0) { return std::nullopt; }
  return sum / jets;
}

}  // namespace

std::vector<Summary> summarise(Results const& results) {
  std::vector<Summary> out;
  std::size_t const tables = results.samples.size() * 2 * results.calibrations.size();
  if (tables == 0) { return out; }
  std::size_t const bins = results.bins.size() / tables;
  for (std::size_t table = 0; table < tables; ++table) {
    BinResult const& first = results.bins[table * bins];
    Summary s;
    s.sample = first.sample;
    s.variable = first.variable;
    s.calibration = first.calibration;
    std::vector<BinResult const*> used;
    for (std::size_t at = table * bins; at < (table + 1) * bins; ++at) {
      BinResult const& bin = results.bins[at];
      if (bin.point.jets < results.settings.min_jets) {
        ++s.bins_left_out;
        continue;
      }
      used.push_back(&bin);
      ++s.bins;
      s.jets += bin.point.jets;
      if (bin.point.mode) {
        s.worst.push_back(at);
      } else {
        ++s.bins_without_mode;
      }
    }
    if (!used.empty()) {
      for (double const limit : kClosureLimits) {
        s.shares.push_back(share_within(limit, used, s, results.settings.errors_allowed));
      }
    }
    s.iqr68_ratio = mean_ratio(used);
    std::stable_sort(s.worst.begin(), s.worst.end(), [&](std::size_t a, std::size_t b) {
      return distance(results.bins[a]) > distance(results.bins[b]);
    });
    s.worst.resize(std::min(s.worst.size(), kWorstBins));
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace jetcal::validate
