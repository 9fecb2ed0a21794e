// The ops between the products on matrices of tf32 and bf16: what their fp32 twin computes from the
// same numbers, rounded once.
#include "kernels/annotation.cuh"
#include "kernels/dense.cuh"
#include "kernels/head.cuh"
#include "kernels/softmax_gate.cuh"
#include "tests/catch.hpp"
#include "tests/cuda/stored_matrix.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

/// The same numbers, which T holds exactly, stored as float and as T.
template <class T>
struct Twins {
  explicit Twins(HostMatrix const& m) : plain(rounded<T>(m)), stored(m) {}
  Twins(std::int64_t rows, std::int64_t cols, std::string_view name, double size = 1)
      : Twins(HostMatrix::random(rows, cols, name, size)) {}
  Twins(std::int64_t rows, std::int64_t cols, float fill) : Twins(HostMatrix(rows, cols, fill)) {}

  void check() const {
    CHECK_SAME_BITS(stored.values(), rounded_all<T>(plain.values()));
    CHECK(stored.well_kept());
  }

  DeviceMatrix plain;
  StoredMatrix<T> stored;
};

TEMPLATE_TEST_CASE("cuda rounds what it stores, ties and special numbers too", "[cuda][storage]",
                   Tf32, Bf16) {
  // Through the annotation without Gaussians, which copies. Ties of tf32 and of bf16 up and down,
  // the largest number that is not rounded to infinity, denormals.
  std::vector<float> const numbers{1.0f,       -0.0f,      0x1.002p+0f, 0x1.006p+0f, -0x1.002p+0f,
                                   0x1.01p+0f, 0x1.03p+0f, 0x1.fdp+0f,  0x1.ffep+5f, 0x1.0fp-140f,
                                   1e-41f,     INFINITY,   -INFINITY,   0x1.fcp+127f};
  auto const n = static_cast<std::int64_t>(numbers.size());
  DeviceMatrix const x(HostMatrix::of(1, n, numbers));
  StoredMatrix<TestType> y(1, n, kGuard);
  cuda::annotation_forward(stream(), x.view(), {}, y.view());
  std::vector<float> want = numbers;
  for (float& v : want) { v = std::isinf(v) ? v : rounded<TestType>(v); }
  CHECK_SAME_BITS(y.values(), want);
  CHECK(y.well_kept());
}

TEMPLATE_TEST_CASE("cuda annotation stores what its fp32 twin computes",
                   "[cuda][annotation][storage]", Tf32, Bf16) {
  for (std::int64_t const rows : {0, 1, 17, 300}) {
    AnnotationParams p;
    p.feature = 2;
    p.scale = 0.7f;
    p.centres = uniform(11, 0, 2, seed_of("centres"));
    p.factors = uniform(11, 0.1, 40, seed_of("factors"));
    CAPTURE(rows);
    DeviceMatrix const x(HostMatrix::random(rows, 21, "x", 2));
    Twins<TestType> y(rows, 32, kGuard);
    cuda::annotation_forward(stream(), x.view(), p, y.plain.view());
    cuda::annotation_forward(stream(), x.view(), p, y.stored.view());
    y.check();
    Twins<TestType> const value(rows, 32, "y"), dy(rows, 32, "dy");
    DeviceMatrix from_plain(rows, 21, 0.5f), from_stored(rows, 21, 0.5f);
    cuda::annotation_backward<float>(stream(), x.view(), value.plain.view(), dy.plain.view(), p,
                                     true, from_plain.view());
    cuda::annotation_backward<TestType>(stream(), x.view(), value.stored.view(), dy.stored.view(),
                                        p, true, from_stored.view());
    CHECK_SAME_BITS(from_stored.values(), from_plain.values());
    CHECK(from_stored.well_kept());
  }
}

TEMPLATE_TEST_CASE("cuda softmax gate stores what its fp32 twin computes",
                   "[cuda][softmax][storage]", Tf32, Bf16) {
  struct {
    std::int64_t rows, width;
  } const kCases[] = {{0, 3}, {1, 1}, {3, 15}, {2, 17}, {33, 250}, {4, 1024}};
  for (auto const& c : kCases) {
    CAPTURE(c.rows, c.width);
    Twins<TestType> const logits(c.rows, c.width, "logits", 30), h(c.rows, c.width, "h", 4);
    Twins<TestType> gate(c.rows, c.width, kGuard), y(c.rows, c.width, kGuard);
    cuda::softmax_gate_forward<float>(stream(), logits.plain.view(), h.plain.view(), 2.5f,
                                      gate.plain.view(), y.plain.view());
    cuda::softmax_gate_forward<TestType>(stream(), logits.stored.view(), h.stored.view(), 2.5f,
                                         gate.stored.view(), y.stored.view());
    gate.check();
    y.check();
    Twins<TestType> const dy(c.rows, c.width, "dy"), kept(c.rows, c.width, "gate", 2);
    Twins<TestType> const slope(c.rows, c.width, "slope");
    for (int which = 0; which < 4; ++which) {
      bool const accumulate = which % 2 != 0, with_slope = which / 2 != 0;
      CAPTURE(accumulate, with_slope);
      Twins<TestType> dlogits(c.rows, c.width, 0.5f), dh(c.rows, c.width, 0.5f);
      ConstMat const plain_slope = with_slope ? slope.plain.view() : ConstMat{};
      ConstMatOf<TestType> const stored_slope =
          with_slope ? slope.stored.view() : ConstMatOf<TestType>{};
      cuda::softmax_gate_backward<float>(stream(), dy.plain.view(), h.plain.view(),
                                         kept.plain.view(), 2.5f,
                                         {dlogits.plain.view(), accumulate, plain_slope},
                                         {dh.plain.view(), !accumulate, plain_slope});
      cuda::softmax_gate_backward<TestType>(stream(), dy.stored.view(), h.stored.view(),
                                            kept.stored.view(), 2.5f,
                                            {dlogits.stored.view(), accumulate, stored_slope},
                                            {dh.stored.view(), !accumulate, stored_slope});
      dlogits.check();
      dh.check();
    }
  }
}

TEMPLATE_TEST_CASE("cuda head stores what its fp32 twin computes", "[cuda][head][storage]", Tf32,
                   Bf16) {
  for (std::int64_t const rows : {0, 1, 127, 129}) {
    for (int const outputs : {2, 3}) {
      CAPTURE(rows, outputs);
      Twins<TestType> const x(rows, 21, "x");
      DeviceMatrix const w(HostMatrix::random(21, outputs, "w")), bias(1, outputs, 0.1f);
      DeviceMatrix plain(rows, outputs, kGuard), stored(rows, outputs, kGuard);
      cuda::head_forward<float>(stream(), x.plain.view(), w.view(), bias.view().data, plain.view());
      cuda::head_forward<TestType>(stream(), x.stored.view(), w.view(), bias.view().data,
                                   stored.view());
      CHECK_SAME_BITS(stored.values(), plain.values());

      LossParams params;
      params.outputs = outputs;
      auto const n = static_cast<std::size_t>(rows);
      DeviceArray targets(std::vector<float>(n, 1.1f)), weights(std::vector<float>(n, 2.0f));
      DeviceArray scale({0.3f}), loss(std::vector<float>(n, 0)), kept(std::vector<float>(n, 0));
      cuda::HeadRows const numbers{targets.data(), 1,           weights.data(),
                                   scale.data(),   loss.data(), kept.data()};
      Twins<TestType> da(rows, outputs, kGuard);
      cuda::head_loss<float>(stream(), x.plain.view(), w.view(), bias.view().data, numbers, params,
                             plain.view(), da.plain.view());
      std::vector<float> const losses = loss.values();
      cuda::head_loss<TestType>(stream(), x.stored.view(), w.view(), bias.view().data, numbers,
                                params, stored.view(), da.stored.view());
      CHECK_SAME_BITS(loss.values(), losses);
      CHECK_SAME_BITS(stored.values(), plain.values());
      da.check();
    }
  }
}

TEMPLATE_TEST_CASE("cuda multiplies a stored gradient with a stored slope",
                   "[cuda][dense][storage]", Tf32, Bf16) {
  for (std::int64_t const cols : {1, 3, 4, 210}) {
    CAPTURE(cols);
    Twins<TestType> const slope(9, cols, "slope");
    Twins<TestType> dy(9, cols, "dy");
    cuda::dense_backward_activation<float>(stream(), slope.plain.view(), dy.plain.view());
    cuda::dense_backward_activation<TestType>(stream(), slope.stored.view(), dy.stored.view());
    dy.check();
  }
}

}  // namespace
}  // namespace jetcal::test
