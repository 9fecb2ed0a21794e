#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/hdf5_io.hpp"
#include "engine/layout.hpp"

namespace jetcal {

/// A matrix as files show it: without padding.
struct StoredMatrix {
  std::vector<std::int64_t> dimensions;  ///< [rows, cols]; [cols] of a bias
  std::vector<float> values;
};

/// Matrices by the names of their slices.
using StoredMatrices = std::map<std::string, StoredMatrix>;

/// Is the slice a bias, which files show with one dimension?
bool is_bias(Slice const& slice);

/// Every slice of an arena as a dataset of its name: [rows, cols], a bias [cols].
///
/// Errors    ShapeError if the arena has not the layout's size
void write_arena(hdf5::Writer& group, Layout const& layout, std::vector<float> const& arena);

/// All datasets of a group. Errors: DataError for one that is no float32 matrix or vector.
StoredMatrices read_matrices(hdf5::Reader const& group);

/// Puts matrices into an arena of this layout; the padding is 0.
///
/// Errors    DataError, beginning with `where`, that names every matrix missing or too many and the
///           first of a wrong shape, with both shapes
std::vector<float> to_arena(StoredMatrices const& matrices, Layout const& layout,
                            std::string const& where);

/// Errors    DataError naming matrix and element for the first value that is not finite
void require_finite(StoredMatrices const& matrices, std::string const& where);

}  // namespace jetcal
