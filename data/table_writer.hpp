#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/chunk.hpp"
#include "data/fields.hpp"
#include "data/hdf5.hpp"
#include "data/shard.hpp"

namespace jetcal::data {

/// A field to be written.
struct NewField {
  std::string name;
  std::string unit;  ///< "MeV", "1", ...; empty: none is declared
  FieldType type = kFloat32;
};

/// How the chunks of a table are packed: shuffle and gzip (by us), shuffle and LZ4 (by the plugin
/// of the Debian package hdf5-filter-plugin), not at all.
enum class TablePacking { gzip, lz4, none };

/// Writes a file with one dataset `jets`, row by row, in chunks of 8,192 rows, with the attribute
/// `units`.
///
/// The rows go to a temporary file beside `path`; close() makes it durable and gives it its name. A
/// file that was there before stays as it is until then, and an unfinished one leaves nothing.
class TableWriter {
 public:
  static constexpr std::int64_t kChunkRows = 8192;

  /// A table of new fields, packed in their order.
  ///
  /// Errors    DataError: no fields, a name twice, a file that cannot be made, a packing the HDF5
  ///           library lacks
  TableWriter(std::string path, std::vector<NewField> fields,
              TablePacking packing = TablePacking::gzip);

  /// A table with the rows of `form` as they are, every field of them bit for bit, and `added`
  /// fields behind.
  ///
  /// Errors    as above; DataError for a form with a field named as an added one
  TableWriter(std::string path, Shard const& form, std::vector<NewField> added,
              TablePacking packing = TablePacking::gzip);

  /// Packs so many chunks at a time, each on a thread of its own (1 otherwise). The file is the
  /// same.
  void use_threads(int threads) { threads_ = threads; }
  ~TableWriter();
  TableWriter(TableWriter const&) = delete;
  TableWriter& operator=(TableWriter const&) = delete;

  /// Bytes of a row: the form's, then the added fields' one after the other.
  std::size_t row_bytes() const { return row_bytes_; }

  /// Where a field lies in a row.
  std::vector<Field> const& fields() const { return fields_; }

  /// Appends rows.
  ///
  /// Shapes    rows: [n * row_bytes()]
  /// Errors    DataError if they cannot be written, no space left for one. The writer is then of no
  ///           further use
  void append(std::uint8_t const* rows, std::int64_t n);

  /// Writes what is left and gives the file its name. Without it, nothing stays.
  ///
  /// Errors    DataError as append
  void close();

 private:
  void create(hid_t type, std::string const& units);
  std::size_t chunk_bytes() const { return row_bytes_ * kChunkRows; }
  void write_buffer();
  std::string write_packed();
  std::string write_by_library(std::int64_t rows);
  void abandon();
  [[noreturn]] void fail(std::string const& what);

  std::string path_;
  std::string temporary_;
  std::vector<Field> fields_;
  std::size_t row_bytes_ = 0;
  TablePacking packing_;
  int threads_ = 1;
  std::vector<std::uint8_t> buffer_;  // of up to threads_ chunks
  std::vector<PackedChunk> packed_;
  std::int64_t written_ = 0;
  Hid type_, file_, jets_;
};

/// One column of a table in memory.
struct Column {
  std::string name;
  std::string unit;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>,
               std::vector<std::int64_t>>
      values;
};

/// Writes a whole table. Errors: those of TableWriter; ShapeError for columns of different lengths
void write_jets(std::string const& path, std::vector<Column> const& columns);

}  // namespace jetcal::data
