#include "data/shard_set.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <list>

#include "data/paths.hpp"

namespace jetcal::data {
namespace {

constexpr std::int64_t kBlockRows = 8192;          // small chunks are read together up to this
constexpr std::int64_t kVirtualBlockRows = 32768;  // cut through the sources' chunks: few borders
constexpr std::size_t kOpenFiles = 32;

void require_same_form(Shard const& shard, Shard const& first) {
  for (Field const& field : first.fields) {
    Field const* const other = shard.find(field.name);
    JETCAL_REQUIRE(other, DataError,
                   shard.path << ": /jets has no field '" << field.name << "', which " << first.path
                              << " has (shards of one set must have the same fields)");
    JETCAL_REQUIRE(other->type == field.type, DataError,
                   shard.path << ": /jets/" << field.name << " is " << name(other->type)
                              << " but in " << first.path << " it is " << name(field.type)
                              << " (must be the same)");
  }
  for (Field const& field : shard.fields) {
    JETCAL_REQUIRE(first.find(field.name), DataError,
                   shard.path << ": /jets has the field '" << field.name << "', which "
                              << first.path
                              << " has not (shards of one set must have the same fields)");
    auto const unit_in = [&](Shard const& s) {
      auto const found = s.units.find(field.name);
      return found == s.units.end() ? std::string("nothing") : found->second;
    };
    JETCAL_REQUIRE(unit_in(shard) == unit_in(first), DataError,
                   shard.path << ": the unit of /jets/" << field.name << " is " << unit_in(shard)
                              << " but in " << first.path << " it is " << unit_in(first)
                              << " (must be the same)");
  }
}

std::int64_t block_rows(Shard const& shard) {
  if (shard.is_virtual) { return kVirtualBlockRows; }
  if (shard.chunk_rows == 0) { return kBlockRows; }
  return shard.chunk_rows * std::max<std::int64_t>(1, kBlockRows / shard.chunk_rows);
}

}  // namespace

/// The files read last stay open. Used inside an Hdf5Scope only, whose lock guards it.
class ShardSet::OpenFiles {
 public:
  OpenShard const& get(std::int64_t index, Shard const& shard) {
    auto const found = std::find_if(files_.begin(), files_.end(),
                                    [&](auto const& entry) { return entry.first == index; });
    if (found != files_.end()) {
      files_.splice(files_.begin(), files_, found);
    } else {
      if (files_.size() == kOpenFiles) { files_.pop_back(); }
      files_.emplace_front(index, open_shard(shard.path));
    }
    return files_.front().second;
  }

 private:
  std::list<std::pair<std::int64_t, OpenShard>> files_;
};

ShardSet::ShardSet(std::vector<std::string> const& patterns,
                   std::map<std::string, std::string> const& declared_units,
                   std::string const& where)
    : open_files_(std::make_unique<OpenFiles>()) {
  for (std::string const& path : expand_paths(patterns, where)) {
    shards_.push_back(inspect_shard(path, declared_units));
    Shard const& shard = shards_.back();
    require_same_form(shard, shards_.front());
    std::int64_t const step = block_rows(shard);
    for (std::int64_t first = 0; first < shard.rows; first += step) {
      blocks_.push_back({static_cast<std::int64_t>(shards_.size()) - 1, first, rows_ + first,
                         std::min(step, shard.rows - first)});
    }
    rows_ += shard.rows;
  }
}

ShardSet::~ShardSet() = default;
ShardSet::ShardSet(ShardSet&&) noexcept = default;
ShardSet& ShardSet::operator=(ShardSet&&) noexcept = default;

std::string ShardSet::where(std::int64_t row) const {
  auto const after = std::upper_bound(
      blocks_.begin(), blocks_.end(), row,
      [](std::int64_t value, Block const& block) { return value < block.first_row; });
  if (row < 0 || row >= rows_ || after == blocks_.begin()) {
    return "row " + std::to_string(row) + " (of " + std::to_string(rows_) + ")";
  }
  Block const& block = *(after - 1);
  std::string const& path = shards_[static_cast<std::size_t>(block.shard)].path;
  return std::filesystem::path(path).filename().string() + " row " +
         std::to_string(block.first_in_shard + row - block.first_row);
}

namespace {

/// The bytes of one chunk as they are stored; false if the file has none for it (never written).
bool read_stored_chunk(OpenShard const& open, std::int64_t first_row,
                       std::vector<std::uint8_t>& stored, std::uint32_t& skipped_filters) {
  hsize_t const offset = static_cast<hsize_t>(first_row);
  hsize_t size = 0;
  if (H5Dget_chunk_storage_size(open.jets, &offset, &size) < 0 || size == 0) { return false; }
  stored.resize(size);
  return H5Dread_chunk(open.jets, H5P_DEFAULT, &offset, &skipped_filters, stored.data()) >= 0;
}

/// Rows through the library, in the file's own form. What it says if it fails, else nothing.
std::string read_by_library(OpenShard const& open, std::int64_t first_row, std::int64_t rows,
                            std::uint8_t* out) {
  hsize_t const start = static_cast<hsize_t>(first_row);
  hsize_t const count = static_cast<hsize_t>(rows);
  Hid const file_space(H5Dget_space(open.jets), H5Sclose);
  Hid const memory_space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &start, nullptr, &count, nullptr);
  bool const good = H5Dread(open.jets, open.type, memory_space, file_space, H5P_DEFAULT, out) >= 0;
  return good ? "" : hdf5_reason();  // now: closing the spaces makes the library forget
}

}  // namespace

void ShardSet::read(std::int64_t i, RawRows& out) const {
  Block const& block = blocks_[static_cast<std::size_t>(i)];
  Shard const& shard = shards_[static_cast<std::size_t>(block.shard)];
  auto const step = shard.own_unpacking ? shard.chunk_rows : block.rows;
  std::size_t const piece_bytes = static_cast<std::size_t>(step) * shard.row_bytes;
  auto const pieces = static_cast<std::size_t>((block.rows + step - 1) / step);
  auto const damaged = [&](std::int64_t first, std::string const& reason) {
    return DataError(shard.path + ": /jets rows " + std::to_string(first) + " to " +
                     std::to_string(std::min(first + step, shard.rows) - 1) + " cannot be read (" +
                     reason + "). The file is damaged");
  };

  out.rows = block.rows;
  out.row_bytes = shard.row_bytes;
  out.bytes.resize(pieces * piece_bytes);
  out.pieces.clear();
  for (std::size_t p = 0; p < pieces; ++p) {
    std::int64_t const first = block.first_in_shard + static_cast<std::int64_t>(p) * step;
    std::int64_t const rows = std::min(step, block.first_in_shard + block.rows - first);
    std::uint8_t* const bytes = out.bytes.data() + p * piece_bytes;
    bool shuffled = false;
    std::uint32_t skipped_filters = 0;
    bool packed = false;
    {
      Hdf5Scope const scope;
      OpenShard const& open = open_files_->get(block.shard, shard);
      packed = shard.own_unpacking && read_stored_chunk(open, first, out.stored, skipped_filters);
      if (!packed) {
        std::string const reason = read_by_library(open, first, rows, bytes);
        if (!reason.empty()) { throw damaged(first, reason); }
      }
    }
    if (packed &&
        !unpack_chunk(shard.packing, skipped_filters, out.stored, bytes, piece_bytes, shuffled)) {
      throw damaged(first, "its bytes do not decompress");
    }
    std::size_t const start = p * piece_bytes;
    if (shuffled) {
      out.pieces.push_back({start, static_cast<std::size_t>(step), 1, rows});
    } else {
      out.pieces.push_back({start, 1, shard.row_bytes, rows});
    }
  }
}

std::int64_t ShardSet::read_bytes() const {
  std::int64_t most = 0;
  for (Shard const& shard : shards_) {
    auto const row = static_cast<std::int64_t>(shard.row_bytes);
    std::int64_t const step = block_rows(shard);
    // A whole block unpacked, and the largest chunk as it is stored.
    most = std::max(most, row * ((shard.own_unpacking ? step : std::min(step, shard.rows)) +
                                 (shard.own_unpacking ? shard.chunk_rows : 0)));
  }
  return most;
}

std::string ShardSet::digest() const {
  std::string text;
  for (Shard const& shard : shards_) {
    text += std::filesystem::path(shard.path).filename().string() + '\n' +
            std::to_string(shard.file_bytes) + ' ' + std::to_string(shard.rows) + '\n';
  }
  for (Field const& field : form().fields) { text += field.name + ' ' + name(field.type) + '\n'; }
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits;
}

}  // namespace jetcal::data
