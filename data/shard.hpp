#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/chunk.hpp"
#include "data/fields.hpp"
#include "data/hdf5.hpp"

namespace jetcal::data {

/// One HDF5 file with a 1-D compound dataset `jets`: what its header says.
struct Shard {
  std::string path;
  std::int64_t file_bytes = 0;
  std::int64_t rows = 0;
  std::size_t row_bytes = 0;
  std::vector<Field> fields;
  std::map<std::string, std::string> units;  ///< of the attribute, completed by the declared ones

  bool is_virtual = false;
  std::int64_t chunk_rows = 0;  ///< 0: contiguous, compact or virtual
  bool own_unpacking = false;   ///< chunks are unpacked as `packing` says, else by the library
  ChunkPacking packing;

  /// The field called `field`. Errors: DataError with the fields there and the nearest.
  Field const& field(std::string const& field_name) const;

  /// The same, null if there is none.
  Field const* find(std::string const& field_name) const;

  /// The unit of a field. Errors: DataError if neither the file nor the recipe says.
  std::string const& unit(std::string const& field_name) const;
};

/// The open file and dataset of a shard.
struct OpenShard {
  Hid file;
  Hid jets;
  Hid type;
};

/// Opens a file's `jets`. Call inside an Hdf5Scope.
///
/// Errors    DataError: not readable, not HDF5, truncated, no dataset `jets`, one of another form
OpenShard open_shard(std::string const& path);

/// Opens a file and checks all that can be checked without reading rows. `declared_units` holds for
/// fields without a unit in the file.
///
/// Errors    DataError: those of open_shard; no rows; a field of variable length; a unit other than
/// the declared one; a
///           compression that this HDF5 library lacks; sources of a virtual dataset that are
///           missing or too short (the library would read them as zeros)
Shard inspect_shard(std::string const& path,
                    std::map<std::string, std::string> const& declared_units);

}  // namespace jetcal::data
