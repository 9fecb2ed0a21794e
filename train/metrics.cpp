#include "train/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>

namespace jetcal::train {
namespace {

// What a checkpoint holds: rows, updates, sum and largest of the norms; then six sums of all jets
// and of each bin.
constexpr std::size_t kHeader = 4, kSums = 6;

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
    : bins_(static_cast<std::size_t>(bins)), energy_(energy), mass_(mass) {}

void EpochSums::add(PassResult const& result, std::int64_t rows) {
  total_.jets += static_cast<double>(rows);
  total_.weight += result.weight;
  auto const add_head = [&](std::size_t h, HeadResult const& head) {
    total_.heads[h].loss += head.loss;
    total_.heads[h].kept += head.kept;
  };
  if (energy_) { add_head(0, result.heads.front()); }
  if (mass_) { add_head(1, result.heads.back()); }
}

/// A tape without the energy's head has the mass's first.
void EpochSums::turn_heads(std::vector<BinSums>& sums) const {
  if (energy_) { return; }
  for (BinSums& bin : sums) { std::swap(bin.heads[0], bin.heads[1]); }
}

std::vector<BinSums> EpochSums::bin_sums() const {
  std::vector<BinSums> sums = bins_;
  turn_heads(sums);
  return sums;
}

void EpochSums::set_bin_sums(std::vector<BinSums> sums) {
  JETCAL_REQUIRE(sums.size() == bins_.size(), ShapeError,
                 "EpochSums: sums of " << sums.size() << " bins (must be " << bins_.size() << ")");
  turn_heads(sums);
  bins_ = std::move(sums);
}

void EpochSums::add_norm(double norm) {
  updates_ += 1;
  norm_sum_ += norm;
  largest_norm_ = std::max(largest_norm_, norm);
}

Json EpochSums::means(BinSums const& sums) const {
  auto const& [energy, mass] = sums.heads;
  Json json;
  json["loss_energy"] = mean(energy_, energy.loss, sums.weight);
  json["loss_mass"] = mean(mass_, mass.loss, sums.weight);
  json["kept_energy"] = mean(energy_, energy.kept, sums.weight);
  json["kept_mass"] = mean(mass_, mass.kept, sums.weight);
  return json;
}

Json EpochSums::totals() const { return means(total_); }

Json EpochSums::bin(std::int64_t i) const {
  Json json;
  json["jets"] = bin_jets(i);
  json.update(means(of_bin(i)));
  return json;
}

std::int64_t EpochSums::bin_jets(std::int64_t i) const {
  return static_cast<std::int64_t>(of_bin(i).jets);
}

std::optional<double> EpochSums::bin_kept(std::int64_t i, int head) const {
  BinSums const& sums = of_bin(i);
  if (!(head == 0 ? energy_ : mass_) || !(sums.weight > 0)) { return std::nullopt; }
  return sums.heads[head].kept / sums.weight;
}

std::vector<double> EpochSums::numbers() const {
  std::vector<double> numbers{total_.jets, updates_, norm_sum_, largest_norm_};
  auto const append = [&](BinSums const& s) {
    numbers.insert(numbers.end(), {s.jets, s.weight, s.heads[0].loss, s.heads[0].kept,
                                   s.heads[1].loss, s.heads[1].kept});
  };
  append(total_);
  for (BinSums const& bin : bins_) { append(bin); }
  return numbers;
}

void EpochSums::set_numbers(std::vector<double> const& numbers) {
  std::size_t const count = kHeader + kSums * (bins_.size() + 1);
  JETCAL_REQUIRE(numbers.size() == count, DataError,
                 "checkpoint: the epoch's sums have " << numbers.size() << " numbers (must be "
                                                      << count
                                                      << "). Resume with the recipe's own bins");
  updates_ = numbers[1];
  norm_sum_ = numbers[2];
  largest_norm_ = numbers[3];
  auto const sums_at = [&](std::size_t i) {
    double const* const n = numbers.data() + kHeader + kSums * i;
    return BinSums{n[0], n[1], {{n[2], n[3]}, {n[4], n[5]}}};
  };
  total_ = sums_at(0);
  for (std::size_t i = 0; i < bins_.size(); ++i) { bins_[i] = sums_at(i + 1); }
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
