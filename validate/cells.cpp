#include "validate/cells.hpp"

#include <algorithm>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

constexpr std::int32_t kNotInGroup = -2;
constexpr std::int32_t kInNoCell = -1;

/// 0 for jets of the group, kNotInGroup for others, kInNoCell where truth is not finite.
std::vector<std::int32_t> select(Sample const& sample, JetGroup const& group) {
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(sample.jets.jets()), 0);
  if (group.label != Label::none) {
    auto const label = sample.columns.labels.find(group.label);
    JETCAL_REQUIRE(
        label != sample.columns.labels.end(), DataError,
        "validation: sample '" << sample.name << "' has no " << name(group.label) << " labels");
    auto const codes = sample.jets.column(label->second);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      auto const code = static_cast<std::int64_t>(codes[i]);
      if (std::count(group.codes.begin(), group.codes.end(), code) == 0) {
        chosen[i] = kNotInGroup;
      }
    }
  }
  auto const mass = sample.jets.column(sample.columns.mass_true);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] != 0) { continue; }
    if (!std::isfinite(mass[i])) {
      chosen[i] = kInNoCell;
    } else if (group.mass_true && !group.mass_true->holds(static_cast<double>(mass[i]))) {
      chosen[i] = kNotInGroup;
    }
  }
  return chosen;
}

}  // namespace

Cells::Cells(Sample const& sample, TableSpec const& spec, JetGroup const& group,
             std::optional<double> mass_true_min_gev)
    : cell_(select(sample, group)), begin_(static_cast<std::size_t>(spec.cells()) + 1, 0) {
  for (std::int32_t const c : cell_) {
    counts_.jets += c == kNotInGroup ? 0 : 1;
    counts_.not_finite += c == kInNoCell ? 1 : 0;
  }
  counts_.outside.resize(spec.axes.size());
  std::vector<std::vector<float>> values;
  for (std::size_t a = 0; a < spec.axes.size(); ++a) {
    Axis const& axis = spec.axes[a];
    auto const column = sample.columns.find(axis.quantity);
    JETCAL_REQUIRE(column, DataError,
                   "validation: sample '" << sample.name << "' has no " << name(axis.quantity)
                                          << ", an axis of the table '" << spec.name << "'");
    auto& value = values.emplace_back(sample.jets.column(*column));
    if (axis.quantity == Quantity::abs_eta_true) {
      for (float& v : value) { v = std::abs(v); }
    }
    for (std::size_t i = 0; i < cell_.size(); ++i) {
      if (cell_[i] < 0) { continue; }
      if (!std::isfinite(value[i])) {
        ++counts_.not_finite;
        cell_[i] = kInNoCell;
        continue;
      }
      int const bin = axis.index(static_cast<double>(value[i]));
      if (bin < 0 || bin >= axis.bins()) {
        ++counts_.outside[a][bin < 0 ? 0 : 1];
        cell_[i] = kInNoCell;
      } else {
        cell_[i] = cell_[i] * axis.bins() + bin;
      }
    }
  }
  if (mass_true_min_gev) {
    auto const mass = sample.jets.column(sample.columns.mass_true);
    for (std::size_t i = 0; i < cell_.size(); ++i) {
      if (cell_[i] < 0 || static_cast<double>(mass[i]) > *mass_true_min_gev) { continue; }
      ++counts_.below_mass_cut;
      cell_[i] = kInNoCell;
    }
  }
  means_.assign(spec.axes.size(), std::vector<double>(begin_.size() - 1, 0.0));
  for (std::size_t i = 0; i < cell_.size(); ++i) {
    if (cell_[i] < 0) { continue; }
    ++counts_.in_cells;
    ++begin_[at(cell_[i]) + 1];
    for (std::size_t a = 0; a < values.size(); ++a) {
      means_[a][at(cell_[i])] += static_cast<double>(values[a][i]);
    }
  }
  for (std::int64_t c = 0; c < cells(); ++c) {
    auto const range = spec.range(c);
    auto const n = static_cast<double>(begin_[at(c) + 1]);
    for (std::size_t a = 0; a < values.size(); ++a) {
      double& mean = means_[a][at(c)];
      mean = n > 0 ? mean / n : (range[a].lo + range[a].hi) / 2;
    }
    begin_[at(c) + 1] += begin_[at(c)];
  }
}

std::vector<float> Cells::sorted(std::vector<float> const& column) const {
  if (column.empty()) { return {}; }
  std::vector<float> out(at(begin_.back()));
  std::vector<std::int64_t> next(begin_.begin(), begin_.end() - 1);
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (cell_[i] >= 0) { out[at(next[at(cell_[i])]++)] = column[i]; }
  }
  return out;
}

std::vector<float> jet_weights(Sample const& sample, JetGroup const& group) {
  std::vector<float> weights;
  if (sample.columns.weight) {
    weights = sample.jets.column(*sample.columns.weight);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      JETCAL_REQUIRE(std::isfinite(weights[i]) && weights[i] >= 0, DataError,
                     "validation: sample '" << sample.name << "' jet " << i << " has weight "
                                            << weights[i] << " (must be finite and not negative)");
    }
  }
  if (!group.flat_energy) { return weights; }
  if (weights.empty()) { weights.assign(static_cast<std::size_t>(sample.jets.jets()), 1.0f); }

  constexpr int kBins = 60;
  auto const energy = sample.jets.column(sample.columns.energy_true);
  std::vector<float> logs;
  logs.reserve(energy.size());
  for (float const e : energy) {
    if (std::isfinite(e) && e > 0) { logs.push_back(std::log(e)); }
  }
  if (logs.empty()) { return weights; }
  auto const quantile = [&](double p) {
    auto const nth = static_cast<std::ptrdiff_t>(p * static_cast<double>(logs.size() - 1));
    std::nth_element(logs.begin(), logs.begin() + nth, logs.end());
    return static_cast<double>(logs[static_cast<std::size_t>(nth)]);
  };
  double const low = quantile(0.001), high = quantile(0.999);
  if (!(low < high)) { return weights; }
  double const width = (high - low) / kBins;
  auto const bin = [&](double log_energy) {
    return static_cast<std::size_t>(
        std::clamp(std::floor((log_energy - low) / width), 0.0, kBins - 1.0));
  };
  std::vector<double> content(kBins, 0.0);
  for (std::size_t i = 0; i < energy.size(); ++i) {
    if (std::isfinite(energy[i]) && energy[i] > 0) {
      content[bin(std::log(static_cast<double>(energy[i])))] += static_cast<double>(weights[i]);
    }
  }
  // Flat in E: a bin's weight is its length in E over its content; the largest is 1.
  double largest = 0;
  for (int b = 0; b < kBins; ++b) {
    double& c = content[static_cast<std::size_t>(b)];
    c = c > 0 ? std::exp(low + (b + 1) * width) * -std::expm1(-width) / c : 0;
    largest = std::max(largest, c);
  }
  for (std::size_t i = 0; i < energy.size(); ++i) {
    bool const usable = std::isfinite(energy[i]) && energy[i] > 0;
    double const factor =
        usable ? content[bin(std::log(static_cast<double>(energy[i])))] / largest : 0;
    weights[i] = static_cast<float>(static_cast<double>(weights[i]) * factor);
  }
  return weights;
}

}  // namespace jetcal::validate
