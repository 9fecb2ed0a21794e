#include "kernels/annotation.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

struct Case {
  std::int64_t rows, features, gaussians;
};

constexpr Case kCases[] = {{0, 4, 3},   {1, 1, 0},    {1, 1, 1},   {2, 21, 11},   {3, 5, 15},
                           {15, 3, 16}, {16, 16, 17}, {17, 2, 33}, {300, 21, 11}, {5, 7, 256}};

AnnotationParams params_of(Case const& c, bool symmetric) {
  AnnotationParams p;
  p.feature = c.features / 2;
  p.symmetric = symmetric;
  p.scale = 0.7f;
  p.offset = -0.15f;
  p.centres = uniform(c.gaussians, 0, 2, seed_of("centres", c.gaussians));
  p.factors = uniform(c.gaussians, 0.1, 40, seed_of("factors", c.gaussians));
  return p;
}

HostMatrix features_of(Case const& c) {
  HostMatrix x = HostMatrix::random(c.rows, c.features, "x", 2);
  // The kink of |v|, and what is not finite.
  float const special[] = {-0.15f, std::nanf(""), INFINITY, -INFINITY, 0.0f, -0.0f, 1e-40f};
  for (std::int64_t r = 1; r < c.rows; r += 2) {
    x.view().row(r)[c.features / 2] = special[static_cast<std::size_t>(r / 2 % 7)];
  }
  return x;
}

TEST_CASE("cuda annotation has the CPU's bits, forward and backward", "[cuda][annotation]") {
  for (Case const& c : kCases) {
    for (bool const symmetric : {false, true}) {
      std::int64_t const cols = c.features + c.gaussians;
      AnnotationParams const params = params_of(c, symmetric);
      HostMatrix const x = features_of(c);
      HostMatrix y(c.rows, cols);
      cpu::annotation_forward(x.view(), params, y.view());
      DeviceMatrix const on_x(x);
      DeviceMatrix on_y(c.rows, cols, kGuard);
      cuda::annotation_forward(stream(), on_x.view(), params, on_y.view());
      CAPTURE(c.rows, c.features, c.gaussians, symmetric);
      CHECK_SAME_BITS(on_y.values(), y.values());
      CHECK(on_y.well_kept());
      HostMatrix const dy = HostMatrix::random(c.rows, cols, "cotangent");
      DeviceMatrix const on_dy(dy);
      for (bool const accumulate : {false, true}) {
        CAPTURE(accumulate);
        HostMatrix dx(c.rows, c.features, 0.5f);
        cpu::annotation_backward(x.view(), y.view(), dy.view(), params, accumulate, dx.view());
        DeviceMatrix on_dx(c.rows, c.features, 0.5f);
        cuda::annotation_backward<float>(stream(), on_x.view(), on_y.view(), on_dy.view(), params,
                                         accumulate, on_dx.view());
        CHECK_SAME_BITS(on_dx.values(), dx.values());
        CHECK(on_dx.well_kept());
      }
    }
  }
}

TEST_CASE("cuda annotation refuses what it cannot do", "[cuda][annotation]") {
  DeviceMatrix x(3, 4, 0), y(3, 6, 0);
  AnnotationParams params = params_of({3, 4, 2}, true);
  auto const refused = [&] { cuda::annotation_forward(stream(), x.view(), params, y.view()); };
  params.feature = 4;
  CHECK_THROWS_AS(refused(), ShapeError);
  params.feature = 0;
  params.factors.pop_back();
  CHECK_THROWS_AS(refused(), ShapeError);
  params = params_of({3, 4, 2}, true);
  params.scale = 0;
  CHECK_THROWS_AS(refused(), ConfigError);
  params = params_of({3, 4, 257}, true);
  std::string const text = error_text<ConfigError>(refused);
  CHECK(text.find("257 Gaussians (at most 256") != std::string::npos);
}

}  // namespace
}  // namespace jetcal::test
