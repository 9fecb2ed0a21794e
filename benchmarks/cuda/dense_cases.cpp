// The dense layer, 250 -> 250: forward with Mish, backward to inputs and to weights, and what is
// done with the weights before. References are sums in double of a sample of rows, or of inputs for
// the weights.

#include <memory>
#include <utility>

#include "benchmarks/cuda/cases.hpp"
#include "benchmarks/cuda/kinds.hpp"
#include "kernels/dense_cublas.cuh"
#include "kernels/dense_tensor.cuh"

namespace jetcal::bench {
namespace {

using test::DeviceMatrix;
using test::HostMatrix;

constexpr std::int64_t kLanes = 8, kMostSampled = 64;

HostMatrix transposed(HostMatrix const& m) {
  ConstMat const from = m.view();
  HostMatrix to(from.cols, from.rows);
  for (std::int64_t r = 0; r < from.rows; ++r) {
    for (std::int64_t c = 0; c < from.cols; ++c) { to.view().row(c)[r] = from.row(r)[c]; }
  }
  return to;
}

/// Every n-th of `count`, so that there are few, and the last one.
std::vector<std::int64_t> sample(std::int64_t count) {
  std::vector<std::int64_t> list;
  std::int64_t const step = std::max<std::int64_t>(1, count / kMostSampled);
  for (std::int64_t i = 0; i < count - 1; i += step) { list.push_back(i); }
  list.push_back(count - 1);
  return list;
}

double number(float x) { return static_cast<double>(x); }
double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }

/// got may be off by one rounding to T, by the rounding of a chain of `terms` float32 sums, of
/// which `sizes` are the sums of magnitudes, and by Mish's 1e-6.
template <class T>
test::Comparison compare(std::vector<float> const& got, std::vector<double> const& want,
                         std::vector<double> const& sizes, std::int64_t terms) {
  std::vector<double> allowed;
  for (std::size_t i = 0; i < want.size(); ++i) {
    allowed.push_back(Kind<T>::kRounding * std::abs(want[i]) + 1e-6 +
                      1.1 * number(static_cast<float>(terms + 2)) * test::kEps * sizes[i]);
  }
  return test::compare(got, want, {1, 0}, allowed);
}

/// Layer and batch, on host and device, and what the three kernels make of them.
template <class T>
struct Layer {
  explicit Layer(std::int64_t n)
      : rows(n),
        x(Kind<T>::rounded(HostMatrix::random(n, kWidth, "x"))),
        w(Kind<T>::rounded(HostMatrix::random(kWidth, kWidth, "w", 0.1))),
        dz(Kind<T>::rounded(HostMatrix::random(n, kWidth, "cotangent"))),
        bias(HostMatrix::random(1, kWidth, "bias")),
        on_x(x),
        on_w(w),
        on_transposed(transposed(w)),
        on_dz(dz),
        y(n, kWidth, 0),
        slope(n, kWidth, 0),
        dx(n, kWidth, 0),
        on_bias(bias),
        lanes(n, kLanes),
        gradients(test::context(), lanes.count * kStride) {}

  void forward() {
    auto const& factor = std::is_same_v<T, float> ? on_w : on_transposed;
    cuda::dense_forward(test::stream(), std::as_const(on_x).view(), factor.view(),
                        on_bias.view().data, Activation::mish, y.view(), slope.view());
  }
  void backward_data() {
    auto const& factor = std::is_same_v<T, float> ? on_transposed : on_w;
    cuda::dense_backward_data(test::stream(), std::as_const(on_dz).view(), factor.view(),
                              {dx.view(), false, {}});
  }
  void backward_weights() {
    float* const first = gradients.data();
    cuda::dense_backward_weights(
        test::stream(), std::as_const(on_x).view(), std::as_const(on_dz).view(), lanes,
        {first, first + kStride, kStride}, false, {first, kWidth, kWidth, padded(kWidth)},
        {first + kWidth * padded(kWidth), 1, kWidth, padded(kWidth)});
  }

  /// a's sampled rows times b [kWidth, kWidth], plus `bias`, through Mish if that is there.
  test::Comparison check_rows(HostMatrix const& a, HostMatrix const& b, float const* add,
                              std::vector<float> const& found) const {
    std::vector<float> got;
    std::vector<double> want, sizes;
    for (std::int64_t const r : sample(rows)) {
      for (std::int64_t c = 0; c < kWidth; ++c) {
        double sum = add != nullptr ? number(add[c]) : 0, size = std::abs(sum);
        for (std::int64_t k = 0; k < kWidth; ++k) {
          double const term = number(a.view().row(r)[k]) * number(b.view().row(k)[c]);
          sum += term;
          size += std::abs(term);
        }
        got.push_back(found[static_cast<std::size_t>(r * kWidth + c)]);
        want.push_back(add != nullptr ? mish(sum) : sum);
        sizes.push_back(size);
      }
    }
    if (rounds_products) {
      for (double& size : sizes) { size *= 1 + Kind<T>::kRounding / (kWidth * test::kEps); }
    }
    return compare<T>(got, want, sizes, kWidth);
  }

  /// The first lane's and the last lane's gradients of a sample of inputs, and of the bias.
  test::Comparison check_gradients() const {
    std::vector<float> const all = gradients.download();
    std::vector<float> got;
    std::vector<double> want, sizes;
    for (std::int64_t const lane : {std::int64_t{0}, lanes.count - 1}) {
      for (std::int64_t const k : {std::int64_t{0}, kWidth / 2, kWidth - 1, kWidth}) {
        for (std::int64_t c = 0; c < kWidth; ++c) {
          double sum = 0, size = 0;
          for (std::int64_t r = lanes.begin(lane); r < lanes.begin(lane + 1); ++r) {
            double const factor = k < kWidth ? number(x.view().row(r)[k]) : 1;  // the bias is last
            sum += factor * number(dz.view().row(r)[c]);
            size += std::abs(factor * number(dz.view().row(r)[c]));
          }
          got.push_back(all[static_cast<std::size_t>(lane * kStride + k * padded(kWidth) + c)]);
          want.push_back(sum);
          sizes.push_back(size);
        }
      }
    }
    return compare<float>(got, want, sizes, (rows + lanes.count - 1) / lanes.count);
  }

  static constexpr std::int64_t kStride = (kWidth + 1) * padded(kWidth);
  std::int64_t rows;
  bool rounds_products = false;  ///< to T, before what follows them
  HostMatrix x, w, dz, bias;
  typename Kind<T>::Stored on_x, on_w, on_transposed, on_dz, y, slope, dx;
  DeviceMatrix on_bias;
  Lanes lanes;
  Buffer gradients;
};

cuda::Cublas const& cublas() {
  static cuda::Cublas const library(test::context());
  return library;
}

/// The same through cuBLAS.
template <class T>
struct CublasLayer : Layer<T> {
  explicit CublasLayer(std::int64_t n) : Layer<T>(n) {
    cublas();  // where it is missing, no case
    this->rounds_products = std::is_same_v<T, cuda::Bf16>;
  }

  void forward() {
    cuda::dense_forward<T>(cublas(), this->on_x.view(), this->on_w.view(),
                           this->on_bias.view().data, Activation::mish, this->y.view(),
                           this->slope.view());
  }
  void backward_data() {
    cuda::dense_backward_data<T>(cublas(), this->on_dz.view(), this->on_w.view(),
                                 {this->dx.view(), false, {}});
  }
  void backward_weights() {
    constexpr std::int64_t kLane = Layer<T>::kStride;
    float* const first = this->gradients.data();
    cuda::dense_backward_weights<T>(cublas(), this->on_x.view(), this->on_dz.view(), this->lanes,
                                    {first, first + kLane, kLane}, false,
                                    {first, kWidth, kWidth, padded(kWidth)},
                                    {first + kWidth * padded(kWidth), 1, kWidth, padded(kWidth)});
  }
};

template <class Layer, class T>
void add_kind(std::vector<NamedCase>& list, char const* whose) {
  using Data = std::shared_ptr<Layer>;
  auto const add = [&](char const* op, double arrays, std::function<void(Data const&)> enqueue,
                       std::function<test::Comparison(Data const&)> check) {
    auto const make = [=](std::int64_t rows) {
      auto const layer = std::make_shared<Layer>(rows);
      auto const n = static_cast<double>(rows);
      return Case{arrays * bytes<T>(rows, kWidth) + bytes(kWidth, kWidth),
                  2.0 * n * kWidth * kWidth, Kind<T>::kTensorBits, [=] { enqueue(layer); },
                  [=] { return check(layer); }};
    };
    list.push_back({std::string(op) + "/" + Kind<T>::name() + "/" + whose, false, make});
  };
  add(
      "dense_forward", 3, [](Data const& l) { l->forward(); },
      [](Data const& l) { return l->check_rows(l->x, l->w, l->bias.view().data, l->y.values()); });
  add(
      "dense_backward_data", 2, [](Data const& l) { l->backward_data(); },
      [](Data const& l) {
        return l->check_rows(l->dz, transposed(l->w), nullptr, l->dx.values());
      });
  add(
      "dense_backward_weights", 2, [](Data const& l) { l->backward_weights(); },
      [](Data const& l) { return l->check_gradients(); });
}

/// All parameters as one matrix, laid out for backward to the inputs; in tf32 and bf16 for forward
/// too.
template <class T>
Case prepare(std::int64_t n) {
  struct Weights {
    explicit Weights(HostMatrix const& m)
        : w(m),
          on_w(m),
          rounded(m.view().rows, m.view().cols, 0),
          turned(m.view().cols, m.view().rows, 0) {}
    HostMatrix w;
    DeviceMatrix on_w;
    typename Kind<T>::Stored rounded, turned;
  };
  constexpr bool kFloat = std::is_same_v<T, float>;
  std::int64_t const rows = (n + kWidth - 1) / kWidth;
  auto const weights = std::make_shared<Weights>(HostMatrix::random(rows, kWidth, "w", 0.1));
  return {bytes(rows, kWidth) + (kFloat ? 1 : 2) * bytes<T>(rows, kWidth), 0, 0,
          [weights] {
            MatOf<T> const rounded = kFloat ? MatOf<T>{} : weights->rounded.view();
            cuda::dense_prepare<T>(test::stream(), weights->on_w.view(), rounded,
                                   weights->turned.view());
          },
          [weights] {
            HostMatrix const w = Kind<T>::rounded(weights->w);
            test::Comparison found =
                test::compare_bits(weights->turned.values(), transposed(w).values());
            if (kFloat || !found.ok) { return found; }
            return test::compare_bits(weights->rounded.values(), w.values());
          }};
}

}  // namespace

std::vector<NamedCase> dense_cases() {
  std::vector<NamedCase> list{{"dense_prepare/fp32/own", true, prepare<float>},
                              {"dense_prepare/tf32/own", true, prepare<cuda::Tf32>},
                              {"dense_prepare/bf16/own", true, prepare<cuda::Bf16>}};
  add_kind<Layer<float>, float>(list, "own");
  add_kind<CublasLayer<float>, float>(list, "cublas");
  add_kind<Layer<cuda::Tf32>, cuda::Tf32>(list, "own");
  add_kind<CublasLayer<cuda::Tf32>, cuda::Tf32>(list, "cublas");
  add_kind<Layer<cuda::Bf16>, cuda::Bf16>(list, "own");
  add_kind<CublasLayer<cuda::Bf16>, cuda::Bf16>(list, "cublas");
  return list;
}

}  // namespace jetcal::bench
