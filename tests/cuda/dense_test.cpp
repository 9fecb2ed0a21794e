#include "tests/catch.hpp"
#include "tests/cuda/dense_reference.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

// Around the tiles (128 x 64 and 64 x 64, 16 deep), the fours and the warps, lanes that end within
// a tile, the paper's widths and the largest.
constexpr DenseShape kCases[] = {
    {0, 5, 3},     {1, 1, 1},     {2, 3, 2},    {15, 16, 4}, {16, 17, 5},   {17, 15, 7},
    {31, 31, 33},  {33, 32, 31},  {63, 2, 63},  {64, 5, 64}, {65, 65, 65},  {127, 33, 12},
    {128, 12, 66}, {129, 4, 20},  {257, 48, 9}, {135, 6, 9}, {43, 210, 14}, {3, 13, 210},
    {9, 250, 3},   {70, 63, 130}, {2, 1024, 5}, {3, 9, 1024}};

/// The CPU's dense_forward, with the packing it wants.
void cpu_forward(HostMatrix const& x, HostMatrix const& w, HostMatrix const& bias,
                 Activation activation, HostMatrix& y, HostMatrix& slope) {
  ConstMat const weight = w.view();
  std::vector<float> packed(
      static_cast<std::size_t>(cpu::dense_packed_size(weight.rows, weight.cols)));
  cpu::dense_pack(weight, packed.data());
  cpu::dense_forward(x.view(), packed.data(), bias.view().data, activation, y.view(), slope.view());
}

void check_forward(DenseShape const& c, Activation activation, HostMatrix const& x,
                   HostMatrix const& w, HostMatrix const& bias) {
  HostMatrix y(c.rows, c.outputs), slope(c.rows, c.outputs);
  cpu_forward(x, w, bias, activation, y, slope);
  DeviceMatrix const dx(x), dw(w), db(bias);
  DeviceMatrix dy(c.rows, c.outputs, kGuard), ds(c.rows, c.outputs, kGuard);
  bool const mish = activation == Activation::mish;
  cuda::dense_forward(stream(), dx.view(), dw.view(), db.view().data, activation, dy.view(),
                      mish ? ds.view() : Mat{});
  CHECK_SAME_BITS(dy.values(), y.values());
  if (mish) { CHECK_SAME_BITS(ds.values(), slope.values()); }
  CHECK((dy.well_kept() && ds.well_kept()));
}

TEST_CASE("cuda dense forward has the CPU's bits at every size", "[cuda][dense]") {
  for (DenseShape const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    HostMatrix const x = HostMatrix::random(c.rows, c.inputs, "x", 4);
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "w");
    HostMatrix const bias = HostMatrix::random(1, c.outputs, "bias");
    check_forward(c, Activation::mish, x, w, bias);
    check_forward(c, Activation::none, x, w, bias);
  }
}

TEST_CASE("cuda dense forward without a slope gives the same activation", "[cuda][dense]") {
  HostMatrix const x = HostMatrix::random(37, 21, "x"), w = HostMatrix::random(21, 19, "w");
  HostMatrix const bias = HostMatrix::random(1, 19, "bias");
  HostMatrix y(37, 19), slope(37, 19);
  cpu_forward(x, w, bias, Activation::mish, y, slope);
  DeviceMatrix const dx(x), dw(w), db(bias);
  DeviceMatrix dy(37, 19, kGuard);
  cuda::dense_forward(stream(), dx.view(), dw.view(), db.view().data, Activation::mish, dy.view(),
                      {});
  CHECK_SAME_BITS(dy.values(), y.values());
}

TEST_CASE("cuda products of whole numbers are exact", "[cuda][dense]") {
  DenseShape const c{130, 67, 69};
  HostMatrix const x = HostMatrix::whole(c.rows, c.inputs, "x");
  HostMatrix const w = HostMatrix::whole(c.inputs, c.outputs, "w");
  HostMatrix const bias = HostMatrix::whole(1, c.outputs, "bias");
  Products want(x.view(), w.view());
  want.add_row(bias.view());
  DeviceMatrix const dx(x), dw(w), db(bias);
  DeviceMatrix dy(c.rows, c.outputs, kGuard);
  cuda::dense_forward(stream(), dx.view(), dw.view(), db.view().data, Activation::none, dy.view(),
                      {});
  CHECK_CLOSE(dy.values(), want.sums, (Tolerance{0, 0}));
}

TEST_CASE("cuda chains end where their depth ends: a -0 stays -0", "[cuda][dense]") {
  // Every product underflows to -0; one step more with zeros would make +0 of it.
  for (std::int64_t depth : {1, 3, 4, 15, 16, 17, 30}) {
    CAPTURE(depth);
    HostMatrix const x(5, depth, 1e-30f), w(depth, 7, -1e-30f), bias(1, 7, -0.0f);
    check_forward({5, depth, 7}, Activation::none, x, w, bias);
    DeviceMatrix const dx(x), dw(w), db(bias);
    DeviceMatrix dy(5, 7, kGuard);
    cuda::dense_forward(stream(), dx.view(), dw.view(), db.view().data, Activation::none, dy.view(),
                        {});
    for (float const v : dy.values()) { CHECK((v == 0 && std::signbit(v))); }
  }
}

TEST_CASE("cuda dense forward passes NaN, infinity and denormals on", "[cuda][dense]") {
  HostMatrix x = HostMatrix::random(40, 33, "x"), w = HostMatrix::random(33, 18, "w");
  HostMatrix const bias = HostMatrix::random(1, 18, "bias");
  x.view().row(3)[32] = std::nanf("");
  x.view().row(20)[0] = INFINITY;
  x.view().row(39)[7] = 1e-41f;
  w.view().row(11)[17] = -INFINITY;
  w.view().row(12)[5] = 3e38f;
  check_forward({40, 33, 18}, Activation::mish, x, w, bias);
  check_forward({40, 33, 18}, Activation::none, x, w, bias);
}

TEST_CASE("cuda transposes have every element in its place", "[cuda][dense]") {
  for (DenseShape const& c : kCases) {
    CAPTURE(c.inputs, c.outputs);
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "w");
    DeviceMatrix const dw(w);
    DeviceMatrix dt(c.outputs, c.inputs, kGuard);
    cuda::dense_prepare<float>(stream(), dw.view(), {}, dt.view());
    CHECK_SAME_BITS(dt.values(), transposed(w).values());
    CHECK(dt.well_kept());
  }
}

TEST_CASE("cuda dense backward to the inputs has the CPU's bits", "[cuda][dense]") {
  for (DenseShape const& c : kCases) {
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "w");
    HostMatrix const dz = HostMatrix::random(c.rows, c.outputs, "cotangent");
    std::vector<float> packed(
        static_cast<std::size_t>(cpu::dense_packed_size(c.outputs, c.inputs)));
    cpu::dense_pack_transposed(w.view(), packed.data());
    DeviceMatrix const dw(w), ddz(dz);
    DeviceMatrix dt(c.outputs, c.inputs, kGuard);
    cuda::dense_prepare<float>(stream(), dw.view(), {}, dt.view());
    HostMatrix const slope = HostMatrix::random(c.rows, c.inputs, "slope");
    DeviceMatrix const on_slope(slope);
    for (int which = 0; which < 4; ++which) {
      bool const accumulate = which % 2 != 0, with_slope = which / 2 != 0;
      CAPTURE(c.rows, c.inputs, c.outputs, accumulate, with_slope);
      HostMatrix dx(c.rows, c.inputs, 0.5f);
      cpu::dense_backward_data(dz.view(), packed.data(), accumulate, dx.view());
      if (with_slope) { cpu::dense_backward_activation(slope.view(), dx.view()); }
      DeviceMatrix ddx(c.rows, c.inputs, 0.5f);
      cuda::dense_backward_data(
          stream(), ddz.view(), dt.view(),
          {ddx.view(), accumulate, with_slope ? on_slope.view() : ConstMat{}});
      CHECK_SAME_BITS(ddx.values(), dx.values());
      CHECK(ddx.well_kept());
    }
  }
}

TEST_CASE("cuda dense backward through the activation has the CPU's bits", "[cuda][dense]") {
  for (DenseShape const& c : kCases) {
    CAPTURE(c.rows, c.outputs);
    HostMatrix const slope = HostMatrix::random(c.rows, c.outputs, "slope");
    HostMatrix dy = HostMatrix::random(c.rows, c.outputs, "cotangent");
    DeviceMatrix const ds(slope);
    DeviceMatrix ddy(dy);
    cpu::dense_backward_activation(slope.view(), dy.view());
    cuda::dense_backward_activation<float>(stream(), ds.view(), ddy.view());
    CHECK_SAME_BITS(ddy.values(), dy.values());
    CHECK(ddy.well_kept());
  }
}

TEST_CASE("cuda dense backward to the weights has the CPU's bits, lane by lane", "[cuda][dense]") {
  for (DenseShape const& c : kCases) {
    HostMatrix const x = HostMatrix::random(c.rows, c.inputs, "x");
    HostMatrix const dz = HostMatrix::random(c.rows, c.outputs, "cotangent");
    DeviceMatrix const on_x(x), on_dz(dz);
    for (bool const accumulate : {false, true}) {
      Lanes const lanes(c.rows, 4);
      CAPTURE(c.rows, c.inputs, c.outputs, lanes.count, accumulate);
      LaneGradients found(c, lanes.count, 0.5f);
      cuda::dense_backward_weights(stream(), on_x.view(), on_dz.view(), lanes, found.arenas(),
                                   accumulate, found.weights(), found.bias());
      CHECK(found.well_kept());
      for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
        CAPTURE(lane);
        std::int64_t const begin = lanes.begin(lane), rows = lanes.begin(lane + 1) - begin;
        HostMatrix dw(c.inputs, c.outputs, 0.5f), db(1, c.outputs, 0.5f);
        cpu::dense_backward_weights({x.view().row(begin), rows, c.inputs, x.view().ld},
                                    {dz.view().row(begin), rows, c.outputs, dz.view().ld},
                                    accumulate, dw.view(), db.view());
        std::vector<float> want = dw.values();
        want.insert(want.end(), db.view().data, db.view().data + c.outputs);
        CHECK_SAME_BITS(found.of_lane(lane), want);
      }
    }
  }
}

TEST_CASE("cuda dense gives the same bits when it runs again", "[cuda][dense]") {
  HostMatrix const x = HostMatrix::random(140, 40, "x"), w = HostMatrix::random(40, 70, "w");
  DeviceMatrix const dx(x), dw(w), db(HostMatrix::random(1, 70, "bias"));
  std::vector<float> first;
  for (int run = 0; run < 3; ++run) {
    DeviceMatrix dy(140, 70, kGuard);
    cuda::dense_forward(stream(), dx.view(), dw.view(), db.view().data, Activation::mish, dy.view(),
                        {});
    if (run == 0) { first = dy.values(); }
    CHECK_SAME_BITS(dy.values(), first);
  }
}

TEST_CASE("cuda dense reads nothing behind its matrices", "[cuda][dense]") {
  // Rows without padding: the last element is the last of its allocation.
  std::int64_t const rows = 5, width = 16;
  auto const ones = [](std::int64_t n) {
    Buffer buffer(context(), n);
    buffer.upload(std::vector<float>(static_cast<std::size_t>(n), 1.0f));
    return buffer;
  };
  Buffer const x = ones(rows * width), w = ones(width * width), bias = ones(width);
  Buffer y = ones(rows * width);
  cuda::dense_forward(stream(), {x.data(), rows, width, width}, {w.data(), width, width, width},
                      bias.data(), Activation::none, {y.data(), rows, width, width}, {});
  CHECK(y.download() == std::vector<float>(static_cast<std::size_t>(rows * width), 17.0f));
}

TEST_CASE("cuda dense names shapes that do not fit and rows that are not aligned",
          "[cuda][dense]") {
  DeviceMatrix x(4, 20, 1), w(20, 8, 1), y(4, 8, 0);
  float const* const bias = w.view().data;
  auto const refused = [&](Mat in, Mat weight, Mat out) {
    return error_text<ShapeError>(
        [&] { cuda::dense_forward(stream(), in, weight, bias, Activation::none, out, {}); });
  };
  std::string text = refused(x.view(), {w.view().data, 19, 8, 16}, y.view());
  CHECK(text.find("dense_forward: input is [4, 20] (must be [4, 19])") != std::string::npos);
  text = refused({x.view().data + 1, 3, 20, 32}, w.view(), {y.view().data, 3, 8, 16});
  CHECK(text.find("must start on 16 bytes") != std::string::npos);
  text = refused({x.view().data, 3, 20, 21}, w.view(), {y.view().data, 3, 8, 16});
  CHECK(text.find("must start on 16 bytes") != std::string::npos);
}

}  // namespace
}  // namespace jetcal::test
