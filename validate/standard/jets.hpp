#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/errors.hpp"
#include "engine/threads.hpp"
#include "validate/mode.hpp"

namespace jetcal::validate::standard {

/// What a standard calibration is derived from, in GeV.
struct Jet {
  float energy, mass, eta, true_energy, true_mass;
};

/// Jets in groups, one group after the other.
struct JetGroups {
  std::vector<Jet> jets;
  std::vector<std::int64_t> first;  ///< of each group, and the end of the last

  std::int64_t size() const { return static_cast<std::int64_t>(first.size()) - 1; }
  std::span<Jet> operator[](std::int64_t group) {
    auto const begin = first[static_cast<std::size_t>(group)];
    auto const end = first[static_cast<std::size_t>(group) + 1];
    return std::span(jets).subspan(static_cast<std::size_t>(begin),
                                   static_cast<std::size_t>(end - begin));
  }
};

/// Sorts jets into the groups 0 .. n - 1 that `group_of(jet)` says, in their order; those that it
/// gives a negative number are left out. Takes as much memory again as the jets.
template <class GroupOf>
JetGroups grouped(std::vector<Jet> jets, std::int64_t n, GroupOf group_of) {
  JetGroups groups;
  groups.first.assign(static_cast<std::size_t>(n) + 1, 0);
  for (Jet const& jet : jets) {
    std::int64_t const g = group_of(jet);
    if (g >= 0) { ++groups.first[static_cast<std::size_t>(g) + 1]; }
  }
  for (std::size_t g = 1; g < groups.first.size(); ++g) { groups.first[g] += groups.first[g - 1]; }
  groups.jets.resize(static_cast<std::size_t>(groups.first.back()));
  std::vector<std::int64_t> next(groups.first);
  for (Jet const& jet : jets) {
    std::int64_t const g = group_of(jet);
    if (g < 0) { continue; }
    groups.jets[static_cast<std::size_t>(next[static_cast<std::size_t>(g)]++)] = jet;
  }
  return groups;
}

/// The bin b with edges[b] <= x < edges[b + 1]; -1 outside all.
std::int64_t bin_in(std::vector<double> const& edges, double x);

/// Consecutive jets of a group, sorted by the logarithm x of a true quantity: low <= x < high.
struct Bin {
  double low = 0, high = 0;
  std::int64_t begin = 0, end = 0;  ///< jets of the group

  std::int64_t jets() const { return end - begin; }
};

/// Bins of a group whose jets have the rising coordinates x. Borders lie at `edges`; without any,
/// at the multiples of `step`. A bin with fewer than `min_jets` takes its upper neighbour in, the
/// last is taken into the one below; jets outside given edges are in no bin. No bins if there are
/// fewer than `min_jets` jets.
std::vector<Bin> rising_bins(std::span<double const> x, std::vector<double> const& edges,
                             double step, std::int64_t min_jets);

/// The mode of r(i), i = bin.begin .. bin.end - 1.
template <class ResponseOf>
ModeEstimate mode_in(Bin const& bin, ModeSettings const& settings, ResponseOf response_of) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(bin.jets()));
  for (std::int64_t i = bin.begin; i < bin.end; ++i) {
    values.push_back(static_cast<float>(response_of(i)));
  }
  return estimate_mode(SortedSample(std::move(values)), settings);
}

}  // namespace jetcal::validate::standard
