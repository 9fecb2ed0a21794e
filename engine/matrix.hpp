#pragma once

#include <cstdint>
#include <string_view>

#include "engine/errors.hpp"

namespace jetcal {

/// A read-only view of a row-major matrix: element (r, c) is data[r * ld + c], ld >= cols. The
/// memory belongs to somebody else and may lie on a device.
template <class T>
struct ConstMatOf {
  T const* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld = 0;

  T const* row(std::int64_t r) const { return data + r * ld; }
};

/// The same, writable.
template <class T>
struct MatOf {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld = 0;

  T* row(std::int64_t r) const { return data + r * ld; }
  operator ConstMatOf<T>() const { return {data, rows, cols, ld}; }
};

/// Of float32, which nearly all matrices are.
using ConstMat = ConstMatOf<float>;
using Mat = MatOf<float>;

/// The number of floats from one row to the next in our own buffers: `cols` rounded up to 64 bytes,
/// so that each row starts on a cache line. Files and names never show it.
constexpr std::int64_t padded(std::int64_t cols) { return (cols + 15) / 16 * 16; }

template <class Matrix>
void require_shape(std::string_view where, std::string_view what, Matrix const& m,
                   std::int64_t rows, std::int64_t cols) {
  JETCAL_REQUIRE(m.rows == rows && m.cols == cols, ShapeError,
                 where << ": " << what << " is [" << m.rows << ", " << m.cols << "] (must be ["
                       << rows << ", " << cols << "])");
}

}  // namespace jetcal
