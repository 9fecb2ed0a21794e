// Softmax gate, head with loss, annotation: to the bits of the CPU's functions; cuDNN's softmax
// within a tolerance.

#include <memory>
#include <utility>

#include "benchmarks/cuda/cases.hpp"
#include "kernels/annotation.cuh"
#include "kernels/dense.hpp"
#include "kernels/head.cuh"
#include "kernels/softmax_gate.cuh"
#include "kernels/softmax_gate_cudnn.cuh"
#include "tests/cuda/device_matrix.hpp"

namespace jetcal::bench {
namespace {

using test::Comparison;
using test::DeviceArray;
using test::DeviceMatrix;
using test::HostMatrix;

constexpr float kScale = kWidth;

/// Bytes of `columns` float32 a row.
double bytes(std::int64_t rows, std::int64_t columns) {
  return 4.0 * static_cast<double>(rows) * static_cast<double>(columns);
}

struct Gate {
  explicit Gate(std::int64_t rows)
      : logits(HostMatrix::random(rows, kWidth, "logits", 4)),
        h(HostMatrix::random(rows, kWidth, "h")),
        dy(HostMatrix::random(rows, kWidth, "cotangent")),
        gate(rows, kWidth),
        y(rows, kWidth),
        on_logits(logits),
        on_h(h),
        on_dy(dy),
        on_gate((cpu::softmax_gate_forward(logits.view(), h.view(), kScale, gate.view(), y.view()),
                 gate)),
        on_y(rows, kWidth, 0),
        on_dlogits(rows, kWidth, 0),
        on_dh(rows, kWidth, 0) {}

  Comparison check_backward() {
    HostMatrix dlogits(dy.view().rows, kWidth), dh(dy.view().rows, kWidth);
    cpu::softmax_gate_backward(std::as_const(dy).view(), h.view(), gate.view(), kScale, false,
                               dlogits.view(), false, dh.view());
    Comparison const found = test::compare_bits(on_dlogits.values(), dlogits.values());
    return found.ok ? test::compare_bits(on_dh.values(), dh.values()) : found;
  }

  HostMatrix logits, h, dy, gate, y;
  DeviceMatrix on_logits, on_h, on_dy, on_gate, on_y, on_dlogits, on_dh;
};

Case gate_forward(std::int64_t rows) {
  auto const g = std::make_shared<Gate>(rows);
  return {bytes(rows, 4 * kWidth), 0, 0,
          [g] {
            cuda::softmax_gate_forward<float>(test::stream(), g->on_logits.view(), g->on_h.view(),
                                              kScale, g->on_gate.view(), g->on_y.view());
          },
          [g] { return test::compare_bits(g->on_y.values(), g->y.values()); }};
}

Case gate_backward(std::int64_t rows) {
  auto const g = std::make_shared<Gate>(rows);
  return {bytes(rows, 5 * kWidth), 0, 0,
          [g] {
            cuda::softmax_gate_backward<float>(
                test::stream(), g->on_dy.view(), g->on_h.view(), g->on_gate.view(), kScale,
                {g->on_dlogits.view(), false, {}}, {g->on_dh.view(), false, {}});
          },
          [g] { return g->check_backward(); }};
}

cuda::Cudnn const& cudnn() {
  static cuda::Cudnn const library(test::context());
  return library;
}

Case gate_forward_cudnn(std::int64_t rows) {
  cudnn();  // where it is missing, no case
  auto const g = std::make_shared<Gate>(rows);
  return {bytes(rows, 4 * kWidth), 0, 0,
          [g] {
            cuda::softmax_gate_forward(cudnn(), g->on_logits.view(), g->on_h.view(), kScale,
                                       g->on_gate.view(), g->on_y.view());
          },
          // exp, a sum of 250 positive terms, a division and two products, each rounded
          [g] {
            return test::compare(g->on_y.values(), g->y.values(), {300 * test::kEps, 1e-30});
          }};
}

/// A head with the paper's loss, truncated.
struct Head {
  static constexpr std::int64_t kOutputs = 3;

  explicit Head(std::int64_t rows)
      : x(HostMatrix::random(rows, kWidth, "x")),
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

  void enqueue() {
    cuda::head_loss<float>(
        test::stream(), on_x.view(), on_w.view(), on_bias.view().data,
        {on_targets.data(), 1, on_weights.data(), on_scale.data(), on_loss.data(), on_kept.data()},
        params, on_y.view(), on_da.view());
  }
  Comparison check() const {
    std::int64_t const rows = x.view().rows;
    std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(kWidth, kOutputs)));
    cpu::dense_pack(w.view(), packed.data());
    HostMatrix a(rows, kOutputs), y(rows, kOutputs), da(rows, kOutputs);
    cpu::dense_forward(x.view(), packed.data(), bias.view().data, Activation::none, a.view(), {});
    std::vector<float> loss(weights.size()), kept(weights.size());
    cpu::head_loss(std::as_const(a).view(), targets.data(), 1, weights.data(), params, 1.0f,
                   y.view(), da.view(), loss.data(), kept.data());
    Comparison const found = test::compare_bits(on_da.values(), da.values());
    return found.ok ? test::compare_bits(on_loss.values(), loss) : found;
  }

  HostMatrix x, w, bias;
  std::vector<float> targets, weights;
  LossParams params;
  DeviceMatrix on_x, on_w, on_bias, on_y, on_da;
  DeviceArray on_targets, on_weights, on_scale, on_loss, on_kept;
};

Case head_loss(std::int64_t rows) {
  auto const head = std::make_shared<Head>(rows);
  return {bytes(rows, kWidth + 2 + 3 + 3 + 2), 2.0 * 3 * kWidth * static_cast<double>(rows), 0,
          [head] { head->enqueue(); }, [head] { return head->check(); }};
}

Case annotation(std::int64_t rows) {
  constexpr std::int64_t kFeatures = 21;
  AnnotationParams params;
  params.feature = 2;
  params.scale = 0.4f;
  params.centres = {0.0f, 0.8f, 1.0f, 1.2f, 1.375f, 1.475f, 1.7f, 2.0f, 2.5f, 2.8f, 3.2f};
  params.factors.assign(params.centres.size(), 30.0f);
  auto const cols = kFeatures + static_cast<std::int64_t>(params.centres.size());
  auto const x = std::make_shared<HostMatrix>(HostMatrix::random(rows, kFeatures, "x"));
  auto const on_x = std::make_shared<DeviceMatrix>(*x);
  auto const y = std::make_shared<DeviceMatrix>(rows, cols, 0.0f);
  return {bytes(rows, kFeatures + cols), 0, 0,
          [=] { cuda::annotation_forward(test::stream(), on_x->view(), params, y->view()); },
          [=] {
            HostMatrix want(rows, cols);
            cpu::annotation_forward(std::as_const(*x).view(), params, want.view());
            return test::compare_bits(y->values(), want.values());
          }};
}

}  // namespace

std::vector<NamedCase> row_cases() {
  return {{"softmax_gate_forward/fp32/own", false, gate_forward},
          {"softmax_gate_forward/fp32/cudnn", false, gate_forward_cudnn},
          {"softmax_gate_backward/fp32/own", false, gate_backward},
          {"head_loss/fp32/own", false, head_loss},
          {"annotation_forward/fp32/own", false, annotation}};
}

}  // namespace jetcal::bench
