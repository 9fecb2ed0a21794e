#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/hdf5.hpp"

namespace jetcal::data {

/// What a field's bytes mean. `other`: a text, an array, a compound: carried along, never computed
/// with.
enum class FieldKind { floating, signed_integer, unsigned_integer, other };

struct FieldType {
  FieldKind kind = FieldKind::floating;
  std::size_t bytes = 4;  ///< floating: 2, 4, 8; integers: 1, 2, 4, 8
  bool big_endian = false;

  bool operator==(FieldType const&) const = default;
};

inline constexpr FieldType kFloat32{FieldKind::floating, 4, false};
inline constexpr FieldType kFloat64{FieldKind::floating, 8, false};
inline constexpr FieldType kInt32{FieldKind::signed_integer, 4, false};
inline constexpr FieldType kInt64{FieldKind::signed_integer, 8, false};

/// "float32", "int64", "big-endian uint16", "other (12 bytes)".
std::string name(FieldType type);

/// One member of the compound type of `jets`.
struct Field {
  std::string name;
  FieldType type;
  std::size_t offset = 0;  ///< of its first byte in a row
};

/// The members of a compound type, in the order of the file.
std::vector<Field> fields_of(hid_t compound);

/// The HDF5 type of a numeric field as it lies in the file.
///
/// Errors    DataError for FieldKind::other
Hid hdf5_type(FieldType type);

}  // namespace jetcal::data
