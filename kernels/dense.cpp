#include "kernels/dense.hpp"

#include <algorithm>
#include <initializer_list>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/mish.math.hpp"
#include "kernels/pair-inl.hpp"
#include "kernels/product-inl.hpp"
#include "kernels/vocabulary-inl.hpp"

#ifndef JETCAL_DENSE_PANEL
#define JETCAL_DENSE_PANEL
namespace jetcal {
constexpr std::int64_t kPanel = 32;
}
#endif

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

// Rows whose input stays in the first-level cache while the panels of the weights pass by.
constexpr std::int64_t kStripRows = 14 / kBlockRows * kBlockRows;

// Rows that go through both backward products one after the other: few enough for the second-level
// cache to keep what the two share.
constexpr std::int64_t kChunkRows = 126;

template <class Matrix>
Matrix rows_of(Matrix m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}

std::int64_t panels_of(std::int64_t cols) { return (cols + kBlockCols - 1) / kBlockCols; }

// Mish in place, of rows that are in the first-level cache.
template <bool kSlope>
HWY_NOINLINE void mish(Mat y, Mat slope) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t r = 0; r < y.rows; ++r) {
    std::int64_t c = 0;
    for (; c + 2 * kLanes <= cols; c += 2 * kLanes) {
      Pair s;
      store(mish_and_slope(load_pair(y.row(r) + c), s), y.row(r) + c);
      if constexpr (kSlope) { store(s, slope.row(r) + c); }
    }
    for (; c < cols; c += kLanes) {
      Vec s;
      store(mish_and_slope(load(y.row(r) + c), s), y.row(r) + c);
      if constexpr (kSlope) { store(s, slope.row(r) + c); }
    }
  }
}

void mish_rows(Mat y, Mat slope, std::int64_t first, std::int64_t rows) {
  if (slope.data == nullptr) {
    mish<false>(rows_of(y, first, rows), {});
  } else {
    mish<true>(rows_of(y, first, rows), rows_of(slope, first, rows));
  }
}

// panel_of(n): where column n of the weights begins, whose rows lie ldw floats apart.
template <class PanelOf>
void forward_by_panels(ConstMat x, PanelOf const& panel_of, std::int64_t ldw, float const* bias,
                       Activation activation, Mat y, Mat slope) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t first = 0; first < x.rows; first += kStripRows) {
    std::int64_t const last = std::min(first + kStripRows, x.rows);
    ConstMat const next_y = strip_of(y, last, kStripRows);
    ConstMat const next_slope = strip_of(slope, last, kStripRows);
    for (std::int64_t n = 0; n < cols; n += kBlockCols) {
      std::int64_t const width = std::min(kBlockCols, cols - n);
      float const* const panel = panel_of(n);
      Chain const chain{false, false, bias + n};
      Soon const soon =
          soon_of({next_y, next_slope}, n / kBlockCols, panels_of(cols), x.cols, panel);
      for (std::int64_t r = first; r < last; r += kBlockRows) {
        std::int64_t const rows = std::min<std::int64_t>(kBlockRows, last - r);
        product_block_for<Walk::rows>(rows, width)(x.row(r), x.ld, panel, ldw, x.cols, chain,
                                                   y.row(r) + n, y.ld, soon);
      }
    }
    if (activation == Activation::mish) { mish_rows(y, slope, first, last - first); }
  }
}

void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope) {
  auto const panel_of = [&](std::int64_t n) {
    return packed + n / kPanel * kPanel * x.cols + n % kPanel;
  };
  forward_by_panels(x, panel_of, kPanel, bias, activation, y, slope);
}

void forward_unpacked(ConstMat x, ConstMat w, float const* bias, Activation activation, Mat y,
                      Mat slope) {
  forward_by_panels(
      x, [&](std::int64_t n) { return w.data + n; }, w.ld, bias, activation, y, slope);
}

void backward_activation(ConstMat slope, Mat dy) {
  std::int64_t const cols = padded(dy.cols);
  for (std::int64_t r = 0; r < dy.rows; ++r) {
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      store(load(dy.row(r) + c) * load(slope.row(r) + c), dy.row(r) + c);
    }
  }
}

void backward_bias(ConstMat dz, bool accumulate, Mat db) {
  for (std::int64_t c = 0; c < padded(dz.cols); c += kLanes) {
    Vec sum = accumulate ? load(db.data + c) : Vec(0.0f);
    for (std::int64_t r = 0; r < dz.rows; ++r) { sum = sum + load(dz.row(r) + c); }
    store(sum, db.data + c);
  }
}

// dx = dz W^T (+ dx) for a strip; it asks for the strips `soon`.
void product_data(ConstMat dz, float const* packed, bool accumulate, Mat dx,
                  std::initializer_list<ConstMat> soon) {
  std::int64_t const cols = padded(dx.cols);
  Chain const chain{false, accumulate, nullptr};
  for (std::int64_t n = 0; n < cols; n += kBlockCols) {
    std::int64_t const width = std::min(kBlockCols, cols - n);
    float const* const panel = packed + n / kPanel * kPanel * dz.cols + n % kPanel;
    Soon const piece = soon_of(soon, n / kBlockCols, panels_of(cols), dz.cols, panel);
    for (std::int64_t r = 0; r < dz.rows; r += kBlockRows) {
      std::int64_t const rows = std::min<std::int64_t>(kBlockRows, dz.rows - r);
      product_block_for<Walk::rows>(rows, width)(dz.row(r), dz.ld, panel, kPanel, dz.cols, chain,
                                                 dx.row(r) + n, dx.ld, piece);
    }
  }
}

// dw = x^T dz (+ dw), kBlockRows rows of dw after the other: the next ones are asked for as a
// whole.
void product_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw) {
  std::int64_t const cols = padded(dz.cols);
  Chain const chain{accumulate, false, nullptr};
  for (std::int64_t k = 0; k < x.cols; k += kBlockRows) {
    std::int64_t const inputs = std::min<std::int64_t>(kBlockRows, x.cols - k);
    ConstMat const next = strip_of(dw, k + inputs, kBlockRows);
    for (std::int64_t n = 0; n < cols; n += kBlockCols) {
      std::int64_t const width = std::min(kBlockCols, cols - n);
      Soon const soon = soon_of({next}, n / kBlockCols, panels_of(cols), x.rows, dz.data);
      product_block_for<Walk::cols>(inputs, width)(x.data + k, x.ld, dz.data + n, dz.ld, x.rows,
                                                   chain, dw.row(k) + n, dw.ld, soon);
    }
  }
}

void backward_data(ConstMat dz, float const* packed, bool accumulate, Mat dx) {
  product_data(dz, packed, accumulate, dx, {ConstMat{}});
}

void backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db) {
  product_weights(x, dz, accumulate, dw);
  backward_bias(dz, accumulate, db);
}

// A chunk's data product asks for what its weight product reads, and for the strips that follow.
void backward(cpu::DenseBackward const& b) {
  bool const data = b.dx.data != nullptr, weights = b.dw.data != nullptr;
  for (std::int64_t chunk = 0; chunk < b.dz.rows; chunk += kChunkRows) {
    std::int64_t const end = std::min(chunk + kChunkRows, b.dz.rows);
    for (std::int64_t r = chunk; r < end; r += kStripRows) {
      std::int64_t const rows = std::min(kStripRows, end - r);
      Mat const dz = rows_of(b.dz, r, rows);
      if (b.slope.data != nullptr) { backward_activation(rows_of(b.slope, r, rows), dz); }
      if (weights) { backward_bias(dz, r > 0 || b.add_gradients, b.db); }
      if (data) {
        product_data(dz, b.packed_transposed, b.accumulate, rows_of(b.dx, r, rows),
                     {weights ? strip_of(b.x, r, rows) : ConstMat{}, strip_of(b.dx, r + rows, rows),
                      strip_of(b.slope, r + rows, rows), strip_of(b.dz, r + rows, rows)});
      }
    }
    if (weights) {
      product_weights(rows_of(b.x, chunk, end - chunk), rows_of(b.dz, chunk, end - chunk),
                      chunk > 0 || b.add_gradients, b.dw);
    }
  }
  if (weights && b.dz.rows == 0) { backward_weights(b.x, b.dz, b.add_gradients, b.dw, b.db); }
}

void epilogue(float const* bias, Activation activation, Mat y, Mat slope) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t r = 0; r < y.rows; ++r) {
    std::fill(y.row(r) + y.cols, y.row(r) + cols, 0.0f);
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      store(load(y.row(r) + c) + load(bias + c), y.row(r) + c);
    }
    if (activation == Activation::mish) { mish_rows(y, slope, r, 1); }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {
namespace {

void require_padding(char const* where, char const* what, ConstMat m) {
  JETCAL_REQUIRE(m.ld >= padded(m.cols), ShapeError,
                 where << ": " << what << " has rows of " << m.ld << " floats (must be at least "
                       << padded(m.cols) << ")");
}

void require_forward(char const* where, ConstMat x, ConstMat y, ConstMat slope) {
  JETCAL_REQUIRE(x.rows == y.rows, ShapeError,
                 where << ": input has " << x.rows << " rows but output " << y.rows);
  require_padding(where, "output", y);
  if (slope.data != nullptr) {
    require_shape(where, "slope", slope, y.rows, y.cols);
    require_padding(where, "slope", slope);
  }
}

}  // namespace

std::int64_t dense_packed_size(std::int64_t inputs, std::int64_t outputs) {
  auto const whole = [](std::int64_t n) { return (n + kPanel - 1) / kPanel * kPanel; };
  return whole(inputs) * whole(outputs);
}

void dense_pack(ConstMat w, float* packed) {
  for (std::int64_t n = 0; n < w.cols; n += kPanel) {
    std::int64_t const width = std::min(kPanel, w.cols - n);
    for (std::int64_t k = 0; k < w.rows; ++k) {
      std::copy_n(w.row(k) + n, width, packed);
      std::fill_n(packed + width, kPanel - width, 0.0f);
      packed += kPanel;
    }
  }
}

void dense_pack_transposed(ConstMat w, float* packed) {
  for (std::int64_t k = 0; k < w.rows; k += kPanel) {
    std::int64_t const width = std::min(kPanel, w.rows - k);
    for (std::int64_t n = 0; n < w.cols; ++n) {
      for (std::int64_t i = 0; i < width; ++i) { packed[n * kPanel + i] = w.row(k + i)[n]; }
      std::fill_n(packed + n * kPanel + width, kPanel - width, 0.0f);
    }
    packed += w.cols * kPanel;
  }
}

void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope) {
  require_forward("dense_forward", x, y, slope);
  JETCAL_DISPATCH(forward, x, packed, bias, activation, y, slope);
}

void dense_forward_unpacked(ConstMat x, ConstMat w, float const* bias, Activation activation, Mat y,
                            Mat slope) {
  char const* const where = "dense_forward_unpacked";
  require_forward(where, x, y, slope);
  require_shape(where, "weight", w, x.cols, y.cols);
  require_padding(where, "weight", w);
  JETCAL_DISPATCH(forward_unpacked, x, w, bias, activation, y, slope);
}

void dense_backward_activation(ConstMat slope, Mat dy) {
  require_shape("dense_backward_activation", "slope", slope, dy.rows, dy.cols);
  require_padding("dense_backward_activation", "slope", slope);
  require_padding("dense_backward_activation", "gradient", dy);
  JETCAL_DISPATCH(backward_activation, slope, dy);
}

void dense_backward_data(ConstMat dz, float const* packed_transposed, bool accumulate, Mat dx) {
  JETCAL_REQUIRE(dz.rows == dx.rows, ShapeError,
                 "dense_backward_data: gradient has " << dz.rows << " rows but result " << dx.rows);
  require_padding("dense_backward_data", "result", dx);
  JETCAL_DISPATCH(backward_data, dz, packed_transposed, accumulate, dx);
}

void dense_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db) {
  JETCAL_REQUIRE(
      x.rows == dz.rows, ShapeError,
      "dense_backward_weights: input has " << x.rows << " rows but gradient " << dz.rows);
  require_shape("dense_backward_weights", "weight gradient", dw, x.cols, dz.cols);
  require_shape("dense_backward_weights", "bias gradient", db, 1, dz.cols);
  require_padding("dense_backward_weights", "gradient", dz);
  require_padding("dense_backward_weights", "weight gradient", dw);
  require_padding("dense_backward_weights", "bias gradient", db);
  JETCAL_DISPATCH(backward_weights, x, dz, accumulate, dw, db);
}

void dense_backward(DenseBackward const& b) {
  char const* const where = "dense_backward";
  require_padding(where, "gradient", b.dz);
  if (b.slope.data != nullptr) {
    require_shape(where, "slope", b.slope, b.dz.rows, b.dz.cols);
    require_padding(where, "slope", b.slope);
  }
  if (b.dx.data != nullptr) {
    require_shape(where, "gradient of the input", b.dx, b.dz.rows, b.dx.cols);
    require_padding(where, "gradient of the input", b.dx);
  }
  if (b.dw.data != nullptr) {
    require_shape(where, "input", b.x, b.dz.rows, b.dw.rows);
    require_shape(where, "weight gradient", b.dw, b.x.cols, b.dz.cols);
    require_padding(where, "weight gradient", b.dw);
    require_shape(where, "bias gradient", b.db, 1, b.dz.cols);
    require_padding(where, "bias gradient", b.db);
  }
  JETCAL_DISPATCH(backward, b);
}

void dense_epilogue(float const* bias, Activation activation, Mat y, Mat slope) {
  require_padding("dense_epilogue", "output", y);
  JETCAL_DISPATCH(epilogue, bias, activation, y, slope);
}

void dense_backward_bias(ConstMat dz, bool accumulate, Mat db) {
  require_shape("dense_backward_bias", "bias gradient", db, 1, dz.cols);
  JETCAL_DISPATCH(backward_bias, dz, accumulate, db);
}

}  // namespace jetcal::cpu
#endif
