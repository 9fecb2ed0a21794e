#include "kernels/softmax_gate_cudnn.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

cuda::Cudnn& cudnn() {
  static cuda::Cudnn library(context());
  return library;
}

struct Case {
  std::int64_t rows, width;
};
constexpr Case kCases[] = {{0, 5}, {1, 1}, {3, 2}, {5, 17}, {33, 31}, {64, 33}, {2, 210}, {7, 250}};

/// One row of the gate in double: softmax, and its gradients.
struct Row {
  std::vector<double> share, y, dlogits, dh, logits_size;

  Row(HostMatrix const& logits, HostMatrix const& h, HostMatrix const& dy, std::int64_t r,
      double scale) {
    auto const width = static_cast<std::size_t>(h.view().cols);
    auto const number = [&](HostMatrix const& m, std::size_t c) {
      return static_cast<double>(m.view().row(r)[c]);
    };
    double top = -HUGE_VAL, sum = 0, mean = 0, mean_size = 0;
    for (std::size_t c = 0; c < width; ++c) { top = std::max(top, number(logits, c)); }
    for (std::size_t c = 0; c < width; ++c) { sum += std::exp(number(logits, c) - top); }
    for (std::size_t c = 0; c < width; ++c) {
      share.push_back(std::exp(number(logits, c) - top) / sum);
      y.push_back(scale * share[c] * number(h, c));
      dh.push_back(number(dy, c) * scale * share[c]);
      mean += share[c] * number(dy, c) * number(h, c);
      mean_size += share[c] * std::abs(number(dy, c) * number(h, c));
    }
    for (std::size_t c = 0; c < width; ++c) {
      double const t = number(dy, c) * number(h, c);
      dlogits.push_back(scale * share[c] * (t - mean));
      logits_size.push_back(scale * share[c] * (std::abs(t) + mean_size));
    }
  }
};

void append(std::vector<double>& list, std::vector<double> const& more, double add = 0) {
  for (double const v : more) { list.push_back(v + add); }
}

// One exponential (2 ulp, and 2^-24 |a - max a| of the rounded difference, at most 20 here), a sum
// of `width` in any order, and a few products.
Tolerance tolerance(std::int64_t width) { return {static_cast<double>(width + 32) * kEps, 1e-37}; }

TEST_CASE("cuDNN softmax gate is the equation, forward and backward", "[cuda][cudnn]") {
  for (Case const& c : kCases) {
    HostMatrix const logits = HostMatrix::random(c.rows, c.width, "logits", 10);
    HostMatrix const h = HostMatrix::random(c.rows, c.width, "h");
    HostMatrix const dy = HostMatrix::random(c.rows, c.width, "cotangent");
    float const scale = 2.5f;
    std::vector<double> share, y, dlogits, dh, size;
    for (std::int64_t r = 0; r < c.rows; ++r) {
      Row const row(logits, h, dy, r, static_cast<double>(scale));
      append(share, row.share);
      append(y, row.y);
      append(dlogits, row.dlogits);
      append(dh, row.dh);
      append(size, row.logits_size);
    }
    DeviceMatrix const on_logits(logits), on_h(h);
    DeviceMatrix on_share(c.rows, c.width, kGuard), on_y(c.rows, c.width, kGuard);
    cuda::softmax_gate_forward(cudnn(), on_logits.view(), on_h.view(), scale, on_share.view(),
                               on_y.view());
    CAPTURE(c.rows, c.width);
    CHECK_CLOSE(on_share.values(), share, tolerance(c.width));
    CHECK_CLOSE(on_y.values(), y, tolerance(c.width));
    CHECK((on_share.well_kept() && on_y.well_kept()));
    for (int which = 0; which < 16; ++which) {
      bool const add_logits = (which & 1) != 0, add_h = (which & 2) != 0;
      bool const wants_logits = (which & 4) != 0, wants_h = (which & 8) != 0;
      CAPTURE(add_logits, add_h, wants_logits, wants_h);
      DeviceMatrix on_dy(dy), on_dlogits(c.rows, c.width, 0.5f), on_dh(c.rows, c.width, 0.5f);
      cuda::softmax_gate_backward(cudnn(), on_dy.view(), on_h.view(), on_share.view(), scale,
                                  add_logits, wants_logits ? on_dlogits.view() : Mat{}, add_h,
                                  wants_h ? on_dh.view() : Mat{});
      std::vector<double> want_logits(dlogits.size(), 0.5), want_h(dh.size(), 0.5);
      std::vector<double> logits_size(size.size(), 0.5), h_size(dh.size(), 0.5);
      for (std::size_t i = 0; i < dlogits.size(); ++i) {
        if (wants_logits) {
          want_logits[i] = (add_logits ? 0.5 : 0) + dlogits[i];
          logits_size[i] = (add_logits ? 0.5 : 0) + size[i];
        }
        if (wants_h) {
          want_h[i] = (add_h ? 0.5 : 0) + dh[i];
          h_size[i] = (add_h ? 0.5 : 0) + std::abs(dh[i]);
        }
      }
      CHECK_CLOSE(on_dlogits.values(), want_logits, tolerance(2 * c.width), logits_size);
      CHECK_CLOSE(on_dh.values(), want_h, tolerance(c.width), h_size);
      CHECK((on_dlogits.well_kept() && on_dh.well_kept() && on_dy.well_kept()));
    }
  }
}

TEST_CASE("cuDNN softmax gate lets nothing that is not finite pass", "[cuda][cudnn]") {
  HostMatrix logits = HostMatrix::random(4, 9, "logits", 3);
  HostMatrix const h = HostMatrix::random(4, 9, "h");
  logits.view().row(1)[8] = std::nanf("");
  logits.view().row(2)[0] = INFINITY;
  logits.view().row(3)[4] = -INFINITY;
  DeviceMatrix const on_logits(logits), on_h(h);
  DeviceMatrix share(4, 9, kGuard), y(4, 9, kGuard);
  cuda::softmax_gate_forward(cudnn(), on_logits.view(), on_h.view(), 9, share.view(), y.view());
  std::vector<float> const values = y.values();
  for (std::size_t c = 0; c < 9; ++c) {
    CHECK(std::isfinite(values[c]));
    CHECK(std::isnan(values[9 + c]));
    CHECK(std::isnan(values[18 + c]));
    CHECK((c == 4 ? values[27 + c] == 0 : std::isfinite(values[27 + c])));
  }
}

TEST_CASE("cuDNN softmax gate refuses what the others refuse", "[cuda][cudnn]") {
  DeviceMatrix a(4, 5, 0), b(4, 6, 0);
  std::string const text = error_text<ShapeError>(
      [&] { cuda::softmax_gate_forward(cudnn(), a.view(), b.view(), 1, b.view(), b.view()); });
  CHECK(has(text, "logits is [4, 5] (must be [4, 6])"));
  for (float const scale : {0.0f, -1.0f, std::nanf(""), INFINITY}) {
    CHECK_THROWS_AS(
        cuda::softmax_gate_forward(cudnn(), a.view(), a.view(), scale, a.view(), a.view()),
        ConfigError);
  }
}

}  // namespace
}  // namespace jetcal::test
