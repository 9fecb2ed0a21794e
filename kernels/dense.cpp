#include "kernels/dense.hpp"

#include <algorithm>

#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/mish.math.hpp"
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

// Bias and activation follow each block while its rows are in the first-level cache.
void mish_block(std::int64_t rows, std::int64_t cols, float* y, std::int64_t ldy, float* slope,
                std::int64_t lds) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      Vec s;
      store(mish_and_slope(load(y + r * ldy + c), s), y + r * ldy + c);
      if (slope != nullptr) { store(s, slope + r * lds + c); }
    }
  }
}

void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t n = 0; n < cols; n += kBlockCols) {
    std::int64_t const width = std::min(kBlockCols, cols - n);
    float const* const panel = packed + n / kPanel * kPanel * x.cols + n % kPanel;
    Chain const chain{false, false, bias + n};
    for (std::int64_t r = 0; r < x.rows; r += kBlockRows) {
      std::int64_t const rows = std::min<std::int64_t>(kBlockRows, x.rows - r);
      product_block_for<Walk::rows>(rows, width)(x.row(r), x.ld, panel, kPanel, x.cols, chain,
                                                 y.row(r) + n, y.ld);
      if (activation == Activation::mish) {
        float* const s = slope.data == nullptr ? nullptr : slope.row(r) + n;
        mish_block(rows, width, y.row(r) + n, y.ld, s, slope.ld);
      }
    }
  }
}

void backward_activation(ConstMat slope, Mat dy) {
  std::int64_t const cols = padded(dy.cols);
  for (std::int64_t r = 0; r < dy.rows; ++r) {
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      store(load(dy.row(r) + c) * load(slope.row(r) + c), dy.row(r) + c);
    }
  }
}

void backward_data(ConstMat dz, float const* packed, bool accumulate, Mat dx) {
  std::int64_t const cols = padded(dx.cols);
  Chain const chain{false, accumulate, nullptr};
  for (std::int64_t n = 0; n < cols; n += kBlockCols) {
    std::int64_t const width = std::min(kBlockCols, cols - n);
    float const* const panel = packed + n / kPanel * kPanel * dz.cols + n % kPanel;
    for (std::int64_t r = 0; r < dz.rows; r += kBlockRows) {
      std::int64_t const rows = std::min<std::int64_t>(kBlockRows, dz.rows - r);
      product_block_for<Walk::rows>(rows, width)(dz.row(r), dz.ld, panel, kPanel, dz.cols, chain,
                                                 dx.row(r) + n, dx.ld);
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

void backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db) {
  std::int64_t const cols = padded(dz.cols);
  Chain const chain{accumulate, false, nullptr};
  for (std::int64_t n = 0; n < cols; n += kBlockCols) {
    std::int64_t const width = std::min(kBlockCols, cols - n);
    for (std::int64_t k = 0; k < x.cols; k += kBlockRows) {
      std::int64_t const inputs = std::min<std::int64_t>(kBlockRows, x.cols - k);
      product_block_for<Walk::cols>(inputs, width)(x.data + k, x.ld, dz.data + n, dz.ld, x.rows,
                                                   chain, dw.row(k) + n, dw.ld);
    }
  }
  backward_bias(dz, accumulate, db);
}

void epilogue(float const* bias, Activation activation, Mat y, Mat slope) {
  std::int64_t const cols = padded(y.cols);
  for (std::int64_t r = 0; r < y.rows; ++r) {
    std::fill(y.row(r) + y.cols, y.row(r) + cols, 0.0f);
    for (std::int64_t c = 0; c < cols; c += kLanes) {
      store(load(y.row(r) + c) + load(bias + c), y.row(r) + c);
    }
    float* const s = slope.data == nullptr ? nullptr : slope.row(r);
    if (activation == Activation::mish) { mish_block(1, cols, y.row(r), y.ld, s, slope.ld); }
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

}  // namespace

std::int64_t dense_packed_size(std::int64_t inputs, std::int64_t outputs) {
  return inputs * ((outputs + kPanel - 1) / kPanel * kPanel);
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
  JETCAL_REQUIRE(x.rows == y.rows, ShapeError,
                 "dense_forward: input has " << x.rows << " rows but output " << y.rows);
  require_padding("dense_forward", "output", y);
  if (slope.data != nullptr) {
    require_shape("dense_forward", "slope", slope, y.rows, y.cols);
    require_padding("dense_forward", "slope", slope);
  }
  JETCAL_DISPATCH(forward, x, packed, bias, activation, y, slope);
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
