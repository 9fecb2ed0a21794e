// Products of bfloat16 factors with AVX512-bf16.
//
// vdpbf16ps adds two products to each float32 of an accumulator: a word holds two factors that
// follow each other along the sum. So every operand is an array of such words,
//   pairs in a row     (x for y = x W, dz for dx = dz W^T): word k of row i = columns 2k, 2k + 1
//   pairs of two rows  (x and dz for dw = x^T dz, and W itself): word n of line k = rows 2k, 2k + 1
// and a block of 14 rows x 32 columns is the float32 block of product-inl.hpp with words for
// floats. Operands are made of the float32 matrices 14 rows at a time, in the first-level cache.

#include "kernels/dense_bf16_avx512.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/device.hpp"
#include "kernels/chain.hpp"
#include "kernels/soon.hpp"

namespace jetcal::bf16::avx512 {

#if defined(__x86_64__)

bool supported() { return __builtin_cpu_supports("avx512bf16") != 0; }

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)
#define JETCAL_UNROLL _Pragma("unroll")
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#define JETCAL_UNROLL _Pragma("GCC unroll 16")
#endif

namespace {

constexpr int kRows = 14;
constexpr std::int64_t kVector = 16;
constexpr std::int64_t kPanel = 2 * kVector;

std::int64_t words_of(std::int64_t cols) { return (cols + 1) / 2; }

/// Floats at p, 0 past the n-th.
__m512 load_floats(float const* p, std::int64_t n) {
  return n >= kVector ? _mm512_loadu_ps(p)
                      : _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
}

/// x, 0 past the n-th lane.
__m512 first_columns(__m512 x, std::int64_t n) {
  return n >= kVector ? x : _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << n) - 1u), x);
}

/// 32 columns of one row as 16 words.
__m512i row_words(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}
__m512i row_words(float const* p, std::int64_t n) {
  return row_words(load_floats(p, n),
                   n > kVector ? load_floats(p + kVector, n - kVector) : _mm512_setzero_ps());
}

/// 16 columns of two rows as 16 words.
__m512i row_pair_words(__m512 first, __m512 second) {
  auto const both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
  alignas(64) static constexpr std::uint16_t kInterleave[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(kInterleave), both);
}

void store_words(__m512i words, float* p) { _mm512_storeu_si512(p, words); }

/// Rows of x as pairs of two rows, `ld` words from line to line.
void to_pair_words(ConstMat x, float* words, std::int64_t ld) {
  for (std::int64_t r = 0; r < x.rows; r += 2) {
    bool const pair = r + 1 < x.rows;
    for (std::int64_t c = 0; c < x.cols; c += kVector) {
      __m512 const first = load_floats(x.row(r) + c, x.cols - c);
      __m512 const second = pair ? load_floats(x.row(r + 1) + c, x.cols - c) : _mm512_setzero_ps();
      store_words(row_pair_words(first, second), words + r / 2 * ld + c);
    }
  }
}

/// Where a strip's rounded gradients go: each without data if nobody needs it.
struct GradientWords {
  float* rows = nullptr;  // pairs in a row, ld words apart
  std::int64_t ld = 0;
  float* pairs = nullptr;  // pairs of two rows, ld_pairs words from line to line
  std::int64_t ld_pairs = 0;
};

/// `kVectors` vectors of columns from column c on, of which `cols` are columns of dz.
template <bool kSlope, int kVectors>
void scale_sum_and_round_columns(ConstMat slope, Mat dz, std::int64_t c, std::int64_t cols,
                                 float* db, GradientWords const& to) {
  __m512 sum[kVectors];
  JETCAL_UNROLL
  for (int v = 0; v < kVectors; ++v) { sum[v] = _mm512_loadu_ps(db + v * kVector); }
  for (std::int64_t r = 0; r < dz.rows; r += 2) {
    __m512 z[2][2];
    JETCAL_UNROLL
    for (int i = 0; i < 2; ++i) {
      z[i][0] = z[i][1] = _mm512_setzero_ps();
      if (r + i == dz.rows) { continue; }
      JETCAL_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        float* const p = dz.row(r + i) + c + v * kVector;
        __m512 x = _mm512_loadu_ps(p);
        if constexpr (kSlope) {
          x = _mm512_mul_ps(x, _mm512_loadu_ps(slope.row(r + i) + c + v * kVector));
          _mm512_storeu_ps(p, x);
        }
        sum[v] = _mm512_add_ps(sum[v], x);
        z[i][v] = first_columns(x, cols - v * kVector);
      }
      if (to.rows != nullptr) {
        store_words(row_words(z[i][0], z[i][1]), to.rows + (r + i) * to.ld + c / 2);
      }
    }
    if (to.pairs == nullptr) { continue; }
    JETCAL_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      store_words(row_pair_words(z[0][v], z[1][v]),
                  to.pairs + r / 2 * to.ld_pairs + c + v * kVector);
    }
  }
  JETCAL_UNROLL
  for (int v = 0; v < kVectors; ++v) { _mm512_storeu_ps(db + v * kVector, sum[v]); }
}

/// What dense_backward_activation, dense_backward_bias and the two conversions do, in one sweep:
/// dz *= slope; where weights are trained, which need pairs, db = sum of rows in order (on top of
/// db if `accumulate`); words of dz.
template <bool kSlope>
void scale_sum_and_round(ConstMat slope, Mat dz, bool accumulate, Mat db, GradientWords const& to) {
  for (std::int64_t c = 0; c < dz.cols; c += kPanel) {
    std::int64_t const cols = dz.cols - c;
    float unused[kPanel] = {};
    float* const sums = to.pairs == nullptr ? unused : db.data + c;
    if (!accumulate) { std::fill_n(sums, std::min(kPanel, padded(cols)), 0.0f); }
    if (cols > kVector) {
      scale_sum_and_round_columns<kSlope, 2>(slope, dz, c, cols, sums, to);
    } else {
      scale_sum_and_round_columns<kSlope, 1>(slope, dz, c, cols, sums, to);
    }
  }
}

__m512bh broadcast_word(float const* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof word);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(word));
}

/// kByRows: word k of row i lies at a[i * lda + k]; else at a[k * lda + i].
template <int R, int C, bool kByRows>
[[gnu::noinline]] void block(float const* a, std::int64_t lda, float const* b, std::int64_t ldb,
                             std::int64_t depth, Chain const& chain, float* out, std::int64_t ldo,
                             Soon soon) {
  __m512 acc[R][C];
  JETCAL_UNROLL
  for (int i = 0; i < R; ++i) {
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) {
      acc[i][c] =
          chain.from_out ? _mm512_loadu_ps(out + i * ldo + c * kVector) : _mm512_setzero_ps();
    }
  }
  constexpr int kGroups = (R + 2) / 3;
  float const* rows[kGroups];
  JETCAL_UNROLL
  for (int g = 0; g < kGroups; ++g) { rows[g] = kByRows ? a + 3 * g * lda : a; }
  for (std::int64_t k = 0; k < depth; ++k) {
    __builtin_prefetch(soon.at, 0, 2);
    soon.at += soon.step;
    __m512bh bk[C];
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) {
      bk[c] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + c * kVector));
    }
    JETCAL_UNROLL
    for (int i = 0; i < R; ++i) {
      __m512bh const aik = broadcast_word(kByRows ? rows[i / 3] + (i % 3) * lda : a + i);
      JETCAL_UNROLL
      for (int c = 0; c < C; ++c) { acc[i][c] = _mm512_dpbf16_ps(acc[i][c], aik, bk[c]); }
    }
    b += ldb;
    a += kByRows ? 0 : lda;
    JETCAL_UNROLL
    for (int g = 0; g < kGroups; ++g) { rows[g] += kByRows ? 1 : 0; }
  }
  JETCAL_UNROLL
  for (int i = 0; i < R; ++i) {
    JETCAL_UNROLL
    for (int c = 0; c < C; ++c) {
      float* const p = out + i * ldo + c * kVector;
      __m512 v = acc[i][c];
      if (chain.bias != nullptr) {
        v = _mm512_add_ps(v, _mm512_loadu_ps(chain.bias + c * kVector));
      }
      if (chain.add_to_out) { v = _mm512_add_ps(_mm512_loadu_ps(p), v); }
      _mm512_storeu_ps(p, v);
    }
  }
}

using Block = void (*)(float const*, std::int64_t, float const*, std::int64_t, std::int64_t,
                       Chain const&, float*, std::int64_t, Soon);

template <bool kByRows, int... kBlockRows>
Block block_for(std::int64_t rows, std::int64_t cols, std::integer_sequence<int, kBlockRows...>) {
  static constexpr Block kWide[] = {block<kBlockRows + 1, 2, kByRows>...};
  static constexpr Block kNarrow[] = {block<kBlockRows + 1, 1, kByRows>...};
  return cols > kVector ? kWide[rows - 1] : kNarrow[rows - 1];
}

template <bool kByRows>
Block block_for(std::int64_t rows, std::int64_t cols) {
  return block_for<kByRows>(rows, cols, std::make_integer_sequence<int, kRows>());
}

std::int64_t panels_of(std::int64_t cols) { return (cols + kPanel - 1) / kPanel; }
std::int64_t strips_of(std::int64_t rows) { return (rows + kRows - 1) / kRows; }

/// out [rows, cols] = a times packed, a as pairs in a row.
void product_rows(float const* a, std::int64_t lda, std::int64_t rows, float const* packed,
                  std::int64_t depth, Chain chain, Mat out, Requests requests) {
  std::int64_t const cols = padded(out.cols);
  float const* const bias = chain.bias;
  for (std::int64_t n = 0; n < cols; n += kPanel) {
    float const* const panel = packed + n * depth;
    if (bias != nullptr) { chain.bias = bias + n; }
    block_for<true>(rows, cols - n)(a, lda, panel, kPanel, depth, chain, out.data + n, out.ld,
                                    requests.next(depth, panel));
  }
}

/// Whole cache lines from row to row, and no multiple of 256 bytes (tape.hpp says why).
std::int64_t stride_of(std::int64_t words) {
  std::int64_t const line = padded(words);
  return line % 64 == 0 ? line + 16 : line;
}

/// Working memory of a thread, grown to the largest tile it has seen.
float* scratch(std::int64_t words) {
  thread_local Buffer memory;
  if (memory.size() < words) { memory = Buffer({}, words); }
  return memory.data();
}

ConstMat rows_of(ConstMat m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}
Mat rows_of(Mat m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}

/// dw = x^T dz from pairs of two rows, kRows rows of dw after the other: the next ones are asked
/// for as a whole.
void product_weights(float const* x, std::int64_t ldx, float const* dz, std::int64_t ldz,
                     std::int64_t depth, bool accumulate, Mat dw, Requests ahead) {
  std::int64_t const cols = padded(dw.cols);
  for (std::int64_t k = 0; k < dw.rows; k += kRows) {
    std::int64_t const rows = std::min<std::int64_t>(kRows, dw.rows - k);
    Requests requests;
    requests.add(strip_of(dw, k + rows, kRows));
    requests.add(ahead.part_of(strips_of(dw.rows - k), requests.room_of(panels_of(cols), depth)));
    for (std::int64_t n = 0; n < cols; n += kPanel) {
      block_for<false>(rows, cols - n)(x + k, ldx, dz + n, ldz, depth, {accumulate, false, nullptr},
                                       dw.row(k) + n, dw.ld, requests.next(depth, dz));
    }
  }
}

}  // namespace

/// Pairs in a row.
void round_rows(ConstMat x, float* words, std::int64_t ld) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.cols; c += kPanel) {
      store_words(row_words(x.row(r) + c, x.cols - c), words + r * ld + c / 2);
    }
  }
}

void pack(ConstMat w, float* packed) {
  std::int64_t const depth = words_of(w.rows);
  for (std::int64_t n = 0; n < w.cols; n += kPanel) {
    ConstMat const panel{w.data + n, w.rows, std::min(kPanel, w.cols - n), w.ld};
    to_pair_words(panel, packed + n * depth, kPanel);
  }
}

void pack_transposed(ConstMat w, float* packed) {
  std::int64_t const depth = words_of(w.cols), ld = padded(w.cols);
  float* const words = scratch(ld);
  std::int64_t const last = w.rows / kPanel * kPanel;  // its columns past the end are 0
  if (last < w.rows) { std::fill_n(packed + last * depth, kPanel * depth, 0.0f); }
  for (std::int64_t k = 0; k < w.rows; ++k) {
    round_rows(rows_of(w, k, 1), words, ld);
    float* const column = packed + k / kPanel * kPanel * depth + k % kPanel;
    for (std::int64_t n = 0; n < depth; ++n) {
      std::memcpy(column + n * kPanel, words + n, sizeof(float));
    }
  }
}

void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope, Requests ahead) {
  std::int64_t const depth = words_of(x.cols), ld = stride_of(padded(depth));
  float* const words = scratch(kRows * ld);
  for (std::int64_t r = 0; r < x.rows; r += kRows) {
    std::int64_t const rows = std::min<std::int64_t>(kRows, x.rows - r);
    Mat const out = rows_of(y, r, rows);
    round_rows(rows_of(x, r, rows), words, ld);
    Requests requests;
    for (ConstMat const m : {x, ConstMat(y), ConstMat(slope)}) {
      requests.add(strip_of(m, r + rows, rows));
    }
    requests.add(ahead.part_of(strips_of(x.rows - r), requests.room_of(panels_of(y.cols), depth)));
    product_rows(words, ld, rows, packed, depth, {false, false, bias}, out, requests);
    cpu::dense_activation(activation, out, slope.data == nullptr ? slope : rows_of(slope, r, rows));
  }
}

void backward(cpu::DenseBackward const& b) {
  bool const data = b.dx.data != nullptr, weights = b.dw.data != nullptr;
  std::int64_t const rows = b.dz.rows, lines = words_of(rows), depth = words_of(b.dz.cols);
  std::int64_t const ld = stride_of(padded(depth)), ldz = stride_of(padded(b.dz.cols));
  std::int64_t const ldx = weights ? stride_of(padded(b.x.cols)) : 0;
  float* const words = scratch(kRows * ld + lines * (ldz + ldx));
  float* const z_pairs = words + kRows * ld;
  float* const x_pairs = z_pairs + lines * ldz;
  for (std::int64_t r = 0; r < rows; r += kRows) {
    std::int64_t const n = std::min<std::int64_t>(kRows, rows - r);
    Mat const dz = rows_of(b.dz, r, n);
    GradientWords const to{data ? words : nullptr, ld, weights ? z_pairs + r / 2 * ldz : nullptr,
                           ldz};
    bool const add = r > 0 || b.add_gradients;
    if (b.slope.data != nullptr) {
      scale_sum_and_round<true>(rows_of(b.slope, r, n), dz, add, b.db, to);
    } else {
      scale_sum_and_round<false>({}, dz, add, b.db, to);
    }
    if (weights) { to_pair_words(rows_of(b.x, r, n), x_pairs + r / 2 * ldx, ldx); }
    if (data) {
      Requests requests;
      for (ConstMat const m : {ConstMat(b.dz), b.slope, ConstMat(b.dx)}) {
        requests.add(strip_of(m, r + n, n));
      }
      if (weights) { requests.add(strip_of(b.x, r + n, n)); }
      product_rows(words, ld, n, b.packed_transposed, depth, {false, b.accumulate, nullptr},
                   rows_of(b.dx, r, n), requests);
    }
  }
  if (!weights) { return; }
  product_weights(x_pairs, ldx, z_pairs, ldz, lines, b.add_gradients, b.dw, b.ahead);
  if (rows == 0) { cpu::dense_backward_bias(b.dz, b.add_gradients, b.db); }
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

// Never called: supported() comes first.
bool supported() { return false; }
void round_rows(ConstMat, float*, std::int64_t) {}
void pack(ConstMat, float*) {}
void pack_transposed(ConstMat, float*) {}
void forward(ConstMat, float const*, float const*, Activation, Mat, Mat, Requests) {}
void backward(cpu::DenseBackward const&) {}

#endif

}  // namespace jetcal::bf16::avx512
