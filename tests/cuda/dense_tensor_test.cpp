#include "kernels/dense_tensor.cuh"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/cuda/stored_matrix.hpp"
#include "tests/emulator/emulator.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

struct Case {
  std::int64_t rows, inputs, outputs;
};

// Around the tiles (128 x 128 and 64 x 64), the stages (16 and 32 of the depth; 32 and 64 rows),
// the pieces of 16 bytes, the warps, and the paper's widths.
constexpr Case kCases[] = {{0, 5, 3},      {1, 1, 1},      {2, 3, 2},      {7, 8, 9},
                           {15, 16, 17},   {33, 31, 63},   {63, 32, 64},   {64, 33, 65},
                           {65, 47, 12},   {127, 15, 127}, {128, 48, 128}, {129, 64, 13},
                           {130, 65, 129}, {31, 210, 3},   {257, 21, 7},   {40, 3, 210},
                           {19, 250, 66},  {3, 1024, 5},   {2, 9, 1024}};

double number(float x) { return static_cast<double>(x); }

/// Sums of products in double, and of their magnitudes: a [rows, depth] b [depth, cols].
struct Products {
  Products(ConstMat a, ConstMat b) {
    for (std::int64_t r = 0; r < a.rows; ++r) {
      for (std::int64_t c = 0; c < b.cols; ++c) {
        double sum = 0, size = 0;
        for (std::int64_t k = 0; k < a.cols; ++k) {
          double const term = number(a.row(r)[k]) * number(b.row(k)[c]);
          sum += term;
          size += std::abs(term);
        }
        sums.push_back(sum);
        sizes.push_back(size);
      }
    }
  }
  std::vector<double> sums, sizes;
};

HostMatrix transposed(HostMatrix const& m) {
  ConstMat const from = m.view();
  HostMatrix to(from.cols, from.rows);
  for (std::int64_t r = 0; r < from.rows; ++r) {
    for (std::int64_t c = 0; c < from.cols; ++c) { to.view().row(c)[r] = from.row(r)[c]; }
  }
  return to;
}

/// A chain of k float32 additions, each of which may cut off instead of rounding.
double chain(std::int64_t k) { return static_cast<double>(k + 2) * kEps; }

/// got is of T, within one rounding to T of want, and `slack` times what was summed up before.
template <class T>
void check_rounded(std::vector<float> const& got, std::vector<double> const& want,
                   std::vector<double> const& sizes, double slack) {
  std::vector<double> allowed;
  for (std::size_t i = 0; i < want.size(); ++i) {
    allowed.push_back(kRounding<T> * std::abs(want[i]) + (1 + kRounding<T>)*slack * sizes[i]);
  }
  CHECK_CLOSE(got, want, (Tolerance{1, 2e-36}), allowed);  // Mish ends there
  CHECK(std::all_of(got.begin(), got.end(), [](float v) { return rounded<T>(v) == v; }));
}

double mish_ref(double x) { return x * std::tanh(std::log1p(std::exp(x))); }
double slope_ref(double x) {
  double const t = std::tanh(std::log1p(std::exp(x)));
  return t + x * (1 - t * t) / (1 + std::exp(-x));
}

/// Of x t and of the two terms of the slope (kernels/mish_approximate.cuh).
constexpr double kMishAccuracy = 0x1p-17;

/// A layer of T on the device, from whole or from random numbers.
template <class T>
struct Layer {
  explicit Layer(Case const& c, bool whole = false)
      : x(make(c.rows, c.inputs, "x", whole)),
        w(make(c.inputs, c.outputs, "w", whole)),
        bias(whole ? HostMatrix::whole(1, c.outputs, "bias")
                   : HostMatrix::random(1, c.outputs, "bias")),
        on_x(x),
        on_w(w),
        on_transposed(transposed(w)),
        on_bias(bias) {}

  static HostMatrix make(std::int64_t rows, std::int64_t cols, std::string_view name, bool whole) {
    return whole ? HostMatrix::whole(rows, cols, name)
                 : rounded<T>(HostMatrix::random(rows, cols, name, 2));
  }

  HostMatrix x, w, bias;
  StoredMatrix<T> on_x, on_w, on_transposed;
  DeviceMatrix on_bias;
};

TEMPLATE_TEST_CASE("cuda tensor dense forward is the rounded product at every size",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Layer<TestType> const layer(c);
    Products z(layer.x.view(), layer.w.view());
    for (std::size_t i = 0; i < z.sums.size(); ++i) {
      double const b = number(layer.bias.view().data[i % static_cast<std::size_t>(c.outputs)]);
      z.sums[i] += b;
      z.sizes[i] += std::abs(b);
    }
    for (bool const mish : {false, true}) {
      CAPTURE(mish);
      StoredMatrix<TestType> y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
      cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                          layer.on_bias.view().data, mish ? Activation::mish : Activation::none,
                          y.view(), mish ? slope.view() : MatOf<TestType>{});
      CHECK((y.well_kept() && slope.well_kept()));
      if (!mish) {
        check_rounded<TestType>(y.values(), z.sums, z.sizes, chain(c.inputs));
        continue;
      }
      // Mish's slope is below 1.1, its slope's below 0.7; both are computed to 1e-6.
      std::vector<double> want, want_slope, sizes;
      for (std::size_t i = 0; i < z.sums.size(); ++i) {
        want.push_back(mish_ref(z.sums[i]));
        want_slope.push_back(slope_ref(z.sums[i]));
        sizes.push_back(z.sizes[i] + 1e-6 / chain(c.inputs));
      }
      check_rounded<TestType>(y.values(), want, sizes, 1.1 * chain(c.inputs));
      check_rounded<TestType>(slope.values(), want_slope, sizes, chain(c.inputs));
    }
  }
}

/// What a layer with Mish makes of x [rows, depth] w [depth, cols] + bias, sums that are exact in
/// float32 before the bias is added.
template <class T>
void check_mish(HostMatrix const& x, HostMatrix const& w, HostMatrix const& bias) {
  std::int64_t const rows = x.view().rows, cols = w.view().cols;
  Products const z(x.view(), w.view());
  std::vector<double> want, sizes, want_slope, slope_sizes;
  for (std::size_t i = 0; i < z.sums.size(); ++i) {
    float const b = bias.view().data[i % static_cast<std::size_t>(cols)];
    double const v = number(static_cast<float>(z.sums[i]) + b);
    double const t = std::tanh(std::log1p(std::exp(v)));
    want.push_back(mish_ref(v));
    sizes.push_back(std::abs(want.back()));
    want_slope.push_back(slope_ref(v));
    slope_sizes.push_back(t + std::abs(want_slope.back() - t));
  }
  StoredMatrix<T> const on_x(x), on_transposed(transposed(w));
  DeviceMatrix const on_bias(bias);
  for (int const approximate : {1, 2, 0}) {  // off by the most there is on a card, then exact
    CAPTURE(approximate);
    emulator_client::set("APPROXIMATE", approximate);
    StoredMatrix<T> y(rows, cols, kGuard), slope(rows, cols, kGuard);
    cuda::dense_forward(stream(), on_x.view(), on_transposed.view(), on_bias.view().data,
                        Activation::mish, y.view(), slope.view());
    check_rounded<T>(y.values(), want, sizes, kMishAccuracy);
    check_rounded<T>(slope.values(), want_slope, slope_sizes, kMishAccuracy);
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense's Mish is accurate for every normal bf16 number",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  std::vector<float> powers, fractions;
  for (int exponent = -126; exponent <= 127; ++exponent) {
    powers.push_back(std::ldexp(1.0f, exponent));
    powers.push_back(-powers.back());
  }
  for (int i = 128; i < 256; ++i) { fractions.push_back(static_cast<float>(i) / 128); }
  check_mish<TestType>(HostMatrix::of(std::ssize(powers), 1, powers),
                       HostMatrix::of(1, 128, fractions), HostMatrix(1, 128));
}

TEMPLATE_TEST_CASE("cuda tensor dense's Mish is accurate for dense float32 numbers",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  constexpr std::int64_t kColumns = 40;
  std::vector<float> parts;  // whole numbers and quarters, so that the sums are exact
  for (int quarters = -4 * 100; quarters < 4 * 100; ++quarters) {
    float const whole = std::floor(static_cast<float>(quarters) / 4);
    parts.insert(parts.end(), {whole, static_cast<float>(quarters) / 4 - whole});
  }
  check_mish<TestType>(HostMatrix::of(std::ssize(parts) / 2, 2, parts), HostMatrix(2, kColumns, 1),
                       HostMatrix::of(1, kColumns, uniform(kColumns, 0, 0.25, seed_of("bias"))));
}

TEMPLATE_TEST_CASE("cuda tensor dense without a slope gives the same activation",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  Layer<TestType> const layer({37, 21, 19});
  StoredMatrix<TestType> with(37, 19, kGuard), without(37, 19, kGuard), slope(37, 19, kGuard);
  for (auto* const y : {&with, &without}) {
    cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                        layer.on_bias.view().data, Activation::mish, y->view(),
                        y == &with ? slope.view() : MatOf<TestType>{});
  }
  CHECK_SAME_BITS(without.values(), with.values());
}

TEMPLATE_TEST_CASE("cuda tensor products of whole numbers are exact before they are rounded",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (Case const& c : {Case{130, 67, 69}, Case{5, 300, 2}, Case{64, 28, 140}}) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Layer<TestType> const layer(c, true);
    Products const z(layer.x.view(), layer.w.view());
    std::vector<float> want;
    for (std::size_t i = 0; i < z.sums.size(); ++i) {
      float const b = layer.bias.view().data[i % static_cast<std::size_t>(c.outputs)];
      want.push_back(rounded<TestType>(static_cast<float>(z.sums[i]) + b));
    }
    StoredMatrix<TestType> y(c.rows, c.outputs, kGuard);
    cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                        layer.on_bias.view().data, Activation::none, y.view(), {});
    CHECK_CLOSE(y.values(), want, (Tolerance{0, 0}));
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense backward to the inputs is the rounded product",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (Case const& c : kCases) {
    Layer<TestType> const layer(c);
    HostMatrix const dz = rounded<TestType>(HostMatrix::random(c.rows, c.outputs, "cotangent"));
    HostMatrix const slope = rounded<TestType>(HostMatrix::random(c.rows, c.inputs, "slope"));
    StoredMatrix<TestType> const on_dz(dz), on_slope(slope);
    Products const product(dz.view(), transposed(layer.w).view());
    for (int which = 0; which < 4; ++which) {
      bool const accumulate = which % 2 != 0, with_slope = which / 2 != 0;
      CAPTURE(c.rows, c.inputs, c.outputs, accumulate, with_slope);
      StoredMatrix<TestType> dx(c.rows, c.inputs, 0.5f);
      cuda::dense_backward_data<TestType>(
          stream(), on_dz.view(), layer.on_w.view(),
          {dx.view(), accumulate, with_slope ? on_slope.view() : ConstMatOf<TestType>{}});
      std::vector<double> want = product.sums, sizes = product.sizes;
      std::vector<float> const factors = slope.values();
      for (std::size_t i = 0; i < want.size(); ++i) {
        double const factor = with_slope ? number(factors[i]) : 1;
        want[i] = factor * (want[i] + (accumulate ? 0.5 : 0));
        sizes[i] = std::abs(factor) * (sizes[i] + (accumulate ? 0.5 : 0));
      }
      check_rounded<TestType>(dx.values(), want, sizes, chain(c.outputs + 1));
      CHECK(dx.well_kept());
    }
  }
}

/// Gradients of weights and bias in lane arenas: the bias follows the weights.
class WeightGradients {
 public:
  WeightGradients(Case const& c, std::int64_t lanes, float fill)
      : c_(c), stride_((c.inputs + 1) * padded(c.outputs)) {
    for (std::int64_t const n : {std::int64_t{1}, lanes - 1}) {
      arenas_.emplace_back(context(), n * stride_ + kBand);
      std::vector<float> all(static_cast<std::size_t>(n * stride_), fill);
      all.resize(all.size() + kBand, kGuard);
      arenas_.back().upload(all);
    }
  }

  template <class T>
  void compute(ConstMatOf<T> x, ConstMatOf<T> dz, Lanes const& lanes, bool accumulate) {
    std::int64_t const ld = padded(c_.outputs);
    float* const first = arenas_[0].data();
    cuda::dense_backward_weights(stream(), x, dz, lanes, {first, arenas_[1].data(), stride_},
                                 accumulate, {first, c_.inputs, c_.outputs, ld},
                                 {first + c_.inputs * ld, 1, c_.outputs, ld});
  }

  /// [inputs + 1, outputs], the last row is the bias's; without what pads the rows.
  std::vector<float> of_lane(std::int64_t lane) const {
    std::vector<float> const all = arenas_[lane == 0 ? 0 : 1].download();
    std::vector<float> values;
    for (std::int64_t r = 0; r <= c_.inputs; ++r) {
      auto const at =
          all.begin() + std::max<std::int64_t>(0, lane - 1) * stride_ + r * padded(c_.outputs);
      values.insert(values.end(), at, at + c_.outputs);
    }
    return values;
  }

  bool well_kept() const {
    for (Buffer const& arena : arenas_) {
      if (!guard_untouched(arena.download(), static_cast<std::size_t>(arena.size() - kBand))) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::int64_t kBand = 64;
  Case c_;
  std::int64_t stride_;
  std::vector<Buffer> arenas_;
};

/// Of one lane, as WeightGradients has it: x with a column of ones, transposed, times dz.
Products weight_products(HostMatrix const& x, HostMatrix const& dz, std::int64_t begin,
                         std::int64_t end) {
  std::int64_t const inputs = x.view().cols, outputs = dz.view().cols;
  HostMatrix a(inputs + 1, end - begin), b(end - begin, outputs);
  for (std::int64_t r = begin; r < end; ++r) {
    for (std::int64_t i = 0; i <= inputs; ++i) {
      a.view().row(i)[r - begin] = i < inputs ? x.view().row(r)[i] : 1;
    }
    std::copy_n(dz.view().row(r), outputs, b.view().row(r - begin));
  }
  return {a.view(), b.view()};
}

TEMPLATE_TEST_CASE("cuda tensor dense backward to the weights is the product, lane by lane",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (Case const& c : kCases) {
    HostMatrix const x = rounded<TestType>(HostMatrix::random(c.rows, c.inputs, "x"));
    HostMatrix const dz = rounded<TestType>(HostMatrix::random(c.rows, c.outputs, "cotangent"));
    StoredMatrix<TestType> const on_x(x), on_dz(dz);
    Lanes const lanes(c.rows, 2);
    for (bool const accumulate : {false, true}) {
      WeightGradients found(c, lanes.count, 0.5f);
      found.compute<TestType>(on_x.view(), on_dz.view(), lanes, accumulate);
      CHECK(found.well_kept());
      for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
        CAPTURE(c.rows, c.inputs, c.outputs, accumulate, lane);
        Products want = weight_products(x, dz, lanes.begin(lane), lanes.begin(lane + 1));
        for (std::size_t i = 0; accumulate && i < want.sums.size(); ++i) {
          want.sums[i] += 0.5;
          want.sizes[i] += 0.5;
        }
        CHECK_CLOSE(found.of_lane(lane), want.sums, (Tolerance{chain(c.rows + 4), 1e-37}),
                    want.sizes);
      }
    }
  }
}

TEMPLATE_TEST_CASE("cuda tensor weight gradients of whole numbers are exact",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  // Lanes of 325 rows: several stages, the last one short.
  Case const c{650, 67, 70};
  HostMatrix const x = HostMatrix::whole(c.rows, c.inputs, "x");
  HostMatrix const dz = HostMatrix::whole(c.rows, c.outputs, "cotangent");
  StoredMatrix<TestType> const on_x(x), on_dz(dz);
  Lanes const lanes(c.rows, 2);
  REQUIRE(lanes.count == 2);
  WeightGradients found(c, lanes.count, -1);
  found.compute<TestType>(on_x.view(), on_dz.view(), lanes, true);
  for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
    CAPTURE(lane);
    Products want = weight_products(x, dz, lanes.begin(lane), lanes.begin(lane + 1));
    for (double& v : want.sums) { v -= 1; }
    CHECK_CLOSE(found.of_lane(lane), want.sums, (Tolerance{0, 0}));
  }
}

TEMPLATE_TEST_CASE("cuda rounds weights once and transposes them", "[cuda][dense][tensor]", Tf32,
                   Bf16) {
  for (Case const& c : kCases) {
    CAPTURE(c.inputs, c.outputs);
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "unrounded");
    DeviceMatrix const on_w(w);
    StoredMatrix<TestType> copy(c.inputs, c.outputs, kGuard), turned(c.outputs, c.inputs, kGuard);
    cuda::dense_prepare(stream(), on_w.view(), copy.view(), turned.view());
    CHECK_SAME_BITS(copy.values(), rounded<TestType>(w).values());
    CHECK_SAME_BITS(turned.values(), transposed(rounded<TestType>(w)).values());
    CHECK((copy.well_kept() && turned.well_kept()));
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense passes NaN and infinity on", "[cuda][dense][tensor]", Tf32,
                   Bf16) {
  Case const c{40, 33, 18};
  Layer<TestType> const good(c);
  HostMatrix x = good.x;
  x.view().row(3)[32] = std::nanf("");
  x.view().row(20)[0] = INFINITY;
  StoredMatrix<TestType> const on_x(x);
  StoredMatrix<TestType> y(c.rows, c.outputs, kGuard);
  cuda::dense_forward(stream(), on_x.view(), good.on_transposed.view(), good.on_bias.view().data,
                      Activation::none, y.view(), {});
  std::vector<float> const found = y.values();
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::size_t const row = i / 18;
    CAPTURE(i);
    CHECK(std::isnan(found[i]) == (row == 3));
    CHECK(std::isinf(found[i]) == (row == 20));
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense has the same bits in every order of warps and blocks",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  Case const c{300, 70, 140};
  Layer<TestType> const layer(c);
  StoredMatrix<TestType> const on_dz(HostMatrix::random(c.rows, c.outputs, "cotangent"));
  Lanes const lanes(c.rows, 2);
  std::vector<float> first;
  for (unsigned const seed : {1u, 2u, 3u}) {
    emulator_client::set("SEED", seed);
    StoredMatrix<TestType> y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
    StoredMatrix<TestType> dx(c.rows, c.inputs, kGuard);
    WeightGradients found(c, lanes.count, 0.5f);
    cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                        layer.on_bias.view().data, Activation::mish, y.view(), slope.view());
    cuda::dense_backward_data<TestType>(stream(), on_dz.view(), layer.on_w.view(),
                                        {dx.view(), false, {}});
    found.compute<TestType>(layer.on_x.view(), on_dz.view(), lanes, false);
    std::vector<float> all;
    for (auto const& part :
         {y.values(), slope.values(), dx.values(), found.of_lane(0), found.of_lane(1)}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    if (first.empty()) { first = all; }
    CHECK_SAME_BITS(all, first);
  }
  emulator_client::set("SEED", 1);
}

TEMPLATE_TEST_CASE("cuda tensor dense names shapes that do not fit and rows that are not aligned",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  StoredMatrix<TestType> x(4, 20, 1), w(8, 20, 1), y(4, 8, 0);
  DeviceMatrix const bias(1, 8, 0);
  auto const refused = [&](ConstMatOf<TestType> in, ConstMatOf<TestType> weight) {
    return error_text<ShapeError>([&] {
      cuda::dense_forward(stream(), in, weight, bias.view().data, Activation::none, y.view(),
                          MatOf<TestType>{});
    });
  };
  std::string text = refused(x.view(), {w.view().data, 8, 19, 32});
  CHECK(text.find("dense_forward: input is [4, 20] (must be [4, 19])") != std::string::npos);
  text = refused({x.view().data + 1, 4, 20, 32}, w.view());
  CHECK(text.find("must start on 16 bytes") != std::string::npos);
  text = refused({x.view().data, 4, 20, 22}, w.view());
  CHECK(text.find("must start on 16 bytes") != std::string::npos);
}

}  // namespace
}  // namespace jetcal::test
