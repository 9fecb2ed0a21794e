#include "kernels/dense.hpp"

#include <algorithm>

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

template <class Matrix>
Matrix rows_of(Matrix m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}

std::int64_t panels_of(std::int64_t cols) { return (cols + kBlockCols - 1) / kBlockCols; }
std::int64_t strips_of(std::int64_t rows) { return (rows + kStripRows - 1) / kStripRows; }

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
                       Activation activation, Mat y, Mat slope, Requests ahead) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t first = 0; first < x.rows; first += kStripRows) {
    std::int64_t const last = std::min(first + kStripRows, x.rows);
    Requests requests;
    requests.add(strip_of(y, last, kStripRows));
    requests.add(strip_of(slope, last, kStripRows));
    requests.add(
        ahead.part_of(strips_of(x.rows - first), requests.room_of(panels_of(cols), x.cols)));
    for (std::int64_t n = 0; n < cols; n += kBlockCols) {
      std::int64_t const width = std::min(kBlockCols, cols - n);
      float const* const panel = panel_of(n);
      Chain const chain{false, false, bias + n};
      Soon const soon = requests.next(x.cols, panel);
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
             Mat slope, Requests const& ahead) {
  auto const panel_of = [&](std::int64_t n) {
    return packed + n / kPanel * kPanel * x.cols + n % kPanel;
  };
  forward_by_panels(x, panel_of, kPanel, bias, activation, y, slope, ahead);
}

void forward_unpacked(ConstMat x, ConstMat w, float const* bias, Activation activation, Mat y,
                      Mat slope) {
  forward_by_panels(x, [&](std::int64_t n) { return w.data + n; }, w.ld, bias, activation, y, slope,
                    {});
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

// dx = dz W^T (+ dx) for a strip.
void product_data(ConstMat dz, float const* packed, bool accumulate, Mat dx, Requests requests) {
  std::int64_t const cols = padded(dx.cols);
  Chain const chain{false, accumulate, nullptr};
  for (std::int64_t n = 0; n < cols; n += kBlockCols) {
    std::int64_t const width = std::min(kBlockCols, cols - n);
    float const* const panel = packed + n / kPanel * kPanel * dz.cols + n % kPanel;
    Soon const soon = requests.next(dz.cols, panel);
    for (std::int64_t r = 0; r < dz.rows; r += kBlockRows) {
      std::int64_t const rows = std::min<std::int64_t>(kBlockRows, dz.rows - r);
      product_block_for<Walk::rows>(rows, width)(dz.row(r), dz.ld, panel, kPanel, dz.cols, chain,
                                                 dx.row(r) + n, dx.ld, soon);
    }
  }
}

// dw = x^T dz (+ dw), kBlockRows rows of dw after the other: the columns of x for the next ones are
// asked for row by row, then their own rows as a whole. (A single panel asks for the rows alone.)
void product_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Requests ahead) {
  std::int64_t const cols = padded(dz.cols), others = panels_of(cols) - 1;
  Chain const chain{accumulate, false, nullptr};
  for (std::int64_t k = 0; k < x.cols; k += kBlockRows) {
    std::int64_t const inputs = std::min<std::int64_t>(kBlockRows, x.cols - k);
    std::int64_t const last_next = std::min<std::int64_t>(k + 2 * kBlockRows, x.cols) - 1;
    Requests requests;
    requests.add(strip_of(dw, k + inputs, kBlockRows));
    requests.add(ahead.part_of((x.cols - k + kBlockRows - 1) / kBlockRows,
                               requests.room_of(others, x.rows)));
    for (std::int64_t n = 0; n < cols; n += kBlockCols) {
      std::int64_t const width = std::min(kBlockCols, cols - n);
      bool const columns = n == 0 && others > 0 && x.rows > 0;
      Soon const soon = columns ? Soon{x.data + last_next, x.ld} : requests.next(x.rows, dz.data);
      product_block_for<Walk::cols>(inputs, width)(x.data + k, x.ld, dz.data + n, dz.ld, x.rows,
                                                   chain, dw.row(k) + n, dw.ld, soon);
    }
  }
}

void backward_data(ConstMat dz, float const* packed, bool accumulate, Mat dx) {
  product_data(dz, packed, accumulate, dx, {});
}

void backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db) {
  product_weights(x, dz, accumulate, dw, {});
  backward_bias(dz, accumulate, db);
}

// The data product asks for the strips that follow and for what the weight product reads, its last
// strip for where the weight product begins to write.
void backward(cpu::DenseBackward const& b) {
  bool const data = b.dx.data != nullptr, weights = b.dw.data != nullptr;
  for (std::int64_t r = 0; r < b.dz.rows; r += kStripRows) {
    std::int64_t const rows = std::min(kStripRows, b.dz.rows - r);
    Mat const dz = rows_of(b.dz, r, rows);
    if (b.slope.data != nullptr) { backward_activation(rows_of(b.slope, r, rows), dz); }
    if (weights) { backward_bias(dz, r > 0 || b.add_gradients, b.db); }
    if (!data) { continue; }
    Requests requests;
    if (weights) { requests.add(strip_of(b.x, r, rows)); }
    for (ConstMat const m : {ConstMat(b.dx), b.slope, ConstMat(b.dz)}) {
      requests.add(strip_of(m, r + rows, rows));
    }
    if (weights && r + rows == b.dz.rows) { requests.add(strip_of(b.dw, 0, kBlockRows)); }
    product_data(dz, b.packed_transposed, b.accumulate, rows_of(b.dx, r, rows), requests);
  }
  if (!weights) { return; }
  product_weights(b.x, b.dz, b.add_gradients, b.dw, b.ahead);
  if (b.dz.rows == 0) { backward_bias(b.dz, b.add_gradients, b.db); }
}

void activate(Activation activation, Mat y, Mat slope) {
  if (activation == Activation::mish) { mish_rows(y, slope, 0, y.rows); }
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
                   Mat slope, Requests ahead) {
  require_forward("dense_forward", x, y, slope);
  JETCAL_DISPATCH(forward, x, packed, bias, activation, y, slope, ahead);
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

void require_shapes(char const* where, DenseBackward const& b) {
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
}

void dense_backward(DenseBackward const& b) {
  require_shapes("dense_backward", b);
  JETCAL_DISPATCH(backward, b);
}

void dense_activation(Activation activation, Mat y, Mat slope) {
  require_padding("dense_activation", "output", y);
  JETCAL_DISPATCH(activate, activation, y, slope);
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
