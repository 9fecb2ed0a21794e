#include "kernels/annotation.hpp"

#include <cmath>

#include "kernels/targets.hpp"
#include "kernels/views.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/annotation.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/annotation.math.hpp"
#include "kernels/row-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

void forward(ConstMat x, AnnotationParams const& p, Mat y) {
  auto const n = static_cast<std::int64_t>(p.centres.size());
  for (std::int64_t r = 0; r < x.rows; ++r) {
    float const* const in = x.row(r);
    float* const out = y.row(r);
    for (std::int64_t c = 0; c < x.cols; c += kLanes) {
      store_first(load_first(in + c, x.cols - c), out + c, x.cols - c);
    }
    Vec const v(physical(in[p.feature], p.scale, p.offset, p.symmetric));
    for (std::int64_t i = 0; i < n; i += kLanes) {
      Vec const centre = load_first(p.centres.data() + i, n - i);
      Vec const factor = load_first(p.factors.data() + i, n - i);
      store_first(gaussian(v, centre, factor), out + x.cols + i, n - i);
    }
    cpu::clear_padding(y, r);
  }
}

void backward(ConstMat x, ConstMat y, ConstMat dy, AnnotationParams const& p, bool accumulate,
              Mat dx) {
  auto const n = static_cast<std::int64_t>(p.centres.size());
  for (std::int64_t r = 0; r < x.rows; ++r) {
    float const* const g = y.row(r) + x.cols;
    float const* const dg = dy.row(r) + x.cols;
    float const xf = x.row(r)[p.feature];
    Vec const v(physical(xf, p.scale, p.offset, p.symmetric));
    Strands dv(0.0f);
    for (std::int64_t c = 0; c < n; c += kStrands) {
      for (std::int64_t j = 0; j < kStrandVectors; ++j) {
        std::int64_t const i = c + j * kLanes;
        if (i >= n) { break; }
        Vec const centre = load_first(p.centres.data() + i, n - i);
        Vec const factor = load_first(p.factors.data() + i, n - i);
        Vec const slope = gaussian_slope(v, centre, factor, load_first(g + i, n - i));
        dv.strand[j] = fma(load_first(dg + i, n - i), slope, dv.strand[j]);
      }
    }
    for (std::int64_t c = 0; c < x.cols; c += kLanes) {
      put(load_first(dy.row(r) + c, x.cols - c), dx.row(r) + c, x.cols - c, accumulate);
    }
    float& out = dx.row(r)[p.feature];
    out += dv.sum() * physical_slope(xf, p.scale, p.offset, p.symmetric);
    cpu::clear_padding(dx, r);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {
namespace {

void require_params(char const* where, ConstMat x, AnnotationParams const& p) {
  JETCAL_REQUIRE(p.feature >= 0 && p.feature < x.cols, ShapeError,
                 where << ": feature " << p.feature << " is annotated but the input has " << x.cols
                       << " columns (must be 0 to " << x.cols - 1 << ")");
  JETCAL_REQUIRE(p.factors.size() == p.centres.size(), ShapeError,
                 where << ": there are " << p.centres.size() << " centres but " << p.factors.size()
                       << " factors (must be as many)");
  JETCAL_REQUIRE(std::isfinite(p.scale) && p.scale != 0, ConfigError,
                 where << ": the scale of feature " << p.feature << " is " << p.scale
                       << " (must be finite and not 0)");
}

}  // namespace

void annotation_forward(ConstMat x, AnnotationParams const& params, Mat y) {
  char const* const where = "annotation_forward";
  require_params(where, x, params);
  require_view(where, "input", x, x.rows, x.cols);
  require_view(where, "output", y, x.rows,
               x.cols + static_cast<std::int64_t>(params.centres.size()));
  JETCAL_DISPATCH(forward, x, params, y);
}

void annotation_backward(ConstMat x, ConstMat y, ConstMat dy, AnnotationParams const& params,
                         bool accumulate, Mat dx) {
  char const* const where = "annotation_backward";
  std::int64_t const cols = x.cols + static_cast<std::int64_t>(params.centres.size());
  require_params(where, x, params);
  require_view(where, "input", x, x.rows, x.cols);
  require_view(where, "output", y, x.rows, cols);
  require_view(where, "gradient of the output", dy, x.rows, cols);
  require_view(where, "gradient of the input", dx, x.rows, x.cols);
  JETCAL_DISPATCH(backward, x, y, dy, params, accumulate, dx);
}

}  // namespace jetcal::cpu
#endif
