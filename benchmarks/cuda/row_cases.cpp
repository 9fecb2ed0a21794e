// Softmax gate, head, annotation: to the bits of the CPU's functions, rounded once to what is
// stored; cuDNN's softmax within a tolerance.

#include <memory>
#include <utility>

#include "benchmarks/cuda/cases.hpp"
#include "benchmarks/cuda/kinds.hpp"
#include "kernels/annotation.cuh"
#include "kernels/dense.hpp"
#include "kernels/head.cuh"
#include "kernels/softmax_gate.cuh"
#include "kernels/softmax_gate_cudnn.cuh"

namespace jetcal::bench {
namespace {

using test::Comparison;
using test::DeviceArray;
using test::DeviceMatrix;
using test::HostMatrix;

constexpr float kScale = kWidth;

template <class T>
HostMatrix random(std::int64_t rows, std::int64_t cols, std::string_view name, double size = 1) {
  return Kind<T>::rounded(HostMatrix::random(rows, cols, name, size));
}

/// The first comparison that fails, or the last one.
Comparison all_of(std::initializer_list<Comparison> list) {
  auto const wrong = std::find_if(list.begin(), list.end(), [](auto const& c) { return !c.ok; });
  return wrong != list.end() ? *wrong : *std::prev(list.end());
}

template <class T>
Comparison compare_rounded(std::vector<float> const& got, HostMatrix const& want) {
  return test::compare_bits(got, Kind<T>::rounded(want).values());
}

template <class T>
struct Gate {
  explicit Gate(std::int64_t rows)
      : logits(random<T>(rows, kWidth, "logits", 4)),
        h(random<T>(rows, kWidth, "h")),
        dy(random<T>(rows, kWidth, "cotangent")),
        gate(rows, kWidth),
        y(rows, kWidth),
        on_logits(logits),
        on_h(h),
        on_dy(dy),
        on_gate(forward_on_the_host()),
        on_y(rows, kWidth, 0),
        on_dlogits(rows, kWidth, 0),
        on_dh(rows, kWidth, 0) {}

  HostMatrix const& forward_on_the_host() {
    cpu::softmax_gate_forward(logits.view(), h.view(), kScale, gate.view(), y.view());
    gate = Kind<T>::rounded(gate);  // as backward finds it
    return gate;
  }

  void forward() {
    cuda::softmax_gate_forward<T>(test::stream(), on_logits.view(), on_h.view(), kScale,
                                  on_gate.view(), on_y.view());
  }
  Comparison check_forward() { return compare_rounded<T>(on_y.values(), y); }

  void backward() {
    cuda::softmax_gate_backward<T>(test::stream(), on_dy.view(), on_h.view(), on_gate.view(),
                                   kScale, {on_dlogits.view(), false, {}},
                                   {on_dh.view(), false, {}});
  }
  Comparison check_backward() {
    HostMatrix dlogits(dy.view().rows, kWidth), dh(dy.view().rows, kWidth);
    backward_on_the_host(dlogits, dh);
    return all_of(
        {compare_rounded<T>(on_dlogits.values(), dlogits), compare_rounded<T>(on_dh.values(), dh)});
  }
  void backward_on_the_host(HostMatrix& dlogits, HostMatrix& dh) const {
    cpu::softmax_gate_backward(dy.view(), h.view(), gate.view(), kScale, false, dlogits.view(),
                               false, dh.view());
  }

  HostMatrix logits, h, dy, gate, y;
  typename Kind<T>::Stored on_logits, on_h, on_dy, on_gate, on_y, on_dlogits, on_dh;
};

/// The same through cuDNN. On the device `gate` is the softmax, not yet times the scale; backward
/// overwrites dy, with itself times numbers below 1.
template <class T>
struct CudnnGate : Gate<T> {
  explicit CudnnGate(std::int64_t rows) : Gate<T>((library(), rows)) {
    HostMatrix const share = Kind<T>::rounded(times(this->gate, 1 / kScale));
    this->on_gate = typename Kind<T>::Stored(share);
    this->gate = times(share, kScale);
  }

  static HostMatrix times(HostMatrix m, float factor) {
    for (std::int64_t r = 0; r < m.view().rows; ++r) {
      for (std::int64_t c = 0; c < kWidth; ++c) { m.view().row(r)[c] *= factor; }
    }
    return m;
  }

  static cuda::Cudnn const& library() {  // where it is missing, no case
    static cuda::Cudnn const cudnn(test::context());
    return cudnn;
  }

  // An exponential, a sum of 250 terms, a division and a few products, each rounded; and two
  // roundings to T: what is stored between cuDNN and us, and the result.
  static constexpr test::Tolerance kTolerance{300 * test::kEps + 2.02 * Kind<T>::kRounding, 1e-30};

  void forward() {
    cuda::softmax_gate_forward<T>(library(), this->on_logits.view(), this->on_h.view(), kScale,
                                  this->on_gate.view(), this->on_y.view());
  }
  Comparison check_forward() {
    return test::compare(this->on_y.values(), this->y.values(), kTolerance);
  }

  void backward() {
    cuda::softmax_gate_backward<T>(
        library(), this->on_dy.view(), this->on_h.view(), this->on_gate.view(), kScale,
        {this->on_dlogits.view(), false, {}}, {this->on_dh.view(), false, {}});
  }
  Comparison check_backward() {
    std::int64_t const rows = this->dy.view().rows;
    HostMatrix dlogits(rows, kWidth), dh(rows, kWidth);
    this->backward_on_the_host(dlogits, dh);
    // A gradient is gate (t - mean), |t| and |mean| up to 1.
    std::vector<double> sizes;
    for (float const g : this->gate.values()) { sizes.push_back(2 * static_cast<double>(g)); }
    return all_of({test::compare(this->on_dlogits.values(), dlogits.values(), kTolerance, sizes),
                   test::compare(this->on_dh.values(), dh.values(), kTolerance)});
  }
};

/// A head with the paper's loss, truncated.
template <class T>
struct Head {
  static constexpr std::int64_t kOutputs = 3;

  explicit Head(std::int64_t rows)
      : x(random<T>(rows, kWidth, "x")),
        w(HostMatrix::random(kWidth, kOutputs, "w", 0.1)),
        bias(HostMatrix::random(1, kOutputs, "bias", 0.1)),
        targets(test::uniform(rows, 0.7, 1.3, test::seed_of("targets"))),
        weights(static_cast<std::size_t>(rows), 1.0f),
        params(make_loss_params(
            [] {
              LossConfig config;
              config.truncation = 3;
              return config;
            }(),
            kOutputs)),
        on_x(x),
        on_w(w),
        on_bias(bias),
        on_y(rows, kOutputs, 0),
        on_da(rows, kOutputs, 0),
        on_targets(targets),
        on_weights(weights),
        on_scale({1.0f}),
        on_loss(weights),
        on_kept(weights) {}

  void loss() {
    cuda::head_loss<T>(
        test::stream(), on_x.view(), on_w.view(), on_bias.view().data,
        {on_targets.data(), 1, on_weights.data(), on_scale.data(), on_loss.data(), on_kept.data()},
        params, on_y.view(), on_da.view());
  }
  Comparison check_loss() {
    std::int64_t const rows = x.view().rows;
    HostMatrix a = product(), y(rows, kOutputs), da(rows, kOutputs);
    std::vector<float> loss(weights.size()), kept(weights.size());
    cpu::head_loss(std::as_const(a).view(), targets.data(), 1, weights.data(), params, 1.0f,
                   y.view(), da.view(), loss.data(), kept.data());
    return all_of({compare_rounded<T>(on_da.values(), da),
                   test::compare_bits(on_loss.values(), loss),
                   test::compare_bits(on_kept.values(), kept)});
  }

  void predict() {
    cuda::head_forward<T>(test::stream(), on_x.view(), on_w.view(), on_bias.view().data,
                          on_y.view());
  }
  Comparison check_prediction() {
    HostMatrix const a = product();
    HostMatrix y(x.view().rows, kOutputs);
    cpu::head_activation(a.view(), y.view());
    return test::compare_bits(on_y.values(), y.values());
  }

  HostMatrix product() const {
    std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(kWidth, kOutputs)));
    cpu::dense_pack(w.view(), packed.data());
    HostMatrix a(x.view().rows, kOutputs);
    cpu::dense_forward(x.view(), packed.data(), bias.view().data, Activation::none, a.view(), {});
    return a;
  }

  HostMatrix x, w, bias;
  std::vector<float> targets, weights;
  LossParams params;
  typename Kind<T>::Stored on_x;
  DeviceMatrix on_w, on_bias, on_y;
  typename Kind<T>::Stored on_da;
  DeviceArray on_targets, on_weights, on_scale, on_loss, on_kept;
};

/// The paper's features and Gaussians of |eta|.
template <class T>
struct Annotated {
  static constexpr std::int64_t kFeatures = 21, kColumns = kFeatures + 11;

  explicit Annotated(std::int64_t rows)
      : x(HostMatrix::random(rows, kFeatures, "x")),
        y(rows, kColumns),
        dy(random<T>(rows, kColumns, "cotangent")),
        on_x(x),
        on_y(rows, kColumns, 0),
        on_dy(dy),
        on_dx(rows, kFeatures, 0) {
    params.feature = 2;
    params.scale = 0.4f;
    params.centres = {0.0f, 0.8f, 1.0f, 1.2f, 1.375f, 1.475f, 1.7f, 2.0f, 2.5f, 2.8f, 3.2f};
    params.factors.assign(params.centres.size(), 30.0f);
    cpu::annotation_forward(std::as_const(x).view(), params, y.view());
    y = Kind<T>::rounded(y);
    on_y = typename Kind<T>::Stored(y);
  }

  void forward() {
    cuda::annotation_forward<T>(test::stream(), std::as_const(on_x).view(), params, on_y.view());
  }
  Comparison check_forward() { return test::compare_bits(on_y.values(), y.values()); }

  void backward() {
    cuda::annotation_backward<T>(test::stream(), std::as_const(on_x).view(),
                                 std::as_const(on_y).view(), std::as_const(on_dy).view(), params,
                                 false, on_dx.view());
  }
  Comparison check_backward() {
    HostMatrix dx(x.view().rows, kFeatures);
    cpu::annotation_backward(std::as_const(x).view(), std::as_const(y).view(),
                             std::as_const(dy).view(), params, false, dx.view());
    return test::compare_bits(on_dx.values(), dx.values());
  }

  AnnotationParams params;
  HostMatrix x, y, dy;
  DeviceMatrix on_x;
  typename Kind<T>::Stored on_y, on_dy;
  DeviceMatrix on_dx;
};

/// A case that makes a Data and calls these two of its functions.
template <class Data>
NamedCase case_of(std::string const& name, double bytes_a_row, double flops_a_row,
                  void (Data::*enqueue)(), Comparison (Data::*check)()) {
  return {name, false, [=](std::int64_t rows) {
            auto const data = std::make_shared<Data>(rows);
            auto const n = static_cast<double>(rows);
            return Case{n * bytes_a_row, n * flops_a_row, 0, [=] { ((*data).*enqueue)(); },
                        [=] { return ((*data).*check)(); }};
          }};
}

template <class G, class T>
void add_gate(std::vector<NamedCase>& list, std::string const& whose) {
  std::string const kind = "/" + Kind<T>::name() + "/" + whose;
  list.push_back(case_of("softmax_gate_forward" + kind, bytes<T>(1, 4 * kWidth), 0, &G::forward,
                         &G::check_forward));
  list.push_back(case_of("softmax_gate_backward" + kind, bytes<T>(1, 5 * kWidth), 0, &G::backward,
                         &G::check_backward));
}

template <class T>
void add_kind(std::vector<NamedCase>& list) {
  std::string const kind = "/" + Kind<T>::name() + "/own";
  add_gate<Gate<T>, T>(list, "own");
  add_gate<CudnnGate<T>, T>(list, "cudnn");
  using H = Head<T>;
  double const products = 2.0 * H::kOutputs * kWidth;
  // Target and weight are read, outputs, loss and kept weight written, and the gradient.
  list.push_back(case_of("head_loss" + kind,
                         bytes<T>(1, kWidth + H::kOutputs) + bytes(1, 2 + H::kOutputs + 2),
                         products, &H::loss, &H::check_loss));
  list.push_back(case_of("head_forward" + kind, bytes<T>(1, kWidth) + bytes(1, H::kOutputs),
                         products, &H::predict, &H::check_prediction));
  using A = Annotated<T>;
  list.push_back(case_of("annotation_forward" + kind,
                         bytes(1, A::kFeatures) + bytes<T>(1, A::kColumns), 0, &A::forward,
                         &A::check_forward));
  // Of the values only the Gaussians are read.
  list.push_back(case_of("annotation_backward" + kind,
                         bytes(1, A::kFeatures + 1) + bytes<T>(1, A::kColumns + 11), 0,
                         &A::backward, &A::check_backward));
}

}  // namespace

std::vector<NamedCase> row_cases() {
  std::vector<NamedCase> list;
  add_kind<float>(list);
  add_kind<cuda::Tf32>(list);
  add_kind<cuda::Bf16>(list);
  return list;
}

}  // namespace jetcal::bench
