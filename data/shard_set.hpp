#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/raw_rows.hpp"
#include "data/shard.hpp"

namespace jetcal::data {

/// One or many shards read as one long table: rows are numbered from 0 over the sorted files.
///
/// The unit of reading is a block: a chunk of the file, or several small ones. All methods may be
/// called from several threads at once.
class ShardSet {
 public:
  /// Rows of one shard that are read together.
  struct Block {
    std::int64_t shard = 0;
    std::int64_t first_in_shard = 0;
    std::int64_t first_row = 0;  ///< number in the whole set
    std::int64_t rows = 0;
  };

  /// Opens the files that `patterns` (paths and globs) name and checks that they have the same
  /// fields, types and units. `declared_units` holds where a file has none; `where` says in
  /// messages who named the files, e.g. "data.train".
  ///
  /// Errors    DataError: those of expand_paths and inspect_shard; shards that differ
  ShardSet(std::vector<std::string> const& patterns,
           std::map<std::string, std::string> const& declared_units, std::string const& where);
  ~ShardSet();
  ShardSet(ShardSet&&) noexcept;
  ShardSet& operator=(ShardSet&&) noexcept;

  std::vector<Shard> const& shards() const { return shards_; }
  std::vector<Block> const& blocks() const { return blocks_; }
  std::int64_t rows() const { return rows_; }

  /// The first shard: fields and units are those of all.
  Shard const& form() const { return shards_.front(); }

  /// "dijets_03.h5 row 123", counted from 0 in the file.
  std::string where(std::int64_t row) const;

  /// Reads block `i`. Errors: DataError with file and rows, for damaged or unreadable chunks
  void read(std::int64_t i, RawRows& out) const;

  /// Bytes that a thread needs at most for one read().
  std::int64_t read_bytes() const;

  /// 16 hexadecimal digits of file names (without folders), sizes, rows and fields: equal for equal
  /// sets, wherever they lie.
  std::string digest() const;

 private:
  class OpenFiles;

  std::vector<Shard> shards_;
  std::vector<Block> blocks_;
  std::int64_t rows_ = 0;
  std::unique_ptr<OpenFiles> open_files_;
};

}  // namespace jetcal::data
