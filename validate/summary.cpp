#include "validate/summary.hpp"

#include <algorithm>
#include <cmath>

namespace jetcal::validate {
namespace {

constexpr std::size_t kWorstBins = 3;

double distance(TableRow const& bin) { return std::abs(*bin.point.mode - 1); }

ClosureShare share_within(double limit, std::vector<TableRow const*> const& bins, Summary const& s,
                          double errors_allowed) {
  ClosureShare share;
  share.limit = limit;
  for (TableRow const* bin : bins) {
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

std::optional<double> mean_ratio(std::vector<TableRow const*> const& bins) {
  double sum = 0;
  double jets = 0;
  for (TableRow const* bin : bins) {
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

std::vector<Summary> summarise(ResponseTable const& table, Settings const& settings) {
  std::vector<Summary> out;
  auto const cells = static_cast<std::size_t>(table.spec.cells());
  for (std::size_t first = 0; first + cells <= table.rows.size(); first += cells) {
    TableRow const& head = table.rows[first];
    Summary s;
    s.sample = head.sample;
    s.group = head.group;
    s.variable = head.variable;
    s.calibration = head.calibration;
    std::vector<TableRow const*> used;
    for (std::size_t at = first; at < first + cells; ++at) {
      TableRow const& row = table.rows[at];
      if (row.point.jets < settings.min_jets) {
        ++s.bins_left_out;
        continue;
      }
      used.push_back(&row);
      ++s.bins;
      s.jets += row.point.jets;
      if (row.point.mode) {
        s.worst.push_back(at);
      } else {
        ++s.bins_without_mode;
      }
    }
    if (!used.empty()) {
      for (double const limit : kClosureLimits) {
        s.shares.push_back(share_within(limit, used, s, settings.errors_allowed));
      }
    }
    s.iqr68_ratio = mean_ratio(used);
    std::stable_sort(s.worst.begin(), s.worst.end(), [&](std::size_t a, std::size_t b) {
      return distance(table.rows[a]) > distance(table.rows[b]);
    });
    s.worst.resize(std::min(s.worst.size(), kWorstBins));
    out.push_back(std::move(s));
  }
  return out;
}

std::vector<ComparisonSummary> compare(ResponseTable const& table, Settings const& settings) {
  std::vector<ComparisonSummary> out;
  auto const cells = static_cast<std::size_t>(table.spec.cells());
  for (std::size_t first = 0; first + cells <= table.comparisons.size(); first += cells) {
    ComparisonRow const& head = table.comparisons[first];
    ComparisonSummary s;
    s.sample = head.sample;
    s.group = head.group;
    s.variable = head.variable;
    s.first = head.first;
    s.second = head.second;
    double jets = 0, ratio = 0, variance = 0;
    for (std::size_t at = first; at < first + cells; ++at) {
      ComparisonRow const& row = table.comparisons[at];
      Difference const& d = row.difference;
      if (row.jets < settings.min_jets || !d.mode || !d.iqr68_ratio) { continue; }
      ++s.bins;
      s.closer += std::abs(d.second_mode - 1) < std::abs(d.second_mode - *d.mode - 1) ? 1 : 0;
      s.narrower += *d.iqr68_ratio < 1 ? 1 : 0;
      auto const n = static_cast<double>(row.jets);
      jets += n;
      ratio += n * *d.iqr68_ratio;
      if (!d.iqr68_ratio_error) { continue; }
      s.surely_narrower += *d.iqr68_ratio + 2 * *d.iqr68_ratio_error < 1 ? 1 : 0;
      variance += n * n * *d.iqr68_ratio_error * *d.iqr68_ratio_error;
    }
    if (jets > 0) {
      s.iqr68_ratio = ratio / jets;
      s.iqr68_ratio_error = std::sqrt(variance) / jets;
    }
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace jetcal::validate
