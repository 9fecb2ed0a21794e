#include "kernels/dense_bf16.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/dense_onednn_bf16.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"

namespace jetcal {
namespace {

using test::kEps;
using test::kGuard;
using test::seed_of;
using test::Tolerance;

/// A matrix with padded rows and a guard band behind it.
struct Block {
  std::vector<float> data;
  std::int64_t rows, cols;

  Block(std::int64_t n_rows, std::int64_t n_cols, float fill)
      : data(static_cast<std::size_t>(n_rows * padded(n_cols) + 64), fill),
        rows(n_rows),
        cols(n_cols) {
    std::fill(data.end() - 64, data.end(), kGuard);
  }
  static Block of(std::int64_t rows, std::int64_t cols, char const* what) {
    Block block(rows, cols, 0.0f);
    auto const values = test::uniform(rows * cols, -1, 1, seed_of(what, rows * 1000 + cols));
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(values.data() + r * cols, cols, block.m().row(r));
    }
    return block;
  }
  Mat m() { return {data.data(), rows, cols, padded(cols)}; }
  ConstMat m() const { return {data.data(), rows, cols, padded(cols)}; }
  double at(std::int64_t r, std::int64_t c) const { return static_cast<double>(m().row(r)[c]); }
  std::vector<float> values() const {
    std::vector<float> v;
    for (std::int64_t r = 0; r < rows; ++r) { v.insert(v.end(), m().row(r), m().row(r) + cols); }
    return v;
  }
  bool sound() const {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = cols; c < padded(cols); ++c) {
        if (m().row(r)[c] != 0.0f) { return false; }
      }
    }
    return test::guard_untouched(data, data.size() - 64);
  }
};

/// To 8 bits of mantissa, to nearest, ties to even: the definition of bfloat16, in double.
double as_bf16(double x) {
  if (x == 0) { return x; }
  int exponent = 0;
  std::frexp(x, &exponent);
  double const unit = std::ldexp(1.0, exponent - 8);
  return std::nearbyint(x / unit) * unit;
}

/// Our products, or oneDNN's.
struct Products {
  decltype(&bf16::dense_pack) pack, pack_transposed;
  decltype(&bf16::dense_forward) forward;
  decltype(&bf16::dense_backward) backward;
};

template <class Check>
void with_each_products(Check const& check) {
  test::with_each_isa([&] {
    check(Products{bf16::dense_pack, bf16::dense_pack_transposed, bf16::dense_forward,
                   bf16::dense_backward});
#if JETCAL_HAS_ONEDNN
    if (!bf16::onednn::supported()) { return; }
    INFO("oneDNN's products");
    check(Products{bf16::onednn::pack, bf16::onednn::pack_transposed, bf16::onednn::forward,
                   bf16::onednn::backward});
#endif
  });
}

struct Case {
  std::int64_t rows, inputs, outputs;
};

// Around the blocks (14 rows, 32 and 16 columns), the pairs (odd lengths), the 32 that oneDNN gets
// and the paper's widths.
constexpr Case kCases[] = {{0, 5, 3},      {1, 1, 1},    {2, 3, 2},     {13, 21, 32},
                           {14, 32, 33},   {15, 33, 15}, {28, 7, 48},   {29, 64, 65},
                           {43, 210, 14},  {3, 13, 210}, {27, 17, 16},  {41, 250, 3},
                           {17, 250, 250}, {32, 31, 64}, {450, 40, 35}, {96, 65, 31}};

// Sums of `n` products of at most 1 in float32, each pair rounded in the instruction's own way.
Tolerance sum_of(std::int64_t n) { return {0, 2.0 * static_cast<double>(n + 2) * kEps}; }

TEST_CASE("bf16 dense forward multiplies rounded factors and sums in float32", "[bf16]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const x = Block::of(c.rows, c.inputs, "x"), w = Block::of(c.inputs, c.outputs, "w");
    Block const b = Block::of(1, c.outputs, "b");
    std::vector<double> want;
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t n = 0; n < c.outputs; ++n) {
        double sum = b.at(0, n);
        for (std::int64_t k = 0; k < c.inputs; ++k) {
          sum += as_bf16(x.at(r, k)) * as_bf16(w.at(k, n));
        }
        want.push_back(sum);
      }
    }
    with_each_products([&](Products const& products) {
      std::vector<float> packed(
          static_cast<std::size_t>(cpu::dense_packed_size(c.inputs, c.outputs)), kGuard);
      products.pack(w.m(), packed.data());
      Block z(c.rows, c.outputs, kGuard), y(c.rows, c.outputs, kGuard);
      Block slope(c.rows, c.outputs, kGuard);
      products.forward(x.m(), packed.data(), b.m().data, Activation::none, z.m(), {}, {});
      CHECK_CLOSE(z.values(), want, sum_of(c.inputs));
      CHECK(z.sound());
      // The same sums, then our own activation.
      products.forward(x.m(), packed.data(), b.m().data, Activation::mish, y.m(), slope.m(), {});
      Block const none(1, c.outputs, 0.0f);
      Block want_slope = slope;
      cpu::dense_epilogue(none.m().data, Activation::mish, z.m(), want_slope.m());
      CHECK_SAME_BITS(y.values(), z.values());
      CHECK_SAME_BITS(slope.values(), want_slope.values());
    });
  }
}

TEST_CASE("bf16 dense backward multiplies rounded factors and sums in float32", "[bf16]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const x = Block::of(c.rows, c.inputs, "x"), w = Block::of(c.inputs, c.outputs, "w");
    Block const dy = Block::of(c.rows, c.outputs, "dy");
    Block const slope = Block::of(c.rows, c.outputs, "slope");
    Block want_z = dy;
    cpu::dense_backward_activation(slope.m(), want_z.m());
    for (bool const add : {false, true}) {
      double const start = add ? 0.5 : 0.0;
      std::vector<double> want_x, want_w;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        for (std::int64_t k = 0; k < c.inputs; ++k) {
          double sum = start;
          for (std::int64_t n = 0; n < c.outputs; ++n) {
            sum += as_bf16(want_z.at(r, n)) * as_bf16(w.at(k, n));
          }
          want_x.push_back(sum);
        }
      }
      for (std::int64_t k = 0; k < c.inputs; ++k) {
        for (std::int64_t n = 0; n < c.outputs; ++n) {
          double sum = start;
          for (std::int64_t r = 0; r < c.rows; ++r) {
            sum += as_bf16(x.at(r, k)) * as_bf16(want_z.at(r, n));
          }
          want_w.push_back(sum);
        }
      }
      with_each_products([&](Products const& products) {
        std::vector<float> packed(
            static_cast<std::size_t>(cpu::dense_packed_size(c.outputs, c.inputs)), kGuard);
        products.pack_transposed(w.m(), packed.data());
        Block dz = dy, dx(c.rows, c.inputs, 0.5f), dw(c.inputs, c.outputs, 0.5f);
        Block db(1, c.outputs, 0.5f), want_b = db;
        cpu::DenseBackward b;
        b.slope = slope.m();
        b.dz = dz.m();
        b.x = x.m();
        b.packed_transposed = packed.data();
        b.accumulate = b.add_gradients = add;
        b.dx = dx.m();
        b.dw = dw.m();
        b.db = db.m();
        products.backward(b);
        CHECK_CLOSE(dx.values(), want_x, sum_of(c.outputs));
        CHECK_CLOSE(dw.values(), want_w, sum_of(c.rows));
        cpu::dense_backward_bias(want_z.m(), add, want_b.m());
        CHECK_SAME_BITS(db.values(), want_b.values());  // in float32 throughout
        CHECK_SAME_BITS(dz.data, want_z.data);
        CHECK((add || dx.sound()));
        CHECK((test::guard_untouched(dx.data, dx.data.size() - 64) &&
               test::guard_untouched(dw.data, dw.data.size() - 64)));
      });
    }
  }
}

// The half of a layer that is frozen, or whose input needs no gradient.
TEST_CASE("bf16 dense backward leaves alone what nobody asks for", "[bf16]") {
  Case const c{29, 64, 65};
  Block const x = Block::of(c.rows, c.inputs, "x"), w = Block::of(c.inputs, c.outputs, "w");
  Block const dy = Block::of(c.rows, c.outputs, "dy"), s = Block::of(c.rows, c.outputs, "slope");
  with_each_products([&](Products const& products) {
    std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(c.outputs, c.inputs)),
                              kGuard);
    products.pack_transposed(w.m(), packed.data());
    for (bool const sloped : {false, true}) {
      CAPTURE(sloped);
      Block dz = dy, dx(c.rows, c.inputs, 0.5f), dw(c.inputs, c.outputs, 0.5f);
      Block db(1, c.outputs, 0.5f), want_z = dy;
      cpu::DenseBackward both;
      both.slope = sloped ? ConstMat(s.m()) : ConstMat{};
      both.dz = dz.m();
      both.x = x.m();
      both.packed_transposed = packed.data();
      both.dx = dx.m();
      both.dw = dw.m();
      both.db = db.m();
      both.ahead.add(packed.data(), static_cast<std::int64_t>(packed.size()));
      products.backward(both);
      if (sloped) { cpu::dense_backward_activation(s.m(), want_z.m()); }
      CHECK_SAME_BITS(dz.data, want_z.data);
      Block dz_data = dy, dz_weights = dy, dz_none = dy, dx_alone(c.rows, c.inputs, 0.5f);
      Block dw_alone(c.inputs, c.outputs, 0.5f), db_alone(1, c.outputs, 0.5f);
      cpu::DenseBackward frozen = both;
      frozen.dz = dz_data.m();
      frozen.x = {};
      frozen.dw = frozen.db = {};
      frozen.dx = dx_alone.m();
      products.backward(frozen);
      CHECK_SAME_BITS(dx_alone.data, dx.data);
      CHECK_SAME_BITS(dz_data.data, want_z.data);
      cpu::DenseBackward first = both;
      first.dz = dz_weights.m();
      first.packed_transposed = nullptr;
      first.dx = {};
      first.dw = dw_alone.m();
      first.db = db_alone.m();
      products.backward(first);
      CHECK_SAME_BITS(dw_alone.data, dw.data);
      CHECK_SAME_BITS(db_alone.data, db.data);
      CHECK_SAME_BITS(dz_weights.data, want_z.data);
      cpu::DenseBackward none = frozen;
      none.dz = dz_none.m();
      none.dx = {};
      products.backward(none);
      CHECK_SAME_BITS(dz_none.data, want_z.data);
    }
  });
}

TEST_CASE("bf16 dense backward refuses shapes that do not fit", "[bf16]") {
  Block dz(4, 5, 0.5f), other(3, 6, 0.5f);
  cpu::DenseBackward sweep;
  sweep.dz = dz.m();
  sweep.slope = other.m();
  CHECK_THROWS_AS(bf16::dense_backward(sweep), ShapeError);
  sweep.slope = {};
  sweep.dx = {other.data.data(), 4, 5, 5};
  CHECK_THROWS_AS(bf16::dense_backward(sweep), ShapeError);
}

TEST_CASE("bf16 dense layers pass on what is not finite", "[bf16]") {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  float const infinity = std::numeric_limits<float>::infinity();
  Block x(3, 2, 0.0f), w(2, 1, 1.0f), y(3, 1, 0.0f);
  x.m().row(0)[1] = nan;
  x.m().row(1)[0] = infinity;
  std::vector<float> const bias(16, 0.0f);
  with_each_products([&](Products const& products) {
    std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(2, 1)));
    products.pack(w.m(), packed.data());
    products.forward(x.m(), packed.data(), bias.data(), Activation::none, y.m(), {}, {});
    CHECK(std::isnan(y.m().row(0)[0]));
    CHECK(y.m().row(1)[0] == infinity);
    CHECK(y.m().row(2)[0] == 0);
  });
}

}  // namespace
}  // namespace jetcal
