#pragma once

#include <cstdint>
#include <vector>

namespace jetcal::data {

/// Jets for one update of the network, in host memory, rows in the batch's order.
struct Batch {
  std::int64_t rows = 0;
  std::vector<float> features;     ///< [rows, padded(n_features)], normalised; the padding is 0
  std::vector<float> targets;      ///< [rows, 2]: r_E, r_m; 1 without such a target
  std::vector<float> weights;      ///< [rows]; 1 without such a field
  std::vector<std::int32_t> bins;  ///< [rows], -1: outside all bins
  std::vector<std::int64_t> row_numbers;  ///< [rows], over the sorted files: see Loader::where

  /// Gives every array the size for so many rows. Contents are undefined.
  void resize(std::int64_t new_rows, std::int64_t n_features);

  /// Memory of a batch.
  static std::int64_t bytes(std::int64_t rows, std::int64_t n_features);
};

}  // namespace jetcal::data
