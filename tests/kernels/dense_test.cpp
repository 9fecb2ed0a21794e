#include "kernels/dense.hpp"

#include <cmath>
#include <vector>

#include "kernels/dense_onednn.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"

namespace jetcal {
namespace {

using test::kEps;
using test::kGuard;
using test::seed_of;
using test::uniform;

/// A matrix with padded rows and a guard band behind it.
struct Block {
  std::vector<float> data;
  Mat m;

  Block(std::int64_t rows, std::int64_t cols, float fill = kGuard)
      : data(static_cast<std::size_t>(rows * padded(cols) + 64), fill),
        m{data.data(), rows, cols, padded(cols)} {
    std::fill(data.end() - 64, data.end(), kGuard);
  }
  static Block of(std::int64_t rows, std::int64_t cols, std::uint64_t seed, double size = 1) {
    Block block(rows, cols, 0.0f);
    auto const values = uniform(rows * cols, -size, size, seed);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(values.data() + r * cols, cols, block.m.row(r));
    }
    return block;
  }
  std::vector<float> values() const {
    std::vector<float> v;
    for (std::int64_t r = 0; r < m.rows; ++r) { v.insert(v.end(), m.row(r), m.row(r) + m.cols); }
    return v;
  }
  bool padding_is_zero() const {
    for (std::int64_t r = 0; r < m.rows; ++r) {
      for (std::int64_t c = m.cols; c < padded(m.cols); ++c) {
        if (m.row(r)[c] != 0.0f) { return false; }
      }
    }
    return true;
  }
  bool guarded() const { return test::guard_untouched(data, data.size() - 64); }
};

struct Case {
  std::int64_t rows, inputs, outputs;
};

// Around the register blocks (14 or 6 rows, 32 or 16 columns), the strips of 14 or 12 rows, the
// panels of 32, and the paper's widths.
constexpr Case kCases[] = {{0, 5, 3},    {1, 1, 1},      {2, 3, 2},    {5, 15, 16},
                           {6, 16, 17},  {7, 17, 31},    {13, 21, 32}, {14, 32, 33},
                           {15, 33, 15}, {28, 7, 48},    {29, 64, 65}, {43, 210, 14},
                           {3, 13, 210}, {17, 250, 250}, {30, 29, 96}, {253, 18, 37}};

std::uint64_t seed(char const* what, Case const& c) {
  return seed_of(what, c.rows * 1'000'000 + c.inputs * 1000 + c.outputs);
}

// The definition: one chain of fma over the inputs in order from 0, the bias added after.
std::vector<float> forward_chain(Block const& x, Block const& w, Block const& b) {
  std::vector<float> z;
  for (std::int64_t r = 0; r < x.m.rows; ++r) {
    for (std::int64_t n = 0; n < w.m.cols; ++n) {
      float sum = 0;
      for (std::int64_t k = 0; k < w.m.rows; ++k) {
        sum = std::fma(x.m.row(r)[k], w.m.row(k)[n], sum);
      }
      z.push_back(sum + b.m.data[n]);
    }
  }
  return z;
}

double mish_ref(double x) { return x * std::tanh(std::log1p(std::exp(x))); }

// d/dx of the above: t + x (1 - t^2) / (1 + e^-x).
double slope_ref(double x) {
  double const t = std::tanh(std::log1p(std::exp(x)));
  return t + x * (1 - t * t) / (1 + std::exp(-x));
}

TEST_CASE("dense forward is its chain of fma, to the bit", "[dense]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const x = Block::of(c.rows, c.inputs, seed("dense x", c));
    Block const w = Block::of(c.inputs, c.outputs, seed("dense w", c));
    Block const b = Block::of(1, c.outputs, seed("dense b", c));
    auto const want = forward_chain(x, w, b);
    test::with_each_isa([&] {
      std::vector<float> packed(
          static_cast<std::size_t>(cpu::dense_packed_size(c.inputs, c.outputs)), kGuard);
      cpu::dense_pack(w.m, packed.data());
      Block y(c.rows, c.outputs);
      cpu::dense_forward(x.m, packed.data(), b.m.data, Activation::none, y.m, {});
      CHECK_SAME_BITS(y.values(), want);
      CHECK(y.padding_is_zero());
      CHECK(y.guarded());
      Block unpacked(c.rows, c.outputs);
      cpu::dense_forward_unpacked(x.m, w.m, b.m.data, Activation::none, unpacked.m, {});
      CHECK_SAME_BITS(unpacked.data, y.data);
      // What is asked for enters nothing.
      Requests ahead;
      ahead.add(packed.data(), static_cast<std::int64_t>(packed.size()));
      Block asking(c.rows, c.outputs);
      cpu::dense_forward(x.m, packed.data(), b.m.data, Activation::none, asking.m, {}, ahead);
      CHECK_SAME_BITS(asking.data, y.data);
    });
  }
}

TEST_CASE("dense forward with Mish gives the activation and its slope", "[dense]") {
  // 20 units in every direction pass e^2x beyond float's range and Mish's tail below 2^-24.
  Case const c{61, 3, 37};
  Block const x = Block::of(c.rows, c.inputs, seed("mish x", c), 40);
  Block const w = Block::of(c.inputs, c.outputs, seed("mish w", c));
  Block const b = Block::of(1, c.outputs, seed("mish b", c));
  auto const z = forward_chain(x, w, b);
  std::vector<float> first_y, first_slope;
  test::with_each_isa([&] {
    std::vector<float> packed(
        static_cast<std::size_t>(cpu::dense_packed_size(c.inputs, c.outputs)));
    cpu::dense_pack(w.m, packed.data());
    Block y(c.rows, c.outputs), slope(c.rows, c.outputs), alone(c.rows, c.outputs);
    cpu::dense_forward(x.m, packed.data(), b.m.data, Activation::mish, y.m, slope.m);
    // exp 2 ulp, six roundings: 8 eps; below -87.6 Mish is cut off to -0.
    CHECK_CLOSE(y.values(), test::map(z, mish_ref), (test::Tolerance{8 * kEps, 1e-36}));
    // The slope's terms cancel near its zero at -1.19: absolute there.
    CHECK_CLOSE(slope.values(), test::map(z, slope_ref), (test::Tolerance{8 * kEps, 4 * kEps}));
    cpu::dense_forward(x.m, packed.data(), b.m.data, Activation::mish, alone.m, {});
    CHECK_SAME_BITS(alone.values(), y.values());
    CHECK(y.padding_is_zero());
    CHECK((y.guarded() && slope.guarded()));
    if (first_y.empty()) {
      first_y = y.values();
      first_slope = slope.values();
    }
    CHECK_SAME_BITS(y.values(), first_y);
    CHECK_SAME_BITS(slope.values(), first_slope);
  });
}

TEST_CASE("Mish has its known values", "[dense]") {
  // 30-digit arithmetic from the definition.
  std::vector<float> const x{-20, -10, -5, -2, -0.5f, 0, 0.5f, 1, 3, 8};
  std::vector<double> const y{
      -4.12230724063e-8, -4.53988991857e-4, -0.0335762377302, -0.252501482696, -0.220743774652, 0,
      0.375245211305,    0.865098388267,    2.98653500497,    7.99999820064};
  std::vector<double> const slope{
      -3.91619187435e-8, -4.08579786903e-4, -0.0267474980199, -0.10835509242, 0.289510677914, 0.6,
      0.886424375358,    1.0490362201,      1.02110691093,    1.00000337258};
  auto const n = static_cast<std::int64_t>(x.size());
  Block in(n, 1, 0.0f), out(n, 1), s(n, 1);
  for (std::int64_t i = 0; i < n; ++i) { in.m.row(i)[0] = x[static_cast<std::size_t>(i)]; }
  std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(1, 1)));
  float const one = 1;
  cpu::dense_pack({&one, 1, 1, 1}, packed.data());
  std::vector<float> const bias(16, 0.0f);
  cpu::dense_forward(in.m, packed.data(), bias.data(), Activation::mish, out.m, s.m);
  CHECK_CLOSE(out.values(), y, (test::Tolerance{8 * kEps, 0}));
  CHECK_CLOSE(s.values(), slope, (test::Tolerance{8 * kEps, 0}));
}

TEST_CASE("dense backward to the inputs is its chain over the outputs, to the bit", "[dense]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const dz = Block::of(c.rows, c.outputs, seed("dense dz", c));
    Block const w = Block::of(c.inputs, c.outputs, seed("dense w", c));
    std::vector<float> want, added;
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t k = 0; k < c.inputs; ++k) {
        float sum = 0;
        for (std::int64_t n = 0; n < c.outputs; ++n) {
          sum = std::fma(dz.m.row(r)[n], w.m.row(k)[n], sum);
        }
        want.push_back(sum);
        added.push_back(0.5f + sum);
      }
    }
    test::with_each_isa([&] {
      std::vector<float> packed(
          static_cast<std::size_t>(cpu::dense_packed_size(c.outputs, c.inputs)), kGuard);
      cpu::dense_pack_transposed(w.m, packed.data());
      Block dx(c.rows, c.inputs);
      cpu::dense_backward_data(dz.m, packed.data(), false, dx.m);
      CHECK_SAME_BITS(dx.values(), want);
      CHECK(dx.padding_is_zero());
      Block sum(c.rows, c.inputs, 0.5f);
      cpu::dense_backward_data(dz.m, packed.data(), true, sum.m);
      CHECK_SAME_BITS(sum.values(), added);
      CHECK((dx.guarded() && sum.guarded()));
    });
  }
}

TEST_CASE("dense weight and bias gradients are chains over the rows, to the bit", "[dense]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const x = Block::of(c.rows, c.inputs, seed("dense x", c));
    Block const dz = Block::of(c.rows, c.outputs, seed("dense dz", c));
    for (bool const accumulate : {false, true}) {
      std::vector<float> want_w, want_b;
      for (std::int64_t k = 0; k < c.inputs; ++k) {
        for (std::int64_t n = 0; n < c.outputs; ++n) {
          float sum = accumulate ? 0.5f : 0.0f;
          for (std::int64_t r = 0; r < c.rows; ++r) {
            sum = std::fma(x.m.row(r)[k], dz.m.row(r)[n], sum);
          }
          want_w.push_back(sum);
        }
      }
      for (std::int64_t n = 0; n < c.outputs; ++n) {
        float sum = accumulate ? 0.5f : 0.0f;
        for (std::int64_t r = 0; r < c.rows; ++r) { sum += dz.m.row(r)[n]; }
        want_b.push_back(sum);
      }
      test::with_each_isa([&] {
        Block dw(c.inputs, c.outputs, 0.5f), db(1, c.outputs, 0.5f);
        cpu::dense_backward_weights(x.m, dz.m, accumulate, dw.m, db.m);
        CHECK_SAME_BITS(dw.values(), want_w);
        CHECK_SAME_BITS(db.values(), want_b);
        CHECK((dw.guarded() && db.guarded()));
      });
    }
  }
}

TEST_CASE("dense weight gradients do not depend on the tiles of a lane", "[dense]") {
  Case const c{101, 21, 35};
  Block const x = Block::of(c.rows, c.inputs, seed("dense x", c));
  Block const dz = Block::of(c.rows, c.outputs, seed("dense dz", c));
  Block whole(c.inputs, c.outputs), whole_b(1, c.outputs);
  cpu::dense_backward_weights(x.m, dz.m, false, whole.m, whole_b.m);
  Block tiled(c.inputs, c.outputs), tiled_b(1, c.outputs);
  for (std::int64_t first : {0, 1, 43, 44}) {
    std::int64_t const last = first == 0 ? 1 : first == 1 ? 43 : first == 43 ? 44 : c.rows;
    cpu::dense_backward_weights({x.m.row(first), last - first, c.inputs, x.m.ld},
                                {dz.m.row(first), last - first, c.outputs, dz.m.ld}, first > 0,
                                tiled.m, tiled_b.m);
  }
  CHECK_SAME_BITS(tiled.values(), whole.values());
  CHECK_SAME_BITS(tiled_b.values(), whole_b.values());
}

TEST_CASE("dense backward through the activation multiplies with the slope", "[dense]") {
  Block const slope = Block::of(9, 19, seed_of("slope"));
  test::with_each_isa([&] {
    Block dy = Block::of(9, 19, seed_of("dy"));
    std::vector<float> want = dy.values();
    auto const s = slope.values();
    for (std::size_t i = 0; i < want.size(); ++i) { want[i] *= s[i]; }
    cpu::dense_backward_activation(slope.m, dy.m);
    CHECK_SAME_BITS(dy.values(), want);
    CHECK(dy.padding_is_zero());
  });
}

TEST_CASE("dense backward in one sweep has the bits of its parts", "[dense]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const slope = Block::of(c.rows, c.outputs, seed("dense slope", c));
    Block const dy = Block::of(c.rows, c.outputs, seed("dense dz", c));
    Block const x = Block::of(c.rows, c.inputs, seed("dense x", c));
    Block const w = Block::of(c.inputs, c.outputs, seed("dense w", c));
    std::vector<float> packed(
        static_cast<std::size_t>(cpu::dense_packed_size(c.outputs, c.inputs)));
    cpu::dense_pack_transposed(w.m, packed.data());
    test::with_each_isa([&] {
      // What is asked for: slope, dx, dw and db, and whether they are added to.
      for (int const ask : {0, 1, 2, 3, 4, 5, 6, 7, 15, 23, 31}) {
        bool const sloped = ask % 2 == 1, data = ask / 2 % 2 == 1, weights = ask / 4 % 2 == 1;
        bool const accumulate = ask / 8 % 2 == 1, add = ask / 16 % 2 == 1;
        CAPTURE(ask);
        Block dz = dy, dx(c.rows, c.inputs, 0.5f), dw(c.inputs, c.outputs, 0.5f);
        Block db(1, c.outputs, 0.5f);
        Block want_z = dz, want_x = dx, want_w = dw, want_b = db;
        for (Block* b : {&dz, &dx, &dw, &db, &want_z, &want_x, &want_w, &want_b}) {
          b->m.data = b->data.data();
        }
        cpu::DenseBackward b;
        b.slope = sloped ? slope.m : Mat{};
        b.dz = dz.m;
        b.x = x.m;
        b.packed_transposed = packed.data();
        b.accumulate = accumulate;
        b.dx = data ? dx.m : Mat{};
        b.add_gradients = add;
        b.dw = weights ? dw.m : Mat{};
        b.db = weights ? db.m : Mat{};
        if (ask % 3 == 1) { b.ahead.add(packed.data(), static_cast<std::int64_t>(packed.size())); }
        cpu::dense_backward(b);
        if (sloped) { cpu::dense_backward_activation(slope.m, want_z.m); }
        if (data) { cpu::dense_backward_data(want_z.m, packed.data(), accumulate, want_x.m); }
        if (weights) { cpu::dense_backward_weights(x.m, want_z.m, add, want_w.m, want_b.m); }
        CHECK_SAME_BITS(dz.data, want_z.data);
        CHECK_SAME_BITS(dx.data, want_x.data);
        CHECK_SAME_BITS(dw.data, want_w.data);
        CHECK_SAME_BITS(db.data, want_b.data);
      }
    });
  }
}

TEST_CASE("dense launchers refuse shapes that do not fit", "[dense]") {
  Block const x = Block::of(4, 5, 1), y = Block::of(3, 6, 2);
  std::vector<float> packed(1000);
  CHECK_THROWS_AS(cpu::dense_forward(x.m, packed.data(), packed.data(), Activation::none, y.m, {}),
                  ShapeError);
  CHECK_THROWS_AS(cpu::dense_backward_weights(x.m, y.m, false, y.m, y.m), ShapeError);
  Mat const tight{packed.data(), 4, 5, 5};
  CHECK_THROWS_AS(cpu::dense_backward_data(x.m, packed.data(), false, tight), ShapeError);
  cpu::DenseBackward sweep;
  sweep.dz = x.m;
  sweep.slope = y.m;
  CHECK_THROWS_AS(cpu::dense_backward(sweep), ShapeError);
  sweep.slope = {};
  sweep.dx = tight;
  CHECK_THROWS_AS(cpu::dense_backward(sweep), ShapeError);
}

#if JETCAL_HAS_ONEDNN
TEST_CASE("dense layers through oneDNN agree with ours", "[dense][onednn]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Block const x = Block::of(c.rows, c.inputs, seed("dense x", c));
    Block const w = Block::of(c.inputs, c.outputs, seed("dense w", c));
    Block const b = Block::of(1, c.outputs, seed("dense b", c));
    Block const dz = Block::of(c.rows, c.outputs, seed("dense dz", c));
    auto const size = static_cast<std::size_t>(cpu::dense_packed_size(c.inputs, c.outputs) +
                                               cpu::dense_packed_size(c.outputs, c.inputs));
    std::vector<float> ours(size), theirs(size);
    Block y(c.rows, c.outputs), y2(c.rows, c.outputs), s(c.rows, c.outputs), s2(c.rows, c.outputs);
    cpu::dense_pack(w.m, ours.data());
    onednn::dense_pack(w.m, theirs.data());
    cpu::dense_forward(x.m, ours.data(), b.m.data, Activation::mish, y.m, s.m);
    onednn::dense_forward(x.m, theirs.data(), b.m.data, Activation::mish, y2.m, s2.m);
    // Sums of terms of at most 1: length * eps; Mish's slope is at most 1.1.
    test::Tolerance const forward{0, 2.0 * static_cast<double>(c.inputs + 1) * kEps};
    CHECK_CLOSE(y2.values(), y.values(), forward);
    CHECK_CLOSE(s2.values(), s.values(), forward);
    cpu::dense_pack_transposed(w.m, ours.data());
    onednn::dense_pack_transposed(w.m, theirs.data());
    Block dx(c.rows, c.inputs, 0.5f), dx2(c.rows, c.inputs, 0.5f);
    cpu::dense_backward_data(dz.m, ours.data(), true, dx.m);
    onednn::dense_backward_data(dz.m, theirs.data(), true, dx2.m);
    CHECK_CLOSE(dx2.values(), dx.values(),
                (test::Tolerance{0, 2.0 * static_cast<double>(c.outputs + 1) * kEps}));
    Block dw(c.inputs, c.outputs, 0.5f), dw2(c.inputs, c.outputs, 0.5f);
    Block db(1, c.outputs, 0.5f), db2(1, c.outputs, 0.5f);
    cpu::dense_backward_weights(x.m, dz.m, true, dw.m, db.m);
    onednn::dense_backward_weights(x.m, dz.m, true, dw2.m, db2.m);
    CHECK_CLOSE(dw2.values(), dw.values(),
                (test::Tolerance{0, 2.0 * static_cast<double>(c.rows + 1) * kEps}));
    CHECK_SAME_BITS(db2.values(), db.values());
    CHECK((y2.guarded() && dx2.guarded() && dw2.guarded() && db2.guarded()));
  }
}
#endif

}  // namespace
}  // namespace jetcal
