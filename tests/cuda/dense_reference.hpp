#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kernels/dense.cuh"
#include "tests/catch.hpp"
#include "tests/cuda/stored_matrix.hpp"

namespace jetcal::test {

// What tests of the dense layer on a device share, whoever multiplies there.

struct DenseShape {
  std::int64_t rows, inputs, outputs;
};

inline double number(float x) { return static_cast<double>(x); }

/// Sums of products in double, and of their magnitudes: a [rows, depth] b [depth, cols].
struct Products {
  Products(ConstMat a, ConstMat b) {
    for (std::int64_t r = 0; r < a.rows; ++r) {
      for (std::int64_t c = 0; c < b.cols; ++c) {
        double sum = 0, size = 0;
        for (std::int64_t k = 0; k < a.cols; ++k) {
          double const term = number(a.row(r)[k]) * number(b.row(k)[c]);
          sum += term;
          size += std::abs(term);
        }
        sums.push_back(sum);
        sizes.push_back(size);
      }
    }
  }

  /// One more term for element i.
  void add(std::size_t i, double term) {
    sums[i] += term;
    sizes[i] += std::abs(term);
  }
  void add(double term) {
    for (std::size_t i = 0; i < sums.size(); ++i) { add(i, term); }
  }
  /// The terms of a row of as many columns, for every row.
  void add_row(ConstMat row) {
    auto const cols = static_cast<std::size_t>(row.cols);
    for (std::size_t i = 0; i < sums.size(); ++i) { add(i, number(row.data[i % cols])); }
  }

  /// With a factor for every element.
  void multiply(std::vector<float> const& factors) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] *= number(factors[i]);
      sizes[i] *= std::abs(number(factors[i]));
    }
  }

  std::vector<double> sums, sizes;
};

inline HostMatrix transposed(HostMatrix const& m) {
  ConstMat const from = m.view();
  HostMatrix to(from.cols, from.rows);
  for (std::int64_t r = 0; r < from.rows; ++r) {
    for (std::int64_t c = 0; c < from.cols; ++c) { to.view().row(c)[r] = from.row(r)[c]; }
  }
  return to;
}

/// The error of a chain of k float32 additions, of the magnitudes that are added: each may cut off
/// instead of rounding.
inline double chain(std::int64_t k) { return static_cast<double>(k + 2) * kEps; }

/// got is of T, within one rounding to T of want, and `errors` before it.
template <class T>
void check_rounded(std::vector<float> const& got, std::vector<double> const& want,
                   std::vector<double> const& errors) {
  std::vector<double> allowed;
  for (std::size_t i = 0; i < want.size(); ++i) {
    allowed.push_back(kRounding<T> * std::abs(want[i]) + (1 + kRounding<T>)*errors[i]);
  }
  CHECK_CLOSE(got, want, (Tolerance{1, 2e-36}), allowed);  // Mish ends there
  CHECK(std::all_of(got.begin(), got.end(), [](float v) { return rounded<T>(v) == v; }));
}

/// Of x t, t = tanh(ln(1 + e^x)), and of the two terms of its slope: approximate where T is no
/// float (kernels/mish_approximate.cuh).
template <class T>
constexpr double kMishAccuracy = std::is_same_v<T, float> ? 8 * kEps : 0x1p-17;

/// y and slope are Mish's and its slope's at z, which has `errors`, within one rounding to T.
template <class T>
void check_mish(std::vector<float> const& y, std::vector<float> const& slope,
                std::vector<double> const& z, std::vector<double> const& errors) {
  std::vector<double> want, want_slope, y_errors, slope_errors;
  for (std::size_t i = 0; i < z.size(); ++i) {
    double const t = std::tanh(std::log1p(std::exp(z[i])));
    double const rest = z[i] * (1 - t * t) / (1 + std::exp(-z[i]));
    want.push_back(z[i] * t);
    want_slope.push_back(t + rest);
    // Mish's slope is below 1.1, its slope's below 0.7.
    y_errors.push_back(1.1 * errors[i] + kMishAccuracy<T> * std::abs(z[i] * t));
    slope_errors.push_back(0.7 * errors[i] + kMishAccuracy<T> * (t + std::abs(rest)));
  }
  check_rounded<T>(y, want, y_errors);
  check_rounded<T>(slope, want_slope, slope_errors);
}

/// A layer of T on the device, from whole or from random numbers.
template <class T>
struct Layer {
  explicit Layer(DenseShape const& c, bool whole = false)
      : x(make(c.rows, c.inputs, "x", whole)),
        w(make(c.inputs, c.outputs, "w", whole)),
        bias(whole ? HostMatrix::whole(1, c.outputs, "bias")
                   : HostMatrix::random(1, c.outputs, "bias")),
        on_x(x),
        on_w(w),
        on_transposed(transposed(w)),
        on_bias(bias) {}

  static HostMatrix make(std::int64_t rows, std::int64_t cols, std::string_view name, bool whole) {
    return whole ? HostMatrix::whole(rows, cols, name)
                 : rounded<T>(HostMatrix::random(rows, cols, name, 2));
  }

  HostMatrix x, w, bias;
  StoredMatrix<T> on_x, on_w, on_transposed;
  DeviceMatrix on_bias;
};

/// Gradients of weights and bias in lane arenas, the bias behind the weights.
class LaneGradients {
 public:
  LaneGradients(DenseShape const& c, std::int64_t lanes, float fill)
      : c_(c),
        weights_(c.inputs * padded(c.outputs)),
        stride_(weights_ + padded(c.outputs)),
        first_(std::vector<float>(static_cast<std::size_t>(stride_), fill)),
        others_(std::vector<float>(static_cast<std::size_t>((lanes - 1) * stride_), fill)) {}

  cuda::LaneArenas arenas() { return {first_.data(), others_.data(), stride_}; }
  Mat weights() { return {first_.data(), c_.inputs, c_.outputs, padded(c_.outputs)}; }
  Mat bias() { return {first_.data() + weights_, 1, c_.outputs, padded(c_.outputs)}; }

  /// [inputs + 1, outputs], the last row is the bias's; without what pads the rows.
  std::vector<float> of_lane(std::int64_t lane) const {
    std::vector<float> const all = lane == 0 ? first_.values() : others_.values();
    auto begin = all.begin() + std::max<std::int64_t>(0, lane - 1) * stride_;
    std::vector<float> list;
    for (std::int64_t r = 0; r <= c_.inputs; ++r, begin += padded(c_.outputs)) {
      list.insert(list.end(), begin, begin + c_.outputs);
    }
    return list;
  }
  bool well_kept() const { return first_.well_kept() && others_.well_kept(); }

 private:
  DenseShape c_;
  std::int64_t weights_, stride_;
  DeviceArray first_, others_;
};

/// Of the rows of one lane, as LaneGradients has it: x with a column of ones, transposed, times dz.
inline Products weight_products(HostMatrix const& x, HostMatrix const& dz, std::int64_t begin,
                                std::int64_t end) {
  std::int64_t const inputs = x.view().cols, outputs = dz.view().cols;
  HostMatrix a(inputs + 1, end - begin), b(end - begin, outputs);
  for (std::int64_t r = begin; r < end; ++r) {
    for (std::int64_t i = 0; i <= inputs; ++i) {
      a.view().row(i)[r - begin] = i < inputs ? x.view().row(r)[i] : 1;
    }
    std::copy_n(dz.view().row(r), outputs, b.view().row(r - begin));
  }
  return {a.view(), b.view()};
}

}  // namespace jetcal::test
