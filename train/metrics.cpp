#include "train/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace jetcal::train {
namespace {

enum Field : std::size_t { kJets, kWeight, kLossEnergy, kKeptEnergy, kLossMass, kKeptMass };
enum Header : std::size_t { kRows, kUpdates, kNormSum, kNormMost };

Json mean(bool has, double sum, double weight) {
  if (!has || !(weight > 0)) { return nullptr; }
  double const value = sum / weight;
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json range(data::BinGrid::Range const& r) {
  auto const edge = [](double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); };
  return Json::array({edge(r.lo), edge(r.hi)});
}

}  // namespace

EpochSums::EpochSums(std::int64_t bins, bool energy, bool mass)
    : numbers_(kHeader + kCell * static_cast<std::size_t>(bins + 1), 0.0),
      energy_(energy),
      mass_(mass) {}

void EpochSums::add(PassResult const& result, std::vector<std::int32_t> const& bins,
                    float const* weights, std::int64_t rows) {
  HeadResult const* const energy = energy_ ? &result.heads.front() : nullptr;
  HeadResult const* const mass = mass_ ? &result.heads.back() : nullptr;
  numbers_[kRows] += static_cast<double>(rows);
  double* const total = cell(0);
  total[kJets] += static_cast<double>(rows);
  total[kWeight] += result.weight;
  if (energy != nullptr) {
    total[kLossEnergy] += energy->loss;
    total[kKeptEnergy] += energy->kept;
  }
  if (mass != nullptr) {
    total[kLossMass] += mass->loss;
    total[kKeptMass] += mass->kept;
  }
  if (this->bins() == 0) { return; }
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    if (bins[r] < 0) { continue; }
    double* const c = cell(1 + bins[r]);
    c[kJets] += 1;
    c[kWeight] += static_cast<double>(weights[r]);
    if (energy != nullptr) {
      c[kLossEnergy] += static_cast<double>(energy->row_loss[r]);
      c[kKeptEnergy] += static_cast<double>(energy->row_kept[r]);
    }
    if (mass != nullptr) {
      c[kLossMass] += static_cast<double>(mass->row_loss[r]);
      c[kKeptMass] += static_cast<double>(mass->row_kept[r]);
    }
  }
}

void EpochSums::add_norm(double norm) {
  numbers_[kUpdates] += 1;
  numbers_[kNormSum] += norm;
  numbers_[kNormMost] = std::max(numbers_[kNormMost], norm);
}

Json EpochSums::means(double const* c) const {
  Json json;
  json["loss_energy"] = mean(energy_, c[kLossEnergy], c[kWeight]);
  json["loss_mass"] = mean(mass_, c[kLossMass], c[kWeight]);
  json["kept_energy"] = mean(energy_, c[kKeptEnergy], c[kWeight]);
  json["kept_mass"] = mean(mass_, c[kKeptMass], c[kWeight]);
  return json;
}

Json EpochSums::totals() const { return means(cell(0)); }

Json EpochSums::bin(std::int64_t i) const {
  Json json;
  json["jets"] = bin_jets(i);
  json.update(means(cell(1 + i)));
  return json;
}

std::int64_t EpochSums::bins() const {
  return static_cast<std::int64_t>((numbers_.size() - kHeader) / kCell) - 1;
}

std::int64_t EpochSums::bin_jets(std::int64_t i) const {
  return static_cast<std::int64_t>(cell(1 + i)[kJets]);
}

std::optional<double> EpochSums::bin_kept(std::int64_t i, int head) const {
  double const* const c = cell(1 + i);
  if (!(head == 0 ? energy_ : mass_) || !(c[kWeight] > 0)) { return std::nullopt; }
  return c[head == 0 ? kKeptEnergy : kKeptMass] / c[kWeight];
}

std::int64_t EpochSums::rows() const { return static_cast<std::int64_t>(numbers_[kRows]); }

double EpochSums::mean_norm() const {
  return numbers_[kUpdates] > 0 ? numbers_[kNormSum] / numbers_[kUpdates] : 0;
}

double EpochSums::largest_norm() const { return numbers_[kNormMost]; }

void EpochSums::set_numbers(std::vector<double> numbers) {
  JETCAL_REQUIRE(numbers.size() == numbers_.size(), DataError,
                 "checkpoint: the epoch's sums have " << numbers.size() << " numbers (must be "
                                                      << numbers_.size()
                                                      << "). Resume with the recipe's own bins");
  numbers_ = std::move(numbers);
}

std::string starved_bins(EpochSums const& sums, int head, double expected,
                         data::BinGrid const& grid) {
  constexpr std::int64_t kFewestJets = 50;
  constexpr std::int64_t kNamed = 3;
  std::ostringstream bins;
  std::int64_t starved = 0;
  for (std::int64_t i = 0; i < sums.bins(); ++i) {
    std::optional<double> const kept = sums.bin_kept(i, head);
    if (!kept.has_value() || *kept >= 0.5 * expected || sums.bin_jets(i) < kFewestJets) {
      continue;
    }
    if (++starved > kNamed) { continue; }
    data::BinGrid::Bin const bin = grid.bin(i);
    bins << (starved > 1 ? "; " : "") << "pT " << bin.pt_true_gev.lo << "-" << bin.pt_true_gev.hi
         << " GeV, |eta| " << bin.abs_eta_true.lo << "-" << bin.abs_eta_true.hi << ", mass "
         << bin.mass_true_gev.lo << "-" << bin.mass_true_gev.hi << " GeV: " << *kept;
  }
  if (starved == 0) { return {}; }
  return std::to_string(starved) + " bins (" + bins.str() + (starved > kNamed ? "; ..." : "") + ")";
}

Json epoch_line(EpochLine const& line, EpochSums const& training, EpochSums const* validation,
                data::BinGrid const& grid) {
  Json json;
  json["step"] = line.step;
  json["name"] = line.name;
  json["epoch"] = line.epoch;
  json["updates"] = line.updates;
  json["learning_rate"] = line.learning_rate;
  json["jets_per_s"] = line.jets_per_s;
  json["gradient_norm"] = {{"mean", training.mean_norm()}, {"largest", training.largest_norm()}};
  json["train"] = training.totals();
  json["validation"] =
      validation != nullptr ? validation->totals() : EpochSums(0, false, false).totals();
  json["bins"] = Json::array();
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    data::BinGrid::Bin const bin = grid.bin(i);
    Json entry;
    entry["pt_true"] = range(bin.pt_true_gev);
    entry["abs_eta_true"] = range(bin.abs_eta_true);
    entry["mass_true"] = range(bin.mass_true_gev);
    entry["train"] = training.bin(i);
    entry["validation"] = validation != nullptr ? validation->bin(i) : Json(nullptr);
    json["bins"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace jetcal::train
