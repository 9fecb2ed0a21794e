#pragma once

#include <cstdint>
#include <vector>

#include "engine/matrix.hpp"

namespace jetcal {

/// The cells that calibrated responses are counted in. From 1/4 to 16 each octave is 1024 cells of
/// equal width: all numbers in one of them share the first 10 bits of their fraction, so that a
/// response of 1 and one of 10 are known to the same 0.1 %. The first cell has what lies below,
/// the last what lies above.
inline constexpr float kLowestResponse = 0.25f, kHighestResponse = 16;
inline constexpr std::int32_t kResponseCells = 6 * 1024 + 2;

/// Where cell `i` begins, 0 <= i <= kResponseCells: the first at 0. The last is given an end, 32.
double response_edge(std::int32_t i);

/// Variables with a response, in the order of the targets: energy, mass.
inline constexpr std::int64_t kResponses = 2;

/// The bins of histograms, and what the weights of their jets are counted in.
///
/// A weight w is the whole number nearest to 2^16 w / unit; its square that nearest to the whole
/// number's square / 2^16. With a unit near the bin's mean weight
///   rounding   a weight is off by at most 2^-17 of the unit, so one below that counts as nothing
///   range      a weight above 65,535.996 units counts as that many
///   overflow   sums of weights: none with fewer than 2^32 jets in a cell. Sums of squares: none
///              with fewer than 2^16 jets of the largest weight in a cell, or 2^48 of the unit
struct ResponseBins {
  std::int64_t count = 0;
  std::vector<float> units;  ///< one a bin, above 0; none: every weight is 1

  std::int64_t counters() const { return count * kResponses * kResponseCells; }
  /// Of the counters.
  std::int64_t bytes() const;

  /// Errors: Error unless there is a unit for each bin, above 0, or none.
  void require_valid() const;
};

/// Where the counters are: [bin][response][cell], in the memory of one device.
struct ResponseCounters {
  std::int64_t bins = 0;
  float const* units = nullptr;      ///< none: nothing but jets is counted
  std::uint64_t* weights = nullptr;  ///< in 2^-16 units
  std::uint64_t* squares = nullptr;  ///< in 2^-16 units^2
  std::uint32_t* jets = nullptr;
};

/// Histograms in the host's memory.
struct ResponseHistograms {
  /// Empty ones. Errors: those of ResponseBins::require_valid.
  explicit ResponseHistograms(ResponseBins const& of);

  ResponseCounters counters();

  ResponseBins bins;
  std::vector<std::uint64_t> weights, squares;  ///< empty without units
  std::vector<std::uint32_t> jets;
};

/// What a pass leaves for each row.
struct ResponseRows {
  std::int64_t rows = 0;
  std::int32_t const* bins = nullptr;  ///< [rows], -1: in no bin
  float const* weights = nullptr;      ///< [rows]
  ConstMat targets;                    ///< [rows, n], a column for each response
  ConstMat predictions[kResponses];    ///< [rows, n], the first column counts; null: not predicted

  /// Errors: ShapeError, beginning with `where`, if a matrix has other rows or misses a column.
  void require_shapes(char const* where) const;
};

namespace cpu {

/// Counts each row's calibrated responses, target / prediction, in the histograms of its bin. A row
/// of another bin, of a weight that is not above 0, and a response that is not finite are in none.
///
/// Values    sums of whole numbers: the same in any order, on any number of threads or blocks
/// Errors    ShapeError if the matrices do not fit
void count_responses(ResponseRows const& rows, ResponseCounters const& counters);

}  // namespace cpu
}  // namespace jetcal
