#pragma once

#include <algorithm>
#include <string_view>

#include "engine/matrix.hpp"

namespace jetcal {

/// What every launcher asks of a matrix: its shape, rows that do not overlap, memory behind it.
/// Errors: ShapeError.
template <class Matrix>
void require_view(std::string_view where, std::string_view what, Matrix const& m, std::int64_t rows,
                  std::int64_t cols) {
  require_shape(where, what, m, rows, cols);
  JETCAL_REQUIRE(m.ld >= m.cols, ShapeError,
                 where << ": " << what << " has " << m.ld
                       << " elements from row to row (must be at "
                       << "least its " << m.cols << " columns)");
  JETCAL_REQUIRE(m.data != nullptr || m.rows == 0 || m.cols == 0, ShapeError,
                 where << ": " << what << " is [" << m.rows << ", " << m.cols
                       << "] without memory (data must not be null)");
}

namespace cpu {

/// The padding of row r, columns cols to ld - 1, becomes 0.
inline void clear_padding(Mat m, std::int64_t r) {
  std::fill(m.row(r) + m.cols, m.row(r) + m.ld, 0.0f);
}

}  // namespace cpu
}  // namespace jetcal
