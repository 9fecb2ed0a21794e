#include "kernels/annotation.cuh"

#include <algorithm>
#include <cmath>

#include "kernels/annotation.math.hpp"
#include "kernels/launch.cuh"
#include "kernels/storage.cuh"
#include "kernels/strands.cuh"
#include "kernels/views.hpp"

namespace jetcal::cuda {
namespace {

/// AnnotationParams without pointers to the host's memory.
struct Gaussians {
  std::int64_t feature, count;
  float scale, offset;
  bool symmetric;
  float centres[kMostGaussians], factors[kMostGaussians];
};

template <class T>
__global__ void forward_kernel(ConstMat x, __grid_constant__ Gaussians const p, MatOf<T> y) {
  for (auto i = first_index(); i < y.rows * y.cols; i += index_stride()) {
    std::int64_t const r = i / y.cols, c = i % y.cols;
    float const* const in = x.data + r * x.ld;
    T* const out = y.data + r * y.ld + c;
    if (c < x.cols) {
      *out = narrowed<T>(in[c]);
    } else {
      float const v = math::physical(in[p.feature], p.scale, p.offset, p.symmetric);
      *out = narrowed<T>(math::gaussian(v, p.centres[c - x.cols], p.factors[c - x.cols]));
    }
  }
}

// Half a warp owns a row and its 16 threads are the strands of the sum over the Gaussians.
template <class T>
__global__ void backward_kernel(ConstMat x, ConstMatOf<T> y, ConstMatOf<T> dy,
                                __grid_constant__ Gaussians const p, bool accumulate, Mat dx) {
  for (auto r = half_warp_index(); r < even_rows(x.rows); r += half_warp_stride()) {
    bool const inside = r < x.rows;
    float const xf = inside ? x.data[r * x.ld + p.feature] : 0.0f;
    T const* const g = y.data + r * y.ld + x.cols;
    T const* const dg = dy.data + r * dy.ld + x.cols;
    float const v = math::physical(xf, p.scale, p.offset, p.symmetric);
    float dv = 0;
    for (std::int64_t i = strand_index(); inside && i < p.count; i += kStrands) {
      float const slope = math::gaussian_slope(v, p.centres[i], p.factors[i], widened(g[i]));
      dv = math::fma(widened(dg[i]), slope, dv);
    }
    dv = sum_of_strands(dv);
    for (std::int64_t c = strand_index(); inside && c < x.cols; c += kStrands) {
      float const d = widened(dy.data[r * dy.ld + c]);
      float* const out = dx.data + r * dx.ld + c;
      float const sum = accumulate ? *out + d : d;
      float const through = dv * math::physical_slope(xf, p.scale, p.offset, p.symmetric);
      *out = c == p.feature ? sum + through : sum;
    }
  }
}

Gaussians checked(char const* where, ConstMat x, AnnotationParams const& p) {
  auto const count = static_cast<std::int64_t>(p.centres.size());
  JETCAL_REQUIRE(p.feature >= 0 && p.feature < x.cols, ShapeError,
                 where << ": feature " << p.feature << " is annotated but the input has " << x.cols
                       << " columns (must be 0 to " << x.cols - 1 << ")");
  JETCAL_REQUIRE(p.factors.size() == p.centres.size(), ShapeError,
                 where << ": there are " << count << " centres but " << p.factors.size()
                       << " factors (must be as many)");
  JETCAL_REQUIRE(std::isfinite(p.scale) && p.scale != 0, ConfigError,
                 where << ": the scale of feature " << p.feature << " is " << p.scale
                       << " (must be finite and not 0)");
  JETCAL_REQUIRE(count <= kMostGaussians, ConfigError,
                 where << ": there are " << count << " Gaussians (at most " << kMostGaussians
                       << " on a CUDA device). Use fewer, or --device cpu");
  Gaussians g{p.feature, count, p.scale, p.offset, p.symmetric, {}, {}};
  std::copy(p.centres.begin(), p.centres.end(), g.centres);
  std::copy(p.factors.begin(), p.factors.end(), g.factors);
  return g;
}

}  // namespace

template <class T>
void annotation_forward(cudaStream_t stream, ConstMat x, AnnotationParams const& params,
                        MatOf<T> y) {
  char const* const where = "annotation_forward";
  Gaussians const gaussians = checked(where, x, params);
  require_view(where, "input", x, x.rows, x.cols);
  require_view(where, "output", y, x.rows, x.cols + gaussians.count);
  launch({where, x.rows, x.cols, y.cols}, forward_kernel<T>, grid_of(y.rows * y.cols), stream, x,
         gaussians, y);
}

template <class T>
void annotation_backward(cudaStream_t stream, ConstMat x, ConstMatOf<T> y, ConstMatOf<T> dy,
                         AnnotationParams const& params, bool accumulate, Mat dx) {
  char const* const where = "annotation_backward";
  Gaussians const gaussians = checked(where, x, params);
  std::int64_t const cols = x.cols + gaussians.count;
  require_view(where, "input", x, x.rows, x.cols);
  require_view(where, "output", y, x.rows, cols);
  require_view(where, "gradient of the output", dy, x.rows, cols);
  require_view(where, "gradient of the input", dx, x.rows, x.cols);
  launch({where, x.rows, cols, x.cols}, backward_kernel<T>,
         grid_of((x.rows + 1) / 2 * 2 * kStrands), stream, x, y, dy, gaussians, accumulate, dx);
}

template void annotation_forward(cudaStream_t, ConstMat, AnnotationParams const&, Mat);
template void annotation_forward(cudaStream_t, ConstMat, AnnotationParams const&, MatOf<Tf32>);
template void annotation_forward(cudaStream_t, ConstMat, AnnotationParams const&, MatOf<Bf16>);
template void annotation_backward(cudaStream_t, ConstMat, ConstMat, ConstMat,
                                  AnnotationParams const&, bool, Mat);
template void annotation_backward(cudaStream_t, ConstMat, ConstMatOf<Tf32>, ConstMatOf<Tf32>,
                                  AnnotationParams const&, bool, Mat);
template void annotation_backward(cudaStream_t, ConstMat, ConstMatOf<Bf16>, ConstMatOf<Bf16>,
                                  AnnotationParams const&, bool, Mat);

}  // namespace jetcal::cuda
