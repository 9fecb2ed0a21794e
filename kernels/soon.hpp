#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "engine/matrix.hpp"

namespace jetcal {

/// Memory that is read or written soon, asked for into the second-level cache while a product's
/// block computes: the next piece at each k, since many requests at once hold up the block's own
/// loads.
struct Soon {
  float const* at;    // memory of ours, also where nothing is wanted: other addresses cost time
  std::int64_t step;  // floats from one k to the next
};

/// Up to `rows` rows of m from row `first` on, empty past the end.
inline ConstMat strip_of(ConstMat m, std::int64_t first, std::int64_t rows) {
  if (first >= m.rows) { return {}; }
  return {m.row(first), std::min(rows, m.rows - first), m.cols, m.ld};
}

/// What the i-th of n blocks of `steps` steps asks for, when all of them together ask for whole
/// strips, one after the other; `idle` where there is no strip.
inline Soon soon_of(std::initializer_list<ConstMat> strips, std::int64_t i, std::int64_t n,
                    std::int64_t steps, float const* idle) {
  auto const count = static_cast<std::int64_t>(strips.size());
  std::int64_t const which = i * count / n;
  std::int64_t const begin = (which * n + count - 1) / count;
  std::int64_t const end = ((which + 1) * n + count - 1) / count;
  ConstMat const& strip = strips.begin()[which];
  if (strip.rows == 0 || steps == 0) { return {idle, 0}; }
  std::int64_t const piece = (strip.rows * strip.ld + end - begin - 1) / (end - begin);
  return {strip.data + (i - begin) * piece, (piece + steps - 1) / steps};
}

}  // namespace jetcal
