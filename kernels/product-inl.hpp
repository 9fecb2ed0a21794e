// The register block all products are made of, compiled once per instruction set.
//
//   out[i][n] = chain over k = 0 .. depth-1 of fma(a(i, k), b(k, n), .), from 0 or from out[i][n]
//
// A block owns R rows of `out` and C vectors of columns: R * C accumulators stay in registers over
// the whole chain; each k loads C vectors of b and broadcasts R values of a. With AVX-512 that is
// 14 x 2 of 32 registers (28 + 2 + 1), with AVX2 6 x 2 of 16, with NEON 6 x 4 of 32.
// Neither R nor C nor the vector width enters the bits: each output is its own chain.

#if defined(JETCAL_KERNELS_PRODUCT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef JETCAL_KERNELS_PRODUCT_INL
#undef JETCAL_KERNELS_PRODUCT_INL
#else
#define JETCAL_KERNELS_PRODUCT_INL
#endif

#include <utility>

#include "kernels/chain.hpp"
#include "kernels/soon.hpp"
#include "kernels/vocabulary-inl.hpp"

// Accumulators live in registers only if every loop over them is unrolled, which g++ does not do by
// itself everywhere.
#ifndef JETCAL_UNROLL
#if defined(__clang__)
#define JETCAL_UNROLL _Pragma("unroll")
#else
#define JETCAL_UNROLL _Pragma("GCC unroll 16")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {

#if JETCAL_IS_SCALAR
constexpr int kBlockRows = 2;
constexpr int kBlockVectors = 16;
#elif HWY_TARGET == HWY_AVX3
constexpr int kBlockRows = 14;
constexpr int kBlockVectors = 2;
#elif HWY_TARGET == HWY_AVX2
constexpr int kBlockRows = 6;
constexpr int kBlockVectors = 2;
#else
constexpr int kBlockRows = 6;
constexpr int kBlockVectors = 4;
#endif
constexpr std::int64_t kBlockCols = kBlockVectors * kLanes;
static_assert(kBlockCols == 32 || kBlockCols == 16);

/// How a(i, k) lies in memory: rows is a row-major matrix's row i (the forward and the data
/// product), cols its column i (the weight gradient, where k runs over rows).
enum class Walk { rows, cols };

template <int R, int C, Walk kWalk>
HWY_NOINLINE void product_block(float const* HWY_RESTRICT a, std::int64_t lda,
                                float const* HWY_RESTRICT b, std::int64_t ldb, std::int64_t depth,
                                Chain const& chain, float* HWY_RESTRICT out, std::int64_t ldo,
                                Soon soon) {
  Vec acc[R][C];
  JETCAL_UNROLL
  for (int i = 0; i < R; ++i) {
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) {
      acc[i][c] = chain.from_out ? load(out + i * ldo + c * kLanes) : Vec(0.0f);
    }
  }
  // Rows in threes from one pointer each: R separate pointers would not fit the integer registers.
  constexpr int kGroups = (R + 2) / 3;
  float const* rows[kGroups];
  if constexpr (kWalk == Walk::rows) {
    for (int g = 0; g < kGroups; ++g) { rows[g] = a + 3 * g * lda; }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    __builtin_prefetch(soon.at, 0, 2);
    soon.at += soon.step;
    Vec bk[C];
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) { bk[c] = load(b + c * kLanes); }
    JETCAL_UNROLL
    for (int i = 0; i < R; ++i) {
      Vec const aik = kWalk == Walk::rows ? Vec(rows[i / 3][(i % 3) * lda]) : Vec(a[i]);
      JETCAL_UNROLL
      for (int c = 0; c < C; ++c) { acc[i][c] = fma(aik, bk[c], acc[i][c]); }
    }
    b += ldb;
    if constexpr (kWalk == Walk::rows) {
      for (int g = 0; g < kGroups; ++g) { ++rows[g]; }
    } else {
      a += lda;
    }
  }
  JETCAL_UNROLL
  for (int i = 0; i < R; ++i) {
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) {
      float* const p = out + i * ldo + c * kLanes;
      Vec v = acc[i][c];
      if (chain.bias != nullptr) { v = v + load(chain.bias + c * kLanes); }
      if (chain.add_to_out) { v = load(p) + v; }
      store(v, p);
    }
  }
}

using ProductBlock = void (*)(float const*, std::int64_t, float const*, std::int64_t, std::int64_t,
                              Chain const&, float*, std::int64_t, Soon);

template <int C, Walk kWalk, int... kRows>
constexpr auto product_blocks(std::integer_sequence<int, kRows...>) {
  struct {
    ProductBlock of_rows[sizeof...(kRows)];
  } table{{product_block<kRows + 1, C, kWalk>...}};
  return table;
}

/// The block for `rows` rows (1 .. kBlockRows) and a full or a 16-float width of columns.
template <Walk kWalk>
HWY_INLINE ProductBlock product_block_for(std::int64_t rows, std::int64_t cols) {
  constexpr auto kRows = std::make_integer_sequence<int, kBlockRows>();
  static constexpr auto kFull = product_blocks<kBlockVectors, kWalk>(kRows);
  static constexpr auto kNarrow = product_blocks<static_cast<int>(16 / kLanes), kWalk>(kRows);
  return cols >= kBlockCols ? kFull.of_rows[rows - 1] : kNarrow.of_rows[rows - 1];
}

}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#endif
