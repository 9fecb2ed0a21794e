#pragma once

#include <cstdint>

#include "kernels/storage.hpp"
#include "kernels/views.hpp"

namespace jetcal::cuda {

/// What kernels that read four columns or 16 bytes at a time ask of a matrix: its shape, and rows
/// that start on 16 bytes. Errors: ShapeError.
template <class Matrix>
void require_fours(char const* where, char const* what, Matrix const& m, std::int64_t rows,
                   std::int64_t cols) {
  require_view(where, what, m, rows, cols);
  std::int64_t const size = sizeof *m.data;
  bool const aligned = reinterpret_cast<std::uintptr_t>(m.data) % 16 == 0 && m.ld * size % 16 == 0;
  JETCAL_REQUIRE(
      aligned, ShapeError,
      where << ": rows of " << what << " are " << m.ld * size << " bytes apart from an address that"
            << " is " << reinterpret_cast<std::uintptr_t>(m.data) % 16
            << " modulo 16 (rows must start on 16 bytes). Pad them to a multiple of 16 bytes");
}

template <class T>
void require_gradient(char const* where, GradientTo<T> const& to) {
  require_fours(where, "result", to.out, to.out.rows, to.out.cols);
  if (to.slope.data != nullptr) {
    require_fours(where, "slope", to.slope, to.out.rows, to.out.cols);
  }
}

}  // namespace jetcal::cuda
