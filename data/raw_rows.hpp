#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/fields.hpp"

namespace jetcal::data {

/// Consecutive rows of `jets` as the bytes of the file, after decompression. The shuffle filter is
/// not undone: it stores byte k of all rows of a chunk together, which is how columns want to be
/// read, and of most rows only some fields are wanted.
struct RawRows {
  /// Rows of one chunk. Byte k of row r is bytes[first + k * byte_step + r * row_step].
  struct Piece {
    std::size_t first = 0;
    std::size_t byte_step = 0;
    std::size_t row_step = 0;
    std::int64_t rows = 0;
  };

  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> stored;  ///< scratch: the chunk read last, still compressed
  std::vector<Piece> pieces;
  std::int64_t rows = 0;
  std::size_t row_bytes = 0;
};

/// The values of a field, one a row. Integers beyond 2^53 are rounded.
///
/// Shapes    out: [raw.rows]
/// Errors    DataError for FieldKind::other
void read_column(RawRows const& raw, Field const& field, double* out);

/// The values of a float32 field as they are.
///
/// Errors    DataError for any other field
void read_column(RawRows const& raw, Field const& field, float* out);

/// The same as 64-bit integers: the bits of an unsigned one, the extended sign of a signed one.
///
/// Errors    DataError for a field that is no integer
void read_column(RawRows const& raw, Field const& field, std::int64_t* out);

/// The rows one after the other, as a program that reads the dataset with the file's own type gets
/// them.
///
/// Shapes    out: [raw.rows * raw.row_bytes]
void read_rows(RawRows const& raw, std::uint8_t* out);

}  // namespace jetcal::data
