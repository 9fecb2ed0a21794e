#include "validate/epoch_closure.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "validate/binned_sample.hpp"
#include "validate/mode.hpp"
#include "validate/quantity.hpp"

namespace jetcal::validate {
namespace {

constexpr double kMassTrueMinGev = 40;

struct Point {
  std::int64_t jets = 0;
  ModeEstimate mode;
  double iqr68_over_mode = 0;
};

Point measure_bin(BinnedSample const& sample) {
  Point point;
  point.jets = sample.jets();
  if (point.jets < kEpochMinJets) { return point; }
  point.mode = estimate_mode(sample, {});
  if (point.mode.mode > 0) {
    double const iqr68 = sample.quantile(kHighQuantile) - sample.quantile(kLowQuantile);
    point.iqr68_over_mode = iqr68 / point.mode.mode;
  }
  return point;
}

Json variable_closure(ResponseHistograms const& responses, data::BinGrid const& bins,
                      Variable variable, ThreadPool& threads) {
  std::vector<Point> points(static_cast<std::size_t>(bins.count()));
  auto const counts = [&](std::int64_t b) {
    double const mass = bins.bin(b).mass_true_gev.lo;
    return variable == Variable::energy || !bins.bins_mass() || mass >= kMassTrueMinGev;
  };
  threads.run(bins.count(), [&](std::int64_t b, int) {
    if (!counts(b)) { return; }
    points[static_cast<std::size_t>(b)] =
        measure_bin(BinnedSample(responses, b, static_cast<int>(variable)));
  });
  if (std::all_of(points.begin(), points.end(), [](Point const& p) { return p.jets == 0; })) {
    return nullptr;
  }
  std::int64_t used = 0, within_1 = 0, within_5 = 0;
  double worst = 0;
  Json rows = Json::array();
  for (std::size_t b = 0; b < points.size(); ++b) {
    Point const& p = points[b];
    if (p.mode.method == ModeMethod::none) { continue; }
    double const distance = std::abs(p.mode.mode - 1);
    ++used;
    within_1 += distance < 0.01 ? 1 : 0;
    within_5 += distance < 0.05 ? 1 : 0;
    worst = std::max(worst, distance);
    rows.push_back({{"bin", b},
                    {"jets", p.jets},
                    {"mode", p.mode.mode},
                    {"mode_error", p.mode.error},
                    {"iqr68_over_mode", p.iqr68_over_mode}});
  }
  Json out;
  out["bins"] = used;
  out["within_1"] = nullptr;
  out["within_5"] = nullptr;
  out["worst"] = nullptr;
  if (used > 0) {
    out["within_1"] = static_cast<double>(within_1) / static_cast<double>(used);
    out["within_5"] = static_cast<double>(within_5) / static_cast<double>(used);
    out["worst"] = worst;
  }
  out["rows"] = std::move(rows);
  return out;
}

}  // namespace

Json epoch_closure(ResponseHistograms const& responses, data::BinGrid const& bins,
                   ThreadPool& threads) {
  return {{"energy", variable_closure(responses, bins, Variable::energy, threads)},
          {"mass", variable_closure(responses, bins, Variable::mass, threads)}};
}

}  // namespace jetcal::validate
