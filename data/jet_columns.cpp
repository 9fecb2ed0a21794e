#include "data/jet_columns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace jetcal::data {
namespace {

constexpr char const* kTargets[] = {"energy", "mass"};

std::string at_field(Shard const& shard, std::string const& field) {
  return shard.path + ": /jets/" + field;
}

void require_number(Shard const& shard, std::string const& field) {
  FieldType const type = shard.field(field).type;
  JETCAL_REQUIRE(type.kind != FieldKind::other, DataError,
                 at_field(shard, field) << " is " << name(type) << " (must be a number)");
}

void require_integer(Shard const& shard, std::string const& field) {
  FieldType const type = shard.field(field).type;
  JETCAL_REQUIRE(
      type.kind == FieldKind::signed_integer || type.kind == FieldKind::unsigned_integer, DataError,
      at_field(shard, field) << " is " << name(type)
                             << " (must be an integer to group jets by; see data.group)");
}

template <class T>
std::int64_t bytes_of(std::int64_t rows) {
  return rows * static_cast<std::int64_t>(sizeof(T));
}

}  // namespace

SplitRule split_rule(DataConfig const& data) {
  JETCAL_REQUIRE(data.validation_fraction >= 0 && data.validation_fraction < 1, ConfigError,
                 "data.validation_fraction: is " << data.validation_fraction
                                                 << " (must be at least 0 and below 1)");
  return {data.validation_fraction, data.group, data.split_key};
}

std::vector<std::int32_t> rows_with(JetColumns const& jets, JetStatus status) {
  std::vector<std::int32_t> rows;
  for (std::size_t r = 0; r < jets.status.size(); ++r) {
    if (jets.status[r] == status) { rows.push_back(static_cast<std::int32_t>(r)); }
  }
  return rows;
}

JetColumnReader::JetColumnReader(ShardSet const& shards, LoaderSetup const& setup)
    : shards_(shards), split_(split_rule(setup.data)), grid_(setup.bins) {
  Shard const& form = shards.form();
  require_valid(setup.features);
  for (FeatureConfig const& feature : setup.features) { maps_.emplace_back(feature, form); }

  JETCAL_REQUIRE(!setup.targets.empty(), ConfigError,
                 "targets: none is named (must be energy, mass or both)");
  for (auto const& [target, config] : setup.targets) {
    JETCAL_REQUIRE(target == kTargets[0] || target == kTargets[1], ConfigError,
                   "targets: '" << target << "' (must be energy or mass)");
    require_number(form, config.reco);
    require_number(form, config.truth);
    targets_[target == kTargets[1]] =
        Target{config.reco, config.truth,
               unit_factor(form.unit(config.truth), form.unit(config.reco),
                           at_field(form, config.truth) + " of target '" + target + "'")};
  }

  weight_ = setup.data.weight;
  if (weight_) { require_number(form, *weight_); }
  if (split_.fraction > 0) { require_integer(form, split_.group); }

  auto const axis = [&](bool binned, std::string const& field, char const* unit) {
    if (!binned) { return std::optional<BinAxis>{}; }
    require_number(form, field);
    return std::optional<BinAxis>{
        {field, unit_factor(form.unit(field), unit, at_field(form, field) + " of the bins")}};
  };
  axes_ = {axis(grid_.bins_pt(), setup.bins.pt_field, "GeV"),
           axis(grid_.bins_eta(), setup.bins.eta_field, "1"),
           axis(grid_.bins_mass(), setup.bins.mass_field, "GeV")};
}

void JetColumnReader::read_values(std::int64_t shard, std::string const& field, JetColumns& out,
                                  std::size_t which) const {
  read_column(out.raw, shards_.shards()[static_cast<std::size_t>(shard)].field(field),
              out.values[which].data());
}

void JetColumnReader::read_targets(std::int64_t shard, JetColumns& out) const {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (!targets_[t]) {
      std::fill(out.responses[t].begin(), out.responses[t].end(), 1.0f);
      continue;
    }
    read_values(shard, targets_[t]->reco, out, 0);
    read_values(shard, targets_[t]->truth, out, 1);
    UnitFactor const factor = targets_[t]->truth_to_reco;
    for (std::size_t r = 0; r < out.responses[t].size(); ++r) {
      out.responses[t][r] = static_cast<float>(out.values[0][r] / factor(out.values[1][r]));
    }
  }
}

void JetColumnReader::read_bins(std::int64_t shard, JetColumns& out) const {
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    if (!axes_[a]) { continue; }
    read_values(shard, axes_[a]->field, out, a);
    for (double& v : out.values[a]) { v = axes_[a]->factor(v); }
  }
  for (std::size_t r = 0; r < out.bins.size(); ++r) {
    out.bins[r] = grid_.index(out.values[0][r], std::fabs(out.values[1][r]), out.values[2][r]);
  }
}

void JetColumnReader::set_status(std::int64_t shard, JetColumns& out) const {
  auto const n = static_cast<std::size_t>(out.rows);
  std::fill(out.status.begin(), out.status.end(), JetStatus::training);
  if (split_.fraction > 0) {
    read_column(out.raw, shards_.shards()[static_cast<std::size_t>(shard)].field(split_.group),
                out.groups.data());
    for (std::size_t r = 0; r < n; ++r) {
      if (split_.holds_out(out.groups[r])) { out.status[r] = JetStatus::held_out; }
    }
  }
  // Columns are nearly always good: one quick look at all of a column, then at each jet.
  auto const mark = [&](std::vector<float> const& column, JetStatus status, auto is_good) {
    std::int32_t bad = 0;
    for (float const v : column) { bad += is_good(v) ? 0 : 1; }
    for (std::size_t r = 0; r < n && bad > 0; ++r) {
      if (!is_good(column[r])) { out.status[r] = status; }
    }
  };
  auto const finite = [](float v) { return std::fabs(v) <= std::numeric_limits<float>::max(); };
  for (auto const& response : out.responses) {
    mark(response, JetStatus::bad_response, [](float v) { return v > 0; });
  }
  mark(out.weights, JetStatus::bad_weight, [&](float v) { return finite(v) && v >= 0; });
  for (auto const& response : out.responses) { mark(response, JetStatus::bad_target, finite); }
  for (auto const& feature : out.features) { mark(feature, JetStatus::bad_feature, finite); }
}

void JetColumnReader::read(std::int64_t i, JetColumns& out) const {
  ShardSet::Block const& block = shards_.blocks()[static_cast<std::size_t>(i)];
  shards_.read(i, out.raw);
  out.first_row = block.first_row;
  out.rows = block.rows;
  auto const n = static_cast<std::size_t>(block.rows);
  out.features.resize(maps_.size());
  for (auto& column : out.features) { column.resize(n); }
  for (auto& column : out.responses) { column.resize(n); }
  for (auto& column : out.values) { column.resize(n); }
  out.weights.resize(n);
  out.bins.resize(n);
  out.status.resize(n);
  out.groups.resize(n);

  Shard const& shard = shards_.shards()[static_cast<std::size_t>(block.shard)];
  for (std::size_t f = 0; f < maps_.size(); ++f) {
    maps_[f].read(out.raw, shard.field(maps_[f].config().field), out.values[0].data(),
                  out.features[f].data());
  }
  read_targets(block.shard, out);
  if (weight_) {
    read_values(block.shard, *weight_, out, 0);
    std::transform(out.values[0].begin(), out.values[0].end(), out.weights.begin(),
                   [](double v) { return static_cast<float>(v); });
  } else {
    std::fill(out.weights.begin(), out.weights.end(), 1.0f);
  }
  read_bins(block.shard, out);
  set_status(block.shard, out);
}

std::string JetColumnReader::fault(std::int64_t row) const {
  auto const after = std::upper_bound(
      shards_.blocks().begin(), shards_.blocks().end(), row,
      [](std::int64_t value, ShardSet::Block const& b) { return value < b.first_row; });
  JetColumns jets;
  read(after - shards_.blocks().begin() - 1, jets);
  auto const r = static_cast<std::size_t>(row - jets.first_row);
  std::int64_t const shard = (after - 1)->shard;
  std::ostringstream text;
  text.precision(9);
  switch (jets.status[r]) {
    case JetStatus::bad_feature:
      for (std::size_t f = 0; f < maps_.size(); ++f) {
        if (std::isfinite(jets.features[f][r])) { continue; }
        read_values(shard, maps_[f].config().field, jets, 0);
        text << "feature '" << maps_[f].config().name << "', " << formula(maps_[f].config())
             << ", is " << jets.features[f][r] << " for " << maps_[f].config().field << " = "
             << jets.values[0][r];
        break;
      }
      break;
    case JetStatus::bad_target:
    case JetStatus::bad_response:
      for (std::size_t t = 0; t < targets_.size(); ++t) {
        if (!targets_[t] || (std::isfinite(jets.responses[t][r]) && jets.responses[t][r] > 0)) {
          continue;
        }
        read_values(shard, targets_[t]->reco, jets, 0);
        read_values(shard, targets_[t]->truth, jets, 1);
        text << "target '" << kTargets[t] << "' is " << jets.responses[t][r] << " for "
             << targets_[t]->reco << " = " << jets.values[0][r] << ", " << targets_[t]->truth
             << " = " << jets.values[1][r];
        break;
      }
      break;
    case JetStatus::bad_weight:
      text << "weight " << *weight_ << " is " << jets.weights[r];
      break;
    default:
      text << "nothing is wrong";
  }
  return text.str();
}

std::int64_t JetColumnReader::read_bytes() const {
  std::int64_t rows = 0;
  for (ShardSet::Block const& block : shards_.blocks()) { rows = std::max(rows, block.rows); }
  auto const floats = static_cast<std::int64_t>(maps_.size()) + 3;  // features, responses, weight
  return shards_.read_bytes() + floats * bytes_of<float>(rows) + bytes_of<std::int32_t>(rows) +
         bytes_of<JetStatus>(rows) + 3 * bytes_of<double>(rows) + bytes_of<std::int64_t>(rows);
}

}  // namespace jetcal::data
