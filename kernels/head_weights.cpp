#include "kernels/head_weights.hpp"

#include <algorithm>

#include "kernels/targets.hpp"
#include "kernels/views.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head_weights.cpp"
#include <hwy/foreach_target.h>
// The target's own headers, read once per instruction set.
#include "kernels/product-inl.hpp"
#include "kernels/vocabulary-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {
namespace {

// Vectors of inputs side by side: with three outputs 24 of 32 registers of sums, or 12 of 16.
constexpr int kInputVectors = HWY_TARGET == HWY_AVX2 ? 4 : 8;
constexpr std::int64_t kInputs = kInputVectors * kLanes;

// The gradients of `inputs` <= V * kLanes inputs for N outputs.
template <int N, int V>
HWY_NOINLINE void weights_block(ConstMat x, ConstMat dz, std::int64_t first, bool accumulate,
                                Mat dw) {
  std::int64_t const inputs = std::min(V * kLanes, x.cols - first);
  float sums[N][V * kLanes] = {};
  if (accumulate) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (int n = 0; n < N; ++n) { sums[n][i] = dw.row(first + i)[n]; }
    }
  }
  Vec acc[N][V];
  JETCAL_UNROLL
  for (int n = 0; n < N; ++n) {
    JETCAL_UNROLL
    for (int v = 0; v < V; ++v) { acc[n][v] = load(sums[n] + v * kLanes); }
  }
  for (std::int64_t r = 0; r < x.rows; ++r) {
    float const* const in = x.row(r) + first;
    float const* const out = dz.row(r);
    JETCAL_UNROLL
    for (int v = 0; v < V; ++v) {
      Vec const xv = load(in + v * kLanes);
      JETCAL_UNROLL
      for (int n = 0; n < N; ++n) { acc[n][v] = fma(xv, Vec(out[n]), acc[n][v]); }
    }
  }
  JETCAL_UNROLL
  for (int n = 0; n < N; ++n) {
    JETCAL_UNROLL
    for (int v = 0; v < V; ++v) { store(acc[n][v], sums[n] + v * kLanes); }
  }
  for (std::int64_t i = 0; i < inputs; ++i) {
    for (int n = 0; n < N; ++n) { dw.row(first + i)[n] = sums[n][i]; }
    if (!accumulate) { cpu::clear_padding(dw, first + i); }
  }
}

template <int N>
void weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw) {
  constexpr int kNarrow = static_cast<int>(16 / kLanes);  // what padding always holds
  std::int64_t first = 0;
  for (; first + kInputs <= padded(x.cols); first += kInputs) {
    weights_block<N, kInputVectors>(x, dz, first, accumulate, dw);
  }
  for (; first < x.cols; first += 16) { weights_block<N, kNarrow>(x, dz, first, accumulate, dw); }
}

void weights_of_outputs(ConstMat x, ConstMat dz, bool accumulate, Mat dw) {
  switch (dz.cols) {
    case 1:
      return weights<1>(x, dz, accumulate, dw);
    case 2:
      return weights<2>(x, dz, accumulate, dw);
    default:
      return weights<3>(x, dz, accumulate, dw);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::cpu {

void head_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw) {
  char const* const where = "head_backward_weights";
  JETCAL_REQUIRE(dz.cols >= 1 && dz.cols <= 3, ShapeError,
                 where << ": the head has " << dz.cols << " outputs (must be 1 to 3)");
  require_view(where, "gradient", dz, x.rows, dz.cols);
  require_view(where, "input", x, x.rows, x.cols);
  require_view(where, "weight gradient", dw, x.cols, dz.cols);
  JETCAL_REQUIRE(x.ld >= padded(x.cols), ShapeError,
                 where << ": input has rows of " << x.ld << " floats (must be at least "
                       << padded(x.cols) << ")");
  JETCAL_DISPATCH(weights_of_outputs, x, dz, accumulate, dw);
}

}  // namespace jetcal::cpu
#endif
