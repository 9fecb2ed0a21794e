#include "kernels/dense_tensor.cuh"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/cuda/dense_reference.hpp"
#include "tests/emulator/emulator.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

// Around the tiles (128 x 128 and 64 x 64), the stages (16 and 32 of the depth; 32 and 64 rows),
// the pieces of 16 bytes, the warps, and the paper's widths.
constexpr DenseShape kCases[] = {{0, 5, 3},      {1, 1, 1},      {2, 3, 2},      {7, 8, 9},
                                 {15, 16, 17},   {33, 31, 63},   {63, 32, 64},   {64, 33, 65},
                                 {65, 47, 12},   {127, 15, 127}, {128, 48, 128}, {129, 64, 13},
                                 {130, 65, 129}, {31, 210, 3},   {257, 21, 7},   {40, 3, 210},
                                 {19, 250, 66},  {3, 1024, 5},   {2, 9, 1024}};

/// got is within one rounding to T of the sums, which are chains of `terms` additions.
template <class T>
void check_sums(std::vector<float> const& got, Products const& want, std::int64_t terms) {
  std::vector<double> errors = want.sizes;
  for (double& v : errors) { v *= chain(terms); }
  check_rounded<T>(got, want.sums, errors);
}

TEMPLATE_TEST_CASE("cuda tensor dense forward is the rounded product at every size",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (DenseShape const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Layer<TestType> const layer(c);
    Products z(layer.x.view(), layer.w.view());
    z.add_row(layer.bias.view());
    for (bool const mish : {false, true}) {
      CAPTURE(mish);
      StoredMatrix<TestType> y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
      cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                          layer.on_bias.view().data, mish ? Activation::mish : Activation::none,
                          y.view(), mish ? slope.view() : MatOf<TestType>{});
      CHECK((y.well_kept() && slope.well_kept()));
      if (!mish) {
        check_sums<TestType>(y.values(), z, c.inputs);
        continue;
      }
      std::vector<double> errors = z.sizes;
      for (double& v : errors) { v *= chain(c.inputs); }
      check_mish<TestType>(y.values(), slope.values(), z.sums, errors);
    }
  }
}

/// What a layer with Mish makes of x [rows, depth] w [depth, cols] + bias, sums that are exact in
/// float32 before the bias is added.
template <class T>
void check_layer(HostMatrix const& x, HostMatrix const& w, HostMatrix const& bias) {
  std::int64_t const rows = x.view().rows, cols = w.view().cols;
  std::vector<double> z = Products(x.view(), w.view()).sums;
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = number(static_cast<float>(z[i]) + bias.view().data[i % static_cast<std::size_t>(cols)]);
  }
  StoredMatrix<T> const on_x(x), on_transposed(transposed(w));
  DeviceMatrix const on_bias(bias);
  for (int const approximate : {1, 2, 0}) {  // off by the most there is on a card, then exact
    CAPTURE(approximate);
    emulator_client::set("APPROXIMATE", approximate);
    StoredMatrix<T> y(rows, cols, kGuard), slope(rows, cols, kGuard);
    cuda::dense_forward(stream(), on_x.view(), on_transposed.view(), on_bias.view().data,
                        Activation::mish, y.view(), slope.view());
    check_mish<T>(y.values(), slope.values(), z, std::vector<double>(z.size(), 0.0));
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
  check_layer<TestType>(HostMatrix::of(std::ssize(powers), 1, powers),
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
  check_layer<TestType>(HostMatrix::of(std::ssize(parts) / 2, 2, parts), HostMatrix(2, kColumns, 1),
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
  for (DenseShape const& c : {DenseShape{130, 67, 69}, {5, 300, 2}, {64, 28, 140}}) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Layer<TestType> const layer(c, true);
    Products z(layer.x.view(), layer.w.view());
    z.add_row(layer.bias.view());
    std::vector<float> want;
    for (double const sum : z.sums) { want.push_back(rounded<TestType>(static_cast<float>(sum))); }
    StoredMatrix<TestType> y(c.rows, c.outputs, kGuard);
    cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                        layer.on_bias.view().data, Activation::none, y.view(), {});
    CHECK_CLOSE(y.values(), want, (Tolerance{0, 0}));
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense backward to the inputs is the rounded product",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (DenseShape const& c : kCases) {
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
      Products want = product;
      if (accumulate) { want.add(0.5); }
      if (with_slope) { want.multiply(slope.values()); }
      check_sums<TestType>(dx.values(), want, c.outputs + 1);
      CHECK(dx.well_kept());
    }
  }
}

template <class T>
void compute(LaneGradients& found, ConstMatOf<T> x, ConstMatOf<T> dz, Lanes const& lanes,
             bool accumulate) {
  cuda::dense_backward_weights(stream(), x, dz, lanes, found.arenas(), accumulate, found.weights(),
                               found.bias());
}

TEMPLATE_TEST_CASE("cuda tensor dense backward to the weights is the product, lane by lane",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  for (DenseShape const& c : kCases) {
    HostMatrix const x = rounded<TestType>(HostMatrix::random(c.rows, c.inputs, "x"));
    HostMatrix const dz = rounded<TestType>(HostMatrix::random(c.rows, c.outputs, "cotangent"));
    StoredMatrix<TestType> const on_x(x), on_dz(dz);
    Lanes const lanes(c.rows, 2);
    for (bool const accumulate : {false, true}) {
      LaneGradients found(c, lanes.count, 0.5f);
      compute<TestType>(found, on_x.view(), on_dz.view(), lanes, accumulate);
      CHECK(found.well_kept());
      for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
        CAPTURE(c.rows, c.inputs, c.outputs, accumulate, lane);
        Products want = weight_products(x, dz, lanes.begin(lane), lanes.begin(lane + 1));
        if (accumulate) { want.add(0.5); }
        CHECK_CLOSE(found.of_lane(lane), want.sums, (Tolerance{chain(c.rows + 4), 1e-37}),
                    want.sizes);
      }
    }
  }
}

TEMPLATE_TEST_CASE("cuda tensor weight gradients of whole numbers are exact",
                   "[cuda][dense][tensor]", Tf32, Bf16) {
  // Lanes of 325 rows: several stages, the last one short.
  DenseShape const c{650, 67, 70};
  HostMatrix const x = HostMatrix::whole(c.rows, c.inputs, "x");
  HostMatrix const dz = HostMatrix::whole(c.rows, c.outputs, "cotangent");
  StoredMatrix<TestType> const on_x(x), on_dz(dz);
  Lanes const lanes(c.rows, 2);
  REQUIRE(lanes.count == 2);
  LaneGradients found(c, lanes.count, -1);
  compute<TestType>(found, on_x.view(), on_dz.view(), lanes, true);
  for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
    CAPTURE(lane);
    Products want = weight_products(x, dz, lanes.begin(lane), lanes.begin(lane + 1));
    want.add(-1);
    CHECK_CLOSE(found.of_lane(lane), want.sums, (Tolerance{0, 0}));
  }
}

TEMPLATE_TEST_CASE("cuda rounds weights once and transposes them", "[cuda][dense][tensor]", Tf32,
                   Bf16) {
  for (DenseShape const& c : kCases) {
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
  DenseShape const c{40, 33, 18};
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
  DenseShape const c{300, 70, 140};
  Layer<TestType> const layer(c);
  StoredMatrix<TestType> const on_dz(HostMatrix::random(c.rows, c.outputs, "cotangent"));
  Lanes const lanes(c.rows, 2);
  std::vector<float> first;
  for (unsigned const seed : {1u, 2u, 3u}) {
    emulator_client::set("SEED", seed);
    StoredMatrix<TestType> y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
    StoredMatrix<TestType> dx(c.rows, c.inputs, kGuard);
    LaneGradients found(c, lanes.count, 0.5f);
    cuda::dense_forward(stream(), layer.on_x.view(), layer.on_transposed.view(),
                        layer.on_bias.view().data, Activation::mish, y.view(), slope.view());
    cuda::dense_backward_data<TestType>(stream(), on_dz.view(), layer.on_w.view(),
                                        {dx.view(), false, {}});
    compute<TestType>(found, layer.on_x.view(), on_dz.view(), lanes, false);
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
