#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace jetcal::validate {

/// Where the columns of all samples are kept: in memory up to a budget, what is beyond it in a
/// nameless file that goes away with the program, however it ends.
class ColumnStore {
 public:
  /// `folder` is where the file is made if it is needed.
  ColumnStore(std::int64_t memory_bytes, std::filesystem::path folder);
  ~ColumnStore();
  ColumnStore(ColumnStore const&) = delete;
  ColumnStore& operator=(ColumnStore const&) = delete;

  std::int64_t bytes_in_memory() const { return in_memory_; }
  std::int64_t bytes_in_file() const { return in_file_; }

 private:
  friend class JetTable;
  struct Piece {
    std::vector<float> values;   // or
    std::int64_t position = -1;  // in the file
  };

  Piece keep(std::vector<float> values);
  void read(Piece const& piece, std::span<float> out) const;

  std::int64_t budget_;
  std::int64_t in_memory_ = 0, in_file_ = 0;
  std::filesystem::path folder_;
  int file_ = -1;
};

/// Some numbers of each jet of a sample, a column of float32 each.
class JetTable {
 public:
  /// `store` must outlive the table.
  JetTable(ColumnStore& store, std::size_t columns);

  /// Appends jets. `columns` are all equally long.
  ///
  /// Errors    ShapeError for another number of columns or different lengths; DataError if the
  ///           store's file cannot be written
  void append(std::vector<std::span<float const>> const& columns);

  std::int64_t jets() const { return jets_; }

  /// A whole column. Errors: DataError if the store's file cannot be read
  std::vector<float> column(std::size_t c) const;

 private:
  static constexpr std::size_t kPieceRows = 1 << 16;

  ColumnStore& store_;
  std::int64_t jets_ = 0;
  std::vector<std::vector<float>> open_;                 // [column], not yet a whole piece
  std::vector<std::vector<ColumnStore::Piece>> pieces_;  // [column][piece]
};

}  // namespace jetcal::validate
