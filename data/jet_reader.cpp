#include "data/jet_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "data/normalisation.hpp"
#include "data/parallel.hpp"
#include "engine/matrix.hpp"

namespace jetcal::data {
namespace {

void require_same_rows(Shard const& shard, Shard const& form) {
  bool same = shard.row_bytes == form.row_bytes;
  for (std::size_t i = 0; same && i < form.fields.size(); ++i) {
    same = shard.fields[i].name == form.fields[i].name &&
           shard.fields[i].offset == form.fields[i].offset;
  }
  JETCAL_REQUIRE(same, DataError,
                 shard.path << ": the rows of /jets are laid out otherwise than in " << form.path
                            << " (must be equal to be copied). Treat the files one by one");
}

}  // namespace

JetReader::JetReader(JetReaderSetup const& setup)
    : JetReader(setup, ShardSet(setup.files, setup.units, setup.where)) {}

JetReader::JetReader(JetReaderSetup const& setup, ShardSet shards)
    : setup_(setup), shards_(std::move(shards)) {
  Shard const& form = shards_.form();
  for (NetworkInput const& input : setup_.inputs) {
    require_valid(input.features);
    require_matching(input.normalisation, input.features, setup_.where);
    auto& maps = maps_.emplace_back();
    for (FeatureConfig const& feature : input.features) { maps.emplace_back(feature, form); }
  }
  for (std::string const& column : setup_.columns) {
    FieldType const type = form.field(column).type;
    JETCAL_REQUIRE(
        type.kind != FieldKind::other, DataError,
        form.path << ": /jets/" << column << " is " << name(type) << " (must be a number)");
  }
  if (setup_.rows) {
    for (Shard const& shard : shards_.shards()) { require_same_rows(shard, form); }
  }
  if (setup_.side == Side::all) { return; }
  JETCAL_REQUIRE(setup_.split.fraction > 0 || setup_.side == Side::training, ConfigError,
                 "--jets held-out: no jet was held out in the training (its "
                     << "data.validation_fraction was 0). Use --jets all");
  if (setup_.split.fraction > 0) {
    FieldType const type = form.field(setup_.split.group).type;
    JETCAL_REQUIRE(
        type.kind == FieldKind::signed_integer || type.kind == FieldKind::unsigned_integer,
        DataError,
        form.path << ": /jets/" << setup_.split.group << " is " << name(type)
                  << " (must be an integer: the training split its jets by it)");
  }
}

void JetReader::choose(std::int64_t i, JetBlock& out) const {
  ShardSet::Block const& block = shards_.blocks()[static_cast<std::size_t>(i)];
  out.chosen.resize(static_cast<std::size_t>(block.rows));
  std::iota(out.chosen.begin(), out.chosen.end(), 0);
  if (setup_.side != Side::all && setup_.split.fraction > 0) {
    out.groups.resize(static_cast<std::size_t>(block.rows));
    Shard const& shard = shards_.shards()[static_cast<std::size_t>(block.shard)];
    read_column(out.raw, shard.field(setup_.split.group), out.groups.data());
    bool const wanted = setup_.side == Side::held_out;
    std::erase_if(out.chosen, [&](std::int32_t r) {
      return setup_.split.holds_out(out.groups[static_cast<std::size_t>(r)]) != wanted;
    });
  }
  out.rows = static_cast<std::int64_t>(out.chosen.size());
  out.row_numbers.resize(out.chosen.size());
  for (std::size_t r = 0; r < out.chosen.size(); ++r) {
    out.row_numbers[r] = block.first_row + out.chosen[r];
  }
}

void JetReader::read_features(Shard const& shard, std::size_t network, JetBlock& out) const {
  auto const& maps = maps_[network];
  Normalisation const& normalisation = setup_.inputs[network].normalisation;
  auto& [features, finite, n_features] = out.inputs[network];
  n_features = static_cast<std::int64_t>(maps.size());
  auto const n = out.chosen.size();
  auto const ld = static_cast<std::size_t>(padded(n_features));
  features.assign(n * ld, 0.0f);
  finite.assign(n, 1);
  out.transformed.resize(out.values.size());
  for (std::size_t f = 0; f < maps.size(); ++f) {
    float* const column = out.transformed.data();
    maps[f].read(out.raw, shard.field(maps[f].config().field), out.values.data(), column);
    for (std::size_t r = 0; r < n; ++r) {
      column[r] = column[out.chosen[r]];  // chosen[r] >= r
      if (!std::isfinite(column[r])) { finite[r] = 0; }
    }
    affine(column, static_cast<std::int64_t>(n), normalisation.scale[f], normalisation.offset[f],
           column);
    for (std::size_t r = 0; r < n; ++r) { features[r * ld + f] = column[r]; }
  }
  for (std::size_t r = 0; r < n; ++r) {
    if (!finite[r]) { std::fill_n(features.data() + r * ld, ld, 0.0f); }
  }
}

void JetReader::read(std::int64_t i, JetBlock& out) const {
  ShardSet::Block const& block = shards_.blocks()[static_cast<std::size_t>(i)];
  Shard const& shard = shards_.shards()[static_cast<std::size_t>(block.shard)];
  shards_.read(i, out.raw);
  choose(i, out);
  out.values.resize(static_cast<std::size_t>(block.rows));
  out.inputs.resize(maps_.size());
  for (std::size_t network = 0; network < maps_.size(); ++network) {
    read_features(shard, network, out);
  }

  out.columns.resize(setup_.columns.size());
  for (std::size_t c = 0; c < setup_.columns.size(); ++c) {
    read_column(out.raw, shard.field(setup_.columns[c]), out.values.data());
    out.columns[c].resize(out.chosen.size());
    for (std::size_t r = 0; r < out.chosen.size(); ++r) {
      out.columns[c][r] = out.values[static_cast<std::size_t>(out.chosen[r])];
    }
  }

  if (!setup_.rows) { return; }
  std::size_t const bytes = shard.row_bytes;
  out.row_bytes.resize(static_cast<std::size_t>(block.rows) * bytes);
  read_rows(out.raw, out.row_bytes.data());
  for (std::size_t r = 0; r < out.chosen.size(); ++r) {
    auto const from = static_cast<std::size_t>(out.chosen[r]);
    if (from != r) { std::memmove(&out.row_bytes[r * bytes], &out.row_bytes[from * bytes], bytes); }
  }
  out.row_bytes.resize(out.chosen.size() * bytes);
}

void JetReader::for_each_block(int threads,
                               std::function<void(JetBlock const&)> const& consume) const {
  for_each_ordered<JetBlock>(
      blocks(), threads, [&](std::int64_t i, JetBlock& block) { read(i, block); },
      [&](std::int64_t, JetBlock const& block) {
        if (block.rows > 0) { consume(block); }
      });
}

}  // namespace jetcal::data
