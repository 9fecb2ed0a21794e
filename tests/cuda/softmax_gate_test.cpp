#include "kernels/softmax_gate.cuh"

#include "kernels/dense.hpp"
#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

struct Case {
  std::int64_t rows, width;
};

// Around the half-warps (rows two by two, 16 strands) and the blocks, the paper's widths, the
// largest.
std::vector<Case> cases() {
  std::vector<Case> list;
  for (std::int64_t rows : {0, 1, 2, 15, 16, 17, 31, 33}) { list.push_back({rows, 17}); }
  for (std::int64_t width : {1, 2, 7, 8, 9, 15, 16, 18, 31, 32, 33, 63, 64, 210, 250, 1024}) {
    list.push_back({3, width});
  }
  return list;
}

void check_forward(HostMatrix const& logits, HostMatrix const& h, float scale) {
  std::int64_t const rows = h.view().rows, width = h.view().cols;
  HostMatrix gate(rows, width), y(rows, width);
  cpu::softmax_gate_forward(logits.view(), h.view(), scale, gate.view(), y.view());
  DeviceMatrix const on_logits(logits), on_h(h);
  DeviceMatrix on_gate(rows, width, kGuard), on_y(rows, width, kGuard);
  cuda::softmax_gate_forward<float>(stream(), on_logits.view(), on_h.view(), scale, on_gate.view(),
                                    on_y.view());
  CHECK_SAME_BITS(on_gate.values(), gate.values());
  CHECK_SAME_BITS(on_y.values(), y.values());
  CHECK((on_gate.well_kept() && on_y.well_kept()));
}

TEST_CASE("cuda softmax gate has the CPU's bits at every size", "[cuda][softmax]") {
  for (Case const& c : cases()) {
    CAPTURE(c.rows, c.width);
    HostMatrix const logits = HostMatrix::random(c.rows, c.width, "logits", 9);
    HostMatrix const h = HostMatrix::random(c.rows, c.width, "h");
    check_forward(logits, h, static_cast<float>(c.width));
    check_forward(logits, h, 2.5f);
  }
}

TEST_CASE("cuda softmax gate has the CPU's bits at the edges of float", "[cuda][softmax]") {
  HostMatrix logits = HostMatrix::random(9, 35, "logits", 100);
  HostMatrix const h = HostMatrix::random(9, 35, "h");
  float* const nan_row = logits.view().row(1);
  nan_row[34] = std::nanf("");
  logits.view().row(2)[0] = std::nanf("");
  logits.view().row(3)[17] = INFINITY;
  logits.view().row(4)[5] = -INFINITY;
  std::fill_n(logits.view().row(5), 35, -INFINITY);
  std::fill_n(logits.view().row(6), 35, 1e30f);
  logits.view().row(7)[3] = 3e38f;
  check_forward(logits, h, 35);
}

TEST_CASE("cuda softmax gate backward has the CPU's bits", "[cuda][softmax]") {
  for (Case const& c : cases()) {
    HostMatrix const h = HostMatrix::random(c.rows, c.width, "h");
    HostMatrix const gate = HostMatrix::random(c.rows, c.width, "gate", 2);
    HostMatrix const dy = HostMatrix::random(c.rows, c.width, "cotangent");
    DeviceMatrix const on_h(h), on_gate(gate), on_dy(dy);
    for (int which = 0; which < 16; ++which) {
      bool const add_logits = (which & 1) != 0, add_h = (which & 2) != 0;
      bool const wants_logits = (which & 4) != 0, wants_h = (which & 8) != 0;
      CAPTURE(c.rows, c.width, add_logits, add_h, wants_logits, wants_h);
      HostMatrix dlogits(c.rows, c.width, 0.5f), dh(c.rows, c.width, 0.5f);
      cpu::softmax_gate_backward(dy.view(), h.view(), gate.view(), 2.5f, add_logits,
                                 wants_logits ? dlogits.view() : Mat{}, add_h,
                                 wants_h ? dh.view() : Mat{});
      DeviceMatrix on_dlogits(c.rows, c.width, 0.5f), on_dh(c.rows, c.width, 0.5f);
      cuda::softmax_gate_backward<float>(stream(), on_dy.view(), on_h.view(), on_gate.view(), 2.5f,
                                         {wants_logits ? on_dlogits.view() : Mat{}, add_logits, {}},
                                         {wants_h ? on_dh.view() : Mat{}, add_h, {}});
      CHECK_SAME_BITS(on_dlogits.values(), dlogits.values());
      CHECK_SAME_BITS(on_dh.values(), dh.values());
      CHECK((on_dlogits.well_kept() && on_dh.well_kept()));
    }
  }
}

TEST_CASE("cuda softmax gate multiplies gradients with their slopes", "[cuda][softmax]") {
  for (Case const& c : {Case{5, 33}, Case{4, 16}, Case{1, 1}}) {
    CAPTURE(c.rows, c.width);
    HostMatrix const h = HostMatrix::random(c.rows, c.width, "h");
    HostMatrix const gate = HostMatrix::random(c.rows, c.width, "gate", 2);
    HostMatrix const dy = HostMatrix::random(c.rows, c.width, "cotangent");
    HostMatrix const slope_logits = HostMatrix::random(c.rows, c.width, "slope of the logits");
    HostMatrix const slope_h = HostMatrix::random(c.rows, c.width, "slope of the hidden layer");
    HostMatrix dlogits(c.rows, c.width, 0.5f), dh(c.rows, c.width, 0.5f);
    cpu::softmax_gate_backward(dy.view(), h.view(), gate.view(), 2.5f, true, dlogits.view(), true,
                               dh.view());
    cpu::dense_backward_activation(slope_logits.view(), dlogits.view());
    cpu::dense_backward_activation(slope_h.view(), dh.view());

    DeviceMatrix const on_h(h), on_gate(gate), on_dy(dy);
    DeviceMatrix on_slope_logits(slope_logits), on_slope_h(slope_h);
    DeviceMatrix on_dlogits(c.rows, c.width, 0.5f), on_dh(c.rows, c.width, 0.5f);
    cuda::softmax_gate_backward<float>(stream(), on_dy.view(), on_h.view(), on_gate.view(), 2.5f,
                                       {on_dlogits.view(), true, on_slope_logits.view()},
                                       {on_dh.view(), true, on_slope_h.view()});
    CHECK_SAME_BITS(on_dlogits.values(), dlogits.values());
    CHECK_SAME_BITS(on_dh.values(), dh.values());
  }
}

TEST_CASE("cuda softmax gate refuses what the CPU refuses", "[cuda][softmax]") {
  DeviceMatrix a(4, 5, 0), b(4, 6, 0);
  std::string const text = error_text<ShapeError>([&] {
    cuda::softmax_gate_forward<float>(stream(), a.view(), b.view(), 1, b.view(), b.view());
  });
  CHECK(text.find("logits is [4, 5] (must be [4, 6])") != std::string::npos);
  for (float const scale : {0.0f, -1.0f, std::nanf(""), INFINITY}) {
    CHECK_THROWS_AS(
        cuda::softmax_gate_forward<float>(stream(), a.view(), a.view(), scale, a.view(), a.view()),
        ConfigError);
  }
}

}  // namespace
}  // namespace jetcal::test
