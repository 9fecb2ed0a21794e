#pragma once

#include <algorithm>
#include <cstdint>

namespace jetcal {

/// How a batch of rows is divided into gradient lanes. Everything that is summed over rows is
/// summed in row order within a lane and then over lanes in a fixed binary tree, so threads, tiles
/// and ranks never enter the bits.
struct Lanes {
  std::int64_t rows = 0;
  std::int64_t count = 1;

  /// The largest power of two not above min(lanes, max(1, rows / 64)).
  Lanes(std::int64_t n_rows, std::int64_t lanes) : rows(n_rows) {
    std::int64_t const most = std::min(lanes, std::max<std::int64_t>(1, n_rows / 64));
    while (2 * count <= most) { count *= 2; }
  }

  /// Lane i holds rows begin(i) .. begin(i + 1) - 1.
  std::int64_t begin(std::int64_t i) const { return i * rows / count; }
};

/// Sums `values[0 .. count-1]` (count a power of two) as ((0 + 1) + (2 + 3)) + ...; overwrites
/// them.
inline double sum_tree(double* values, std::int64_t count) {
  for (std::int64_t step = 1; step < count; step *= 2) {
    for (std::int64_t i = 0; i + step < count; i += 2 * step) { values[i] += values[i + step]; }
  }
  return count > 0 ? values[0] : 0;
}

}  // namespace jetcal
