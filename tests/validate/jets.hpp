#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "validate/measurement.hpp"

namespace jetcal::validate::test {

/// Jets as columns, for one or more calibrations, the first of them kUncalibrated.
struct Jets {
  std::vector<float> pt, eta, mass, energy_true, weight, npv, mu, topology, flavour;
  std::vector<std::vector<float>> energy, mass_response;
  std::vector<std::vector<float>> widths;  ///< of the last calibration: energy low, high, mass ...

  explicit Jets(std::size_t calibrations = 1) : energy(calibrations), mass_response(calibrations) {}

  void add(double pt_gev, double eta_true, double mass_gev, std::vector<double> const& r_energy,
           std::vector<double> const& r_mass) {
    pt.push_back(static_cast<float>(pt_gev));
    eta.push_back(static_cast<float>(eta_true));
    mass.push_back(static_cast<float>(mass_gev));
    energy_true.push_back(static_cast<float>(std::hypot(pt_gev * std::cosh(eta_true), mass_gev)));
    for (std::size_t k = 0; k < energy.size(); ++k) {
      energy[k].push_back(static_cast<float>(r_energy[k]));
      mass_response[k].push_back(static_cast<float>(r_mass[k]));
    }
  }

  /// The jets as a sample; `times`: all of them again and again.
  Sample sample(ColumnStore& store, std::string name = "dijets", int times = 1) const {
    JetColumns columns;
    std::vector<std::span<float const>> values = {pt, eta, energy_true, mass};
    auto const optional = [&](std::vector<float> const& column) -> std::optional<std::size_t> {
      if (column.empty()) { return std::nullopt; }
      values.push_back(column);
      return columns.count++;
    };
    columns.weight = optional(weight);
    columns.npv = optional(npv);
    columns.mu = optional(mu);
    if (auto const c = optional(topology)) { columns.labels[Label::topology] = *c; }
    if (auto const c = optional(flavour)) { columns.labels[Label::flavour] = *c; }
    for (std::size_t k = 0; k < energy.size(); ++k) {
      columns.responses.push_back({columns.count, columns.count + 1});
      columns.count += 2;
      values.emplace_back(energy[k]);
      values.emplace_back(mass_response[k]);
      columns.widths.emplace_back();
    }
    if (!widths.empty()) {
      std::size_t const at = columns.count;
      columns.widths.back() = std::array<std::size_t, 2 * kVariables>{at, at + 1, at + 2, at + 3};
      columns.count += 4;
      for (auto const& column : widths) { values.emplace_back(column); }
    }
    Sample out(std::move(name), columns, store);
    if (npv.empty()) { out.missing["npv"] = "there is none"; }
    if (mu.empty()) { out.missing["mu"] = "there is none"; }
    if (topology.empty()) { out.missing["topology"] = "there is none"; }
    if (flavour.empty()) { out.missing["flavour"] = "there is none"; }
    for (int i = 0; i < times; ++i) { out.jets.append(values); }
    return out;
  }
};

/// Two bins of true pT and one of |eta|; the closure alone.
inline Settings two_bins() {
  Settings s;
  s.bins = {};
  s.bins.pt_true = {200, 400, 800};
  s.bins.abs_eta_true = {0, 1};
  s.tests = {};
  return s;
}

/// Enough memory for any test.
inline constexpr std::int64_t kMemory = std::int64_t{1} << 30;

inline Results measure_all(Settings const& settings, Jets const& jets,
                           std::vector<std::string> const& calibrations = {"none"},
                           int threads = 1) {
  ColumnStore store(kMemory, std::filesystem::temp_directory_path());
  std::vector<Sample> samples;
  samples.push_back(jets.sample(store));
  ThreadPool pool(threads);
  return measure(samples, calibrations, settings, pool);
}

}  // namespace jetcal::validate::test
