#pragma once

#include <cstdint>
#include <vector>

#include "engine/matrix.hpp"

namespace jetcal {

/// One input feature written as several: Gaussians of its physical value, appended to the inputs.
/// v = (x - offset) / scale undoes the normalisation x = v * scale + offset.
struct AnnotationParams {
  std::int64_t feature = 0;    ///< column of x that is annotated
  bool symmetric = true;       ///< |v| in place of v
  float scale = 1;             ///< of the feature's normalisation; not 0
  float offset = 0;            ///< of the feature's normalisation
  std::vector<float> centres;  ///< c, in the unit of v
  std::vector<float> factors;  ///< 1 / (2 w^2), as many as centres
};

namespace cpu {

/// Feature annotation: y = [x, exp(-(|v| - c_0)^2 / (2 w_0^2)), ..., exp(-(|v| - c_n-1)^2 / ...)].
///
/// Source    arXiv:2311.08885, section 5.2 and Figure 1
/// Shapes    x [rows, F], y [rows, F + n], n Gaussians; the columns of x are copied bit for bit
/// Units     centres and widths in those of v
/// Accuracy  1.1 ulp of exp; its argument -d^2 factor to 4 * 2^-24, where d = |v| - c carries the 2
///           roundings of v and its own (test)
/// Values    a NaN as the feature makes its Gaussians NaN, an infinity makes them 0
/// Writes    y and its padding (0). y may not overlap x
/// Errors    ShapeError if the shapes, the feature or the number of factors do not fit, ConfigError
///           if scale is 0 or not finite; rows == 0 and n == 0 are allowed
void annotation_forward(ConstMat x, AnnotationParams const& params, Mat y);

/// Gradient of annotation_forward with respect to x:
///
///   dx_j = dy_j for every feature j, and for the annotated one also
///          (s / scale) * sum_i dy_{F+i} y_{F+i} (-2 factor_i) (|v| - c_i),
///
/// s = sign(v) if symmetric (0 at v = 0), else 1.
///
/// Shapes    x, dx [rows, F], y, dy [rows, F + n]; y as annotation_forward wrote it
/// Writes    dx (adds to it if `accumulate`, else never reads it); its padding becomes 0
/// Order     the sum over i as every sum over a row: 16 strided partial sums, then a tree
/// Errors    as annotation_forward
void annotation_backward(ConstMat x, ConstMat y, ConstMat dy, AnnotationParams const& params,
                         bool accumulate, Mat dx);

}  // namespace cpu
}  // namespace jetcal
