#include "kernels/dense_cublas.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/emulator/emulator.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

struct Case {
  std::int64_t rows, inputs, outputs;
};

// Odd sizes, none a multiple of anything; lanes of equal rows (128, 256) and of others; the paper's
// widths.
constexpr Case kCases[] = {{1, 1, 1},    {2, 3, 2},    {17, 15, 7},   {33, 32, 31}, {65, 65, 65},
                           {127, 33, 3}, {128, 12, 5}, {129, 4, 20},  {256, 9, 70}, {257, 48, 9},
                           {43, 210, 2}, {3, 13, 210}, {301, 5, 250}, {0, 4, 6}};

cuda::Cublas& cublas() {
  static cuda::Cublas library(context());
  return library;
}

/// Sums of products in double, and the sums of their magnitudes.
struct Sums {
  std::vector<double> value, size;

  /// term(i, j, k) for i < rows, j < cols, k < depth; begins with first(i, j).
  template <class Term, class First>
  Sums(std::int64_t rows, std::int64_t cols, std::int64_t depth, Term term, First first) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        double sum = first(i, j), magnitude = std::abs(sum);
        for (std::int64_t k = 0; k < depth; ++k) {
          sum += term(i, j, k);
          magnitude += std::abs(term(i, j, k));
        }
        value.push_back(sum);
        size.push_back(magnitude);
      }
    }
  }
};

double at(HostMatrix const& m, std::int64_t row, std::int64_t col) {
  return static_cast<double>(m.view().row(row)[col]);
}

/// A sum of `terms` products in any order, each of them and each addition rounded once.
Tolerance any_order(std::int64_t terms) {
  return {static_cast<double>(terms + 1) * kEps / 2, 1e-37};
}

double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }
double mish_slope(double x) {
  double const t = std::tanh(std::log1p(std::exp(x)));
  return t + x * (1 - t * t) / (1 + std::exp(-x));
}

TEST_CASE("cuBLAS dense forward is the layer's equation", "[cuda][cublas]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    HostMatrix const x = HostMatrix::random(c.rows, c.inputs, "x", 2);
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "w");
    HostMatrix const bias = HostMatrix::random(1, c.outputs, "bias");
    Sums const z(
        c.rows, c.outputs, c.inputs,
        [&](auto i, auto j, auto k) { return at(x, i, k) * at(w, k, j); },
        [&](auto, auto j) { return at(bias, 0, j); });
    DeviceMatrix const dx(x), dw(w), db(bias);
    for (bool const activated : {false, true}) {
      CAPTURE(activated);
      DeviceMatrix y(c.rows, c.outputs, kGuard), slope(c.rows, c.outputs, kGuard);
      cuda::dense_forward(cublas(), dx.view(), dw.view(), db.view().data,
                          activated ? Activation::mish : Activation::none, y.view(),
                          activated ? slope.view() : Mat{});
      CHECK((y.well_kept() && slope.well_kept()));
      Tolerance const sum = any_order(c.inputs + 1);
      if (!activated) {
        CHECK_CLOSE(y.values(), z.value, sum, z.size);
        continue;
      }
      // |mish'| <= 1.1, |mish''| <= 0.7 carry the sum's error on; 4 ulp of the functions' own.
      std::vector<double> want_y, want_slope, size = z.size;
      for (std::size_t i = 0; i < z.value.size(); ++i) {
        want_y.push_back(mish(z.value[i]));
        want_slope.push_back(mish_slope(z.value[i]));
        size[i] += 1;
      }
      Tolerance const carried{1.1 * sum.rel + 8 * kEps, sum.abs};
      CHECK_CLOSE(y.values(), want_y, carried, size);
      CHECK_CLOSE(slope.values(), want_slope, carried, size);
    }
  }
}

TEST_CASE("cuBLAS dense backward to the inputs is the equation, and adds", "[cuda][cublas]") {
  for (Case const& c : kCases) {
    HostMatrix const w = HostMatrix::random(c.inputs, c.outputs, "w");
    HostMatrix const dz = HostMatrix::random(c.rows, c.outputs, "cotangent");
    DeviceMatrix const dw(w), ddz(dz);
    for (bool const accumulate : {false, true}) {
      CAPTURE(c.rows, c.inputs, c.outputs, accumulate);
      Sums const want(
          c.rows, c.inputs, c.outputs,
          [&](auto i, auto j, auto k) { return at(dz, i, k) * at(w, j, k); },
          [&](auto, auto) { return accumulate ? 0.5 : 0.0; });
      DeviceMatrix dx(c.rows, c.inputs, accumulate ? 0.5f : std::nanf(""));
      cuda::dense_backward_data(cublas(), ddz.view(), dw.view(), accumulate, dx.view());
      CHECK_CLOSE(dx.values(), want.value, any_order(c.outputs + 1), want.size);
      CHECK(dx.well_kept());
    }
  }
}

/// Gradients of weights and bias in lane arenas, the bias behind the weights.
class LaneGradients {
 public:
  LaneGradients(Case const& c, std::int64_t lanes, float fill)
      : c_(c),
        weights_(c.inputs * padded(c.outputs)),
        stride_(weights_ + padded(c.outputs)),
        first_(std::vector<float>(static_cast<std::size_t>(stride_), fill)),
        others_(std::vector<float>(static_cast<std::size_t>((lanes - 1) * stride_), fill)) {}

  cuda::LaneArenas arenas() { return {first_.data(), others_.data(), stride_}; }
  Mat weights() { return {first_.data(), c_.inputs, c_.outputs, padded(c_.outputs)}; }
  Mat bias() { return {first_.data() + weights_, 1, c_.outputs, padded(c_.outputs)}; }

  std::vector<float> weights_of(std::int64_t lane) const { return of(lane, 0, c_.inputs); }
  std::vector<float> bias_of(std::int64_t lane) const { return of(lane, weights_, 1); }
  bool well_kept() const { return first_.well_kept() && others_.well_kept(); }

 private:
  std::vector<float> of(std::int64_t lane, std::int64_t offset, std::int64_t rows) const {
    std::vector<float> const all = lane == 0 ? first_.values() : others_.values();
    auto begin = all.begin() + std::max<std::int64_t>(0, lane - 1) * stride_ + offset;
    std::vector<float> list;
    for (std::int64_t r = 0; r < rows; ++r, begin += padded(c_.outputs)) {
      list.insert(list.end(), begin, begin + c_.outputs);
    }
    return list;
  }

  Case c_;
  std::int64_t weights_, stride_;
  DeviceArray first_, others_;
};

TEST_CASE("cuBLAS dense backward to the weights is the equation, lane by lane", "[cuda][cublas]") {
  for (Case const& c : kCases) {
    HostMatrix const x = HostMatrix::random(c.rows, c.inputs, "x");
    HostMatrix const dz = HostMatrix::random(c.rows, c.outputs, "cotangent");
    DeviceMatrix const on_x(x), on_dz(dz);
    for (bool const accumulate : {false, true}) {
      Lanes const lanes(c.rows, 4);
      CAPTURE(c.rows, c.inputs, c.outputs, lanes.count, accumulate);
      LaneGradients found(c, lanes.count, accumulate ? 0.5f : std::nanf(""));
      cuda::dense_backward_weights(cublas(), on_x.view(), on_dz.view(), lanes, found.arenas(),
                                   accumulate, found.weights(), found.bias());
      for (std::int64_t lane = 0; lane < lanes.count; ++lane) {
        CAPTURE(lane);
        std::int64_t const begin = lanes.begin(lane), rows = lanes.begin(lane + 1) - begin;
        auto const start = [&](auto, auto) { return accumulate ? 0.5 : 0.0; };
        Sums const dw(
            c.inputs, c.outputs, rows,
            [&](auto i, auto j, auto k) { return at(x, begin + k, i) * at(dz, begin + k, j); },
            start);
        Sums const db(
            1, c.outputs, rows, [&](auto, auto j, auto k) { return at(dz, begin + k, j); }, start);
        CHECK_CLOSE(found.weights_of(lane), dw.value, any_order(rows + 1), dw.size);
        CHECK_CLOSE(found.bias_of(lane), db.value, any_order(rows + 1), db.size);
      }
      CHECK(found.well_kept());
    }
  }
}

TEST_CASE("cuBLAS products give the same bits when they run again", "[cuda][cublas]") {
  Case const c{150, 40, 70};
  DeviceMatrix const x(HostMatrix::random(c.rows, c.inputs, "x"));
  DeviceMatrix const w(HostMatrix::random(c.inputs, c.outputs, "w"));
  DeviceMatrix const dz(HostMatrix::random(c.rows, c.outputs, "cotangent"));
  std::vector<float> first_y, first_dw, first_db;
  for (int run = 0; run < 3; ++run) {
    DeviceMatrix y(c.rows, c.outputs, kGuard);
    Lanes const lanes(c.rows, 2);
    LaneGradients g(c, lanes.count, 0);
    cuda::dense_forward(cublas(), x.view(), w.view(), w.view().data, Activation::mish, y.view(),
                        {});
    cuda::dense_backward_weights(cublas(), x.view(), dz.view(), lanes, g.arenas(), false,
                                 g.weights(), g.bias());
    if (run == 0) {
      first_y = y.values();
      first_dw = g.weights_of(1);
      first_db = g.bias_of(1);
    }
    CHECK_SAME_BITS(y.values(), first_y);
    CHECK_SAME_BITS(g.weights_of(1), first_dw);
    CHECK_SAME_BITS(g.bias_of(1), first_db);
  }
}

TEST_CASE("cuBLAS products can be captured into a graph", "[cuda][cublas]") {
  Case const c{37, 19, 23};
  DeviceMatrix const x(HostMatrix::random(c.rows, c.inputs, "x"));
  DeviceMatrix const w(HostMatrix::random(c.inputs, c.outputs, "w"));
  DeviceMatrix y(c.rows, c.outputs, kGuard);
  cuda::dense_forward(cublas(), x.view(), w.view(), w.view().data, Activation::mish, y.view(), {});
  std::vector<float> const want = y.values();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  cuda::dense_forward(cublas(), x.view(), w.view(), w.view().data, Activation::mish, y.view(), {});
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
  auto const text = [&](cuda::Factor a, cuda::Factor b, Mat out) {
    return error_text<ShapeError>([&] { cublas().multiply(a, b, false, out); });
  };
  CHECK(has(text({x.view()}, {w.view()}, y.view()), "factors are [4, 20] and [19, 8]"));
  CHECK(has(text({x.view()}, {w.view(), true}, y.view()), "result is [4, 8] (must be [4, 19])"));
}

}  // namespace
}  // namespace jetcal::test
