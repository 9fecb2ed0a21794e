#include "kernels/head.cuh"

#include <limits>

#include "kernels/dense.hpp"
#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

struct Case {
  std::int64_t rows, inputs;
  std::int64_t outputs = 3;
};

// Around the block of 128 rows and the tiles of 16 inputs, and the most inputs.
constexpr Case kCases[] = {{0, 5},     {1, 1},       {2, 15},    {31, 16}, {33, 17},
                           {127, 4},   {128, 33},    {129, 250}, {300, 6}, {5, 7, 1},
                           {40, 9, 2}, {130, 20, 2}, {3, 1024}};

/// Inputs of a head: targets near 1 and weights of many sizes in columns, like those of a batch.
struct Inputs {
  HostMatrix x, w, bias, targets, weights;

  explicit Inputs(Case const& c, double size = 0.4)
      : x(HostMatrix::random(c.rows, c.inputs, "x")),
        w(HostMatrix::random(c.inputs, c.outputs, "w", size)),
        bias(HostMatrix::random(1, c.outputs, "bias")),
        targets(HostMatrix::random(c.rows, 2, "targets", 0.5)),
        weights(HostMatrix::random(c.rows, 1, "weights", 0.9)) {
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t i = 0; i < 2; ++i) { targets.view().row(r)[i] += 1; }
      weights.view().row(r)[0] += 1;
    }
  }
};

std::vector<float> column(HostMatrix const& m, std::int64_t c) {
  std::vector<float> list;
  for (std::int64_t r = 0; r < m.view().rows; ++r) { list.push_back(m.view().row(r)[c]); }
  return list;
}

/// The CPU's product of a head.
HostMatrix pre_activations(Case const& c, Inputs const& in) {
  std::vector<float> packed(static_cast<std::size_t>(cpu::dense_packed_size(c.inputs, c.outputs)));
  cpu::dense_pack(in.w.view(), packed.data());
  HostMatrix a(c.rows, c.outputs);
  cpu::dense_forward(in.x.view(), packed.data(), in.bias.view().data, Activation::none, a.view(),
                     {});
  return a;
}

void check_loss(Case const& c, Inputs const& in, LossConfig const& config) {
  LossParams const params = make_loss_params(config, c.outputs);
  float const scale = 0.37f;
  HostMatrix const a = pre_activations(c, in);
  HostMatrix y(c.rows, c.outputs), da(c.rows, c.outputs);
  std::vector<float> const target = column(in.targets, 1), weight = column(in.weights, 0);
  std::vector<float> loss(target.size()), kept(target.size());
  cpu::head_loss(a.view(), target.data(), 1, weight.data(), params, scale, y.view(), da.view(),
                 loss.data(), kept.data());

  DeviceMatrix const on_x(in.x), on_w(in.w), on_bias(in.bias), on_targets(in.targets);
  DeviceMatrix on_y(c.rows, c.outputs, kGuard), on_da(c.rows, c.outputs, kGuard);
  DeviceArray on_weights(weight), on_scale({scale});
  DeviceArray on_loss(std::vector<float>(loss.size(), kGuard));
  DeviceArray on_kept(std::vector<float>(kept.size(), kGuard));
  cuda::HeadRows rows;
  rows.targets = on_targets.view().data + 1;
  rows.target_stride = on_targets.view().ld;
  rows.weights = on_weights.data();
  rows.gradient_scale = on_scale.data();
  rows.row_loss = on_loss.data();
  rows.row_kept = on_kept.data();
  cuda::head_loss<float>(stream(), on_x.view(), on_w.view(), on_bias.view().data, rows, params,
                         on_y.view(), on_da.view());
  CHECK_SAME_BITS(on_y.values(), y.values());
  CHECK_SAME_BITS(on_da.values(), da.values());
  CHECK_SAME_BITS(on_loss.values(), loss);
  CHECK_SAME_BITS(on_kept.values(), kept);
  CHECK((on_y.well_kept() && on_da.well_kept() && on_loss.well_kept() && on_kept.well_kept()));
}

TEST_CASE("cuda head has the CPU's bits at every size", "[cuda][head]") {
  for (Case const& c : kCases) {
    CAPTURE(c.rows, c.inputs, c.outputs);
    Inputs const in(c);
    HostMatrix const a = pre_activations(c, in);
    HostMatrix y(c.rows, c.outputs);
    cpu::head_activation(a.view(), y.view());
    DeviceMatrix const on_x(in.x), on_w(in.w), on_bias(in.bias);
    DeviceMatrix on_y(c.rows, c.outputs, kGuard);
    cuda::head_forward<float>(stream(), on_x.view(), on_w.view(), on_bias.view().data, on_y.view());
    CHECK_SAME_BITS(on_y.values(), y.values());
    CHECK(on_y.well_kept());
    LossConfig config;
    config.kind = c.outputs == 3 ? LossKind::mdna : c.outputs == 2 ? LossKind::mdn : LossKind::mse;
    config.truncation = c.outputs == 1 ? 0 : 2;
    check_loss(c, in, config);
  }
}

TEST_CASE("cuda losses of every kind have the CPU's bits", "[cuda][head]") {
  Case const c{75, 12};
  for (LossKind const kind :
       {LossKind::mdn, LossKind::mdna, LossKind::mse, LossKind::mae, LossKind::huber,
        LossKind::gaussian_kernel, LossKind::leaky_gaussian_kernel}) {
    bool const density = kind == LossKind::mdn || kind == LossKind::mdna;
    for (double const truncation : {0.0, 1.0, 3.5}) {
      if (truncation > 0 && !density) { continue; }
      for (TruncationForm const form : {TruncationForm::detached, TruncationForm::literal}) {
        for (double const size : {0.4, 6.0}) {  // the larger one brings sigmas below the floor
          CAPTURE(static_cast<int>(kind), truncation, static_cast<int>(form), size);
          LossConfig config;
          config.kind = kind;
          config.truncation = truncation;
          config.form = form;
          config.force_literal = true;
          config.delta = 0.2;
          check_loss(c, Inputs(c, size), config);
        }
      }
    }
  }
}

TEST_CASE("cuda losses let nothing that is not finite pass", "[cuda][head]") {
  Case const c{40, 10};
  Inputs in(c);
  in.x.view().row(3)[9] = std::nanf("");
  in.x.view().row(4)[0] = INFINITY;
  in.targets.view().row(5)[1] = std::nanf("");
  in.targets.view().row(6)[1] = -INFINITY;
  in.weights.view().row(7)[0] = std::nanf("");
  in.weights.view().row(8)[0] = 0;
  in.x.view().row(9)[2] = 1e-42f;
  std::fill_n(in.x.view().row(10), c.inputs, 1e4f);  // tanh + 1 runs into 0 and 2
  std::fill_n(in.x.view().row(11), c.inputs, -1e4f);
  for (double const floor : {0.0, 0.01}) {
    LossConfig config;
    config.truncation = 3;
    config.sigma_floor = floor;
    check_loss(c, in, config);
  }
}

TEST_CASE("cuda head refuses shapes that do not fit", "[cuda][head]") {
  DeviceMatrix x(4, 20, 1), w(20, 4, 1), y(4, 4, 0);
  std::string const text = error_text<ShapeError>(
      [&] { cuda::head_forward<float>(stream(), x.view(), w.view(), w.view().data, y.view()); });
  CHECK(text.find("head_forward: the head has 4 outputs (must be 1 to 3)") != std::string::npos);
  DeviceMatrix y3(4, 3, 0), w3(20, 3, 1);
  LossParams const params = make_loss_params({}, 3);
  CHECK_THROWS_AS(cuda::head_loss<float>(stream(), x.view(), w3.view(), w3.view().data, {}, params,
                                         y3.view(), y3.view()),
                  ShapeError);
}

}  // namespace
}  // namespace jetcal::test
