#include "validate/epoch_closure.hpp"

#include <algorithm>
#include <cmath>

#include "validate/response_point.hpp"

namespace jetcal::validate {
namespace {

constexpr double kMassTrueMinGev = 40;

ResponsePoint measure_bin(std::vector<float> const& responses, std::vector<float> const& weights) {
  bool const weighted = std::any_of(weights.begin(), weights.end(), [](float w) { return w != 1; });
  return measure(finite_sample(responses, weighted ? std::span(weights) : std::span<float const>()),
                 {});
}

Json variable_closure(std::vector<std::vector<float>> const& responses,
                      std::vector<std::vector<float>> const& weights, data::BinGrid const& bins,
                      Variable variable, ThreadPool& threads) {
  if (responses.empty()) { return nullptr; }
  std::vector<ResponsePoint> points(responses.size());
  auto const counts = [&](std::size_t b) {
    double const mass = bins.bin(static_cast<std::int64_t>(b)).mass_true_gev.lo;
    return variable == Variable::energy || !bins.bins_mass() || mass >= kMassTrueMinGev;
  };
  threads.run(static_cast<std::int64_t>(points.size()), [&](std::int64_t b, int) {
    auto const at = static_cast<std::size_t>(b);
    if (counts(at)) { points[at] = measure_bin(responses[at], weights[at]); }
  });
  std::int64_t used = 0, within_1 = 0, within_5 = 0;
  double worst = 0;
  Json rows = Json::array();
  for (std::size_t b = 0; b < points.size(); ++b) {
    ResponsePoint const& p = points[b];
    if (p.jets < kEpochMinJets || !p.mode) { continue; }
    double const distance = std::abs(*p.mode - 1);
    ++used;
    within_1 += distance < 0.01 ? 1 : 0;
    within_5 += distance < 0.05 ? 1 : 0;
    worst = std::max(worst, distance);
    rows.push_back({{"bin", b},
                    {"jets", p.jets},
                    {"mode", *p.mode},
                    {"mode_error", *p.mode_error},
                    {"iqr68_over_mode", p.iqr68_over_mode.value_or(0)}});
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

Json epoch_closure(std::vector<std::vector<float>> const& energy,
                   std::vector<std::vector<float>> const& mass,
                   std::vector<std::vector<float>> const& weights, data::BinGrid const& bins,
                   ThreadPool& threads) {
  return {{"energy", variable_closure(energy, weights, bins, Variable::energy, threads)},
          {"mass", variable_closure(mass, weights, bins, Variable::mass, threads)}};
}

}  // namespace jetcal::validate
