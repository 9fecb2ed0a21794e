#pragma once

#include <cstdint>

namespace jetcal {

/// Sum of squares and how many values are NaN or infinite (then the sum is too).
struct NormResult {
  double sum_of_squares = 0;
  std::int64_t non_finite = 0;
};

namespace cpu {

/// Adds gradient lanes: lanes[0][i] = the binary tree ((l0 + l1) + (l2 + l3)) + ... of lanes[k][i],
/// for begin <= i < end. Elementwise: any division into ranges gives the same bits.
///
/// Writes    lanes[0]; the other lanes are read only
/// Errors    ShapeError unless n_lanes is a power of two, 1 to 256; begin == end is allowed
void sum_lanes(float* const* lanes, int n_lanes, std::int64_t begin, std::int64_t end);

/// x[0] + x[stride] + ... (n terms), in double and in that order.
double sum_rows(float const* x, std::int64_t n, std::int64_t stride);

/// Elements of a chunk of squared_norm.
constexpr std::int64_t kNormChunk = 4096;

/// Sum of squares of n <= kNormChunk floats, in double: 16 strided partial sums (partial p adds the
/// squares of elements p, p + 16, ... in order), then the tree s_i += s_{i+8}, s_{i+4}, s_{i+2},
/// s_{i+1}. A square of a float is exact in double, so it makes no difference whether it is fused.
NormResult squared_norm_chunk(float const* x, std::int64_t n);

/// Sum of squares of x[begin] to x[end - 1]: chunks of kNormChunk from `begin` on, added in order.
/// Threads may share the chunks and add the results in order: the same bits.
NormResult squared_norm(float const* x, std::int64_t begin, std::int64_t end);

}  // namespace cpu
}  // namespace jetcal
