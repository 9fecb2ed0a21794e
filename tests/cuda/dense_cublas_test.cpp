#include "kernels/dense_cublas.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/dense_reference.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

// Odd sizes, none a multiple of anything; lanes of equal rows (128, 256) and of others; the paper's
// widths.
constexpr DenseShape kCases[] = {{1, 1, 1},     {2, 3, 2},    {17, 15, 7},  {33, 32, 31},
                                 {65, 65, 65},  {127, 33, 3}, {128, 12, 5}, {129, 4, 20},
                                 {256, 9, 70},  {257, 48, 9}, {43, 210, 2}, {3, 13, 210},
                                 {301, 5, 250}, {0, 4, 6}};

cuda::Cublas& cublas() {
  static cuda::Cublas library(context());
  return library;
}

/// The roundings to bf16 between cuBLAS's product and what our kernels do with it.
template <class T>
constexpr double kBetween = std::is_same_v<T, Bf16> ? kRounding<Bf16> : 0;

/// What is wrong with a product's sums in T.
template <class T>
std::vector<double> errors_of(Products const& product, std::int64_t terms) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < product.sums.size(); ++i) {
    errors.push_back(kBetween<T> * std::abs(product.sums[i]) +
                     (1 + kBetween<T>)*chain(terms) * product.sizes[i]);
  }
  return errors;
}

TEMPLATE_TEST_CASE("cuBLAS dense forward is the layer's equation", "[cuda][cublas]", float, Tf32,
                   Bf16) {
  using T = TestType;
  for (DenseShape const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Layer<T> const layer(c);
    Products z(layer.x.view(), layer.w.view());
    std::vector<double> errors = errors_of<T>(z, c.inputs);
    z.add_row(layer.bias.view());
    for (std::size_t i = 0; i < errors.size(); ++i) { errors[i] += kEps * z.sizes[i]; }
    for (bool const activated : {false, true}) {
      CAPTURE(activated);
      StoredMatrix<T> y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
      cuda::dense_forward<T>(cublas(), layer.on_x.view(), layer.on_w.view(),
                             layer.on_bias.view().data,
                             activated ? Activation::mish : Activation::none, y.view(),
                             activated ? slope.view() : MatOf<T>{});
      CHECK((y.well_kept() && slope.well_kept()));
      if (activated) {
        check_mish<T>(y.values(), slope.values(), z.sums, errors);
      } else {
        check_rounded<T>(y.values(), z.sums, errors);
      }
    }
  }
}

TEMPLATE_TEST_CASE("cuBLAS dense backward to the inputs is the equation, adds, and takes the slope",
                   "[cuda][cublas]", float, Tf32, Bf16) {
  using T = TestType;
  for (DenseShape const& c : kCases) {
    HostMatrix const w = rounded<T>(HostMatrix::random(c.inputs, c.outputs, "w"));
    HostMatrix const dz = rounded<T>(HostMatrix::random(c.rows, c.outputs, "cotangent"));
    HostMatrix const slope = rounded<T>(HostMatrix::random(c.rows, c.inputs, "slope"));
    StoredMatrix<T> const on_w(w), on_dz(dz), on_slope(slope);
    Products const product(dz.view(), transposed(w).view());
    for (int which = 0; which < 4; ++which) {
      bool const accumulate = which % 2 != 0, sloped = which / 2 != 0;
      CAPTURE(c.rows, c.inputs, c.outputs, accumulate, sloped);
      Products want = product;
      if (accumulate) { want.add(0.5); }
      if (sloped) { want.multiply(slope.values()); }
      StoredMatrix<T> dx(HostMatrix(c.rows, c.inputs, accumulate ? 0.5f : kGuard), padded(c.inputs),
                         kOutputPadding);
      cuda::dense_backward_data<T>(
          cublas(), on_dz.view(), on_w.view(),
          {dx.view(), accumulate, sloped ? on_slope.view() : ConstMatOf<T>{}});
      check_rounded<T>(dx.values(), want.sums, errors_of<T>(want, c.outputs + 1));
      CHECK(dx.well_kept());
    }
  }
}

TEMPLATE_TEST_CASE("cuBLAS dense backward to the weights is the equation, lane by lane",
                   "[cuda][cublas]", float, Tf32, Bf16) {
  using T = TestType;
  for (DenseShape const& c : kCases) {
    HostMatrix const x = rounded<T>(HostMatrix::random(c.rows, c.inputs, "x"));
    HostMatrix const dz = rounded<T>(HostMatrix::random(c.rows, c.outputs, "cotangent"));
    StoredMatrix<T> const on_x(x), on_dz(dz);
    for (bool const accumulate : {false, true}) {
      Lanes const lanes(c.rows, 4);
      LaneGradients found(c, lanes.count, accumulate ? 0.5f : std::nanf(""));
      cuda::dense_backward_weights<T>(cublas(), on_x.view(), on_dz.view(), lanes, found.arenas(),
                                      accumulate, found.weights(), found.bias());
      for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
        CAPTURE(c.rows, c.inputs, c.outputs, lanes.count, accumulate, lane);
        Products want = weight_products(x, dz, lanes.begin(lane), lanes.begin(lane + 1));
        if (accumulate) { want.add(0.5); }
        // In float32, whatever T is.
        CHECK_CLOSE(found.of_lane(lane), want.sums, (Tolerance{chain(c.rows), 1e-37}), want.sizes);
      }
      CHECK(found.well_kept());
    }
  }
}

TEMPLATE_TEST_CASE("cuBLAS products give the same bits when they run again", "[cuda][cublas]",
                   float, Tf32, Bf16) {
  using T = TestType;
  DenseShape const c{150, 40, 70};
  Layer<T> const layer(c);
  StoredMatrix<T> const dz(HostMatrix::random(c.rows, c.outputs, "cotangent"));
  Lanes const lanes(c.rows, 2);
  std::vector<float> first;
  for (int run = 0; run < 3; ++run) {
    StoredMatrix<T> y(c.rows, c.outputs, kGuard), dx(c.rows, c.inputs, kGuard);
    LaneGradients gradients(c, lanes.count, 0);
    cuda::dense_forward<T>(cublas(), layer.on_x.view(), layer.on_w.view(),
                           layer.on_bias.view().data, Activation::mish, y.view(), {});
    cuda::dense_backward_data<T>(cublas(), dz.view(), layer.on_w.view(), {dx.view(), false, {}});
    cuda::dense_backward_weights<T>(cublas(), layer.on_x.view(), dz.view(), lanes,
                                    gradients.arenas(), false, gradients.weights(),
                                    gradients.bias());
    std::vector<float> all = y.values();
    for (auto const& part : {dx.values(), gradients.of_lane(0), gradients.of_lane(1)}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    if (first.empty()) { first = all; }
    CHECK_SAME_BITS(all, first);
  }
}

TEST_CASE("cuBLAS products can be captured into a graph", "[cuda][cublas]") {
  DenseShape const c{37, 19, 23};
  DeviceMatrix const x(HostMatrix::random(c.rows, c.inputs, "x"));
  DeviceMatrix const w(HostMatrix::random(c.inputs, c.outputs, "w"));
  DeviceMatrix y(c.rows, c.outputs, kGuard);
  auto const forward = [&] {
    cuda::dense_forward<float>(cublas(), x.view(), w.view(), w.view().data, Activation::mish,
                               y.view(), {});
  };
  forward();
  std::vector<float> const want = y.values();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  forward();
  REQUIRE(cudaStreamEndCapture(stream(), &graph) == cudaSuccess);
  REQUIRE(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
  // What is captured has not run; a launch computes with the numbers that are there then.
  y.fill(kGuard);
  CHECK_SAME_BITS(y.values(), std::vector<float>(want.size(), kGuard));
  for (int launch = 0; launch < 2; ++launch) {
    y.fill(kGuard);
    REQUIRE(cudaGraphLaunch(executable, stream()) == cudaSuccess);
    CHECK_SAME_BITS(y.values(), want);
  }
  CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
}

TEST_CASE("cuBLAS products refuse shapes that do not fit", "[cuda][cublas]") {
  DeviceMatrix x(4, 20, 1), w(19, 8, 1), y(4, 8, 0);
  auto const text = [&](cuda::Factor<float> a, cuda::Factor<float> b, Mat out) {
    return error_text<ShapeError>([&] { cublas().multiply(a, b, false, out); });
  };
  CHECK(has(text({x.view()}, {w.view()}, y.view()), "factors are [4, 20] and [19, 8]"));
  CHECK(has(text({x.view()}, {w.view(), true}, y.view()), "result is [4, 8] (must be [4, 19])"));
}

}  // namespace
}  // namespace jetcal::test
