#pragma once

#include <cstdint>

#include "kernels/views.hpp"

namespace jetcal::cuda {

/// What kernels that read four columns at a time ask of a matrix: its shape, and rows that start on
/// 16 bytes. Errors: ShapeError.
inline void require_fours(char const* where, char const* what, ConstMat m, std::int64_t rows,
                          std::int64_t cols) {
  require_view(where, what, m, rows, cols);
  bool const aligned = reinterpret_cast<std::uintptr_t>(m.data) % 16 == 0 && m.ld % 4 == 0;
  JETCAL_REQUIRE(
      aligned, ShapeError,
      where << ": rows of " << what << " are " << m.ld << " floats apart from an address that is "
            << reinterpret_cast<std::uintptr_t>(m.data) % 16
            << " modulo 16 (rows must start on 16 bytes). Pad them to a multiple of 4 floats");
}

}  // namespace jetcal::cuda
