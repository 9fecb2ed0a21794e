#pragma once

#include <cstdint>

namespace jetcal {

/// What the metrics of a phase-space bin are made of: sums over its jets, in double.
struct BinSums {
  double jets = 0;
  double weight = 0;
  struct {
    double loss = 0;  ///< of weight * loss
    double kept = 0;  ///< of the weights of jets inside the truncation
  } heads[2];
};

/// What a pass leaves for each row. A head that is not there has no data.
struct BinRows {
  std::int64_t rows = 0;
  std::int32_t const* bins = nullptr;  ///< [rows], -1: in no bin
  float const* weights = nullptr;      ///< [rows]
  struct {
    float const* loss = nullptr;  ///< [rows]
    float const* kept = nullptr;  ///< [rows]
  } heads[2];
};

namespace cpu {

/// Adds each row to the sums of its bin. A sum's terms are added one after the other in the order
/// of the rows, from batch to batch: that order defines its bits.
///
/// Shapes    sums: one a bin, more than the largest number in `rows.bins`
void add_to_bins(BinRows const& rows, BinSums* sums);

}  // namespace cpu
}  // namespace jetcal
