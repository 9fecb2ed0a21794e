#include "kernels/softmax_gate_cudnn.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/dense_reference.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

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
    auto const at = [&](HostMatrix const& m, std::size_t c) { return number(m.view().row(r)[c]); };
    double top = -HUGE_VAL, sum = 0, mean = 0, mean_size = 0;
    for (std::size_t c = 0; c < width; ++c) { top = std::max(top, at(logits, c)); }
    for (std::size_t c = 0; c < width; ++c) { sum += std::exp(at(logits, c) - top); }
    for (std::size_t c = 0; c < width; ++c) {
      share.push_back(std::exp(at(logits, c) - top) / sum);
      y.push_back(scale * share[c] * at(h, c));
      dh.push_back(at(dy, c) * scale * share[c]);
      mean += share[c] * at(dy, c) * at(h, c);
      mean_size += share[c] * std::abs(at(dy, c) * at(h, c));
    }
    for (std::size_t c = 0; c < width; ++c) {
      double const t = at(dy, c) * at(h, c);
      dlogits.push_back(scale * share[c] * (t - mean));
      logits_size.push_back(scale * share[c] * (std::abs(t) + mean_size));
    }
  }
};

/// The gate in double, row after row.
struct Gate {
  Gate(HostMatrix const& logits, HostMatrix const& h, HostMatrix const& dy, double scale) {
    for (std::int64_t r = 0; r < h.view().rows; ++r) {
      Row const row(logits, h, dy, r, scale);
      append(share, row.share);
      append(y, row.y);
      append(dlogits, row.dlogits);
      append(logits_size, row.logits_size);
      append(dh, row.dh);
    }
  }
  static void append(std::vector<double>& list, std::vector<double> const& more) {
    list.insert(list.end(), more.begin(), more.end());
  }
  std::vector<double> share, y, dlogits, logits_size, dh;
};

/// The roundings to bf16 between cuDNN's softmax and what our kernels do with it.
template <class T>
constexpr double kBetween = std::is_same_v<T, Bf16> ? kRounding<Bf16> : 0;

// One exponential (2 ulp, and 2^-24 |a - max a| of the rounded difference, at most 20 here), a sum
// of `width` in any order, and a few products.
double in_float32(std::int64_t width) { return static_cast<double>(width + 32) * kEps; }

/// `values`, or 0.5 plus them, times a slope: a gradient, and errors of `share` of the sizes.
struct Wanted {
  Wanted(std::vector<double> const& gradient, std::vector<double> const& sizes, bool add,
         std::vector<float> const& slope, double share) {
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      double const factor = slope.empty() ? 1 : number(slope[i]), old = add ? 0.5 : 0;
      values.push_back(factor * (old + gradient[i]));
      errors.push_back(share * std::abs(factor) * (old + std::abs(sizes[i])));
    }
  }
  std::vector<double> values, errors;
};

TEMPLATE_TEST_CASE("cuDNN softmax gate is the equation, forward and backward", "[cuda][cudnn]",
                   float, Tf32, Bf16) {
  using T = TestType;
  for (Case const& c : kCases) {
    auto const random = [&](char const* name, double size) {
      return rounded<T>(HostMatrix::random(c.rows, c.width, name, size));
    };
    HostMatrix const logits = random("logits", 10), h = random("h", 1);
    HostMatrix const dy = random("cotangent", 1), slope = random("slope", 1);
    float const scale = 2.5f;
    Gate const want(logits, h, dy, number(scale));
    StoredMatrix<T> const on_logits(logits), on_h(h), on_slope(slope);
    StoredMatrix<T> on_share(c.rows, c.width, kGuard), on_y(c.rows, c.width, kGuard);
    cuda::softmax_gate_forward<T>(cudnn(), on_logits.view(), on_h.view(), scale, on_share.view(),
                                  on_y.view());
    CAPTURE(c.rows, c.width);
    double const sum = in_float32(c.width);
    CHECK_CLOSE(on_share.values(), want.share, (Tolerance{kBetween<T> + sum, 1e-37}));
    check_rounded<T>(on_y.values(), want.y,
                     Wanted(want.y, want.y, false, {}, kBetween<T> + sum).errors);
    CHECK((on_share.well_kept() && on_y.well_kept()));
    for (int which = 0; which < 16; ++which) {
      bool const add_logits = (which & 1) != 0, add_h = !add_logits, sloped = (which & 2) != 0;
      bool const wants_logits = (which & 4) != 0, wants_h = (which & 8) != 0;
      CAPTURE(add_logits, sloped, wants_logits, wants_h);
      StoredMatrix<T> on_dy(dy, padded(c.width), kOutputPadding);
      StoredMatrix<T> on_dlogits(c.rows, c.width, 0.5f), on_dh(c.rows, c.width, 0.5f);
      ConstMatOf<T> const through = sloped ? on_slope.view() : ConstMatOf<T>{};
      cuda::softmax_gate_backward<T>(
          cudnn(), on_dy.view(), on_h.view(), on_share.view(), scale,
          {wants_logits ? on_dlogits.view() : MatOf<T>{}, add_logits, through},
          {wants_h ? on_dh.view() : MatOf<T>{}, add_h, through});
      std::vector<float> const factors = sloped ? slope.values() : std::vector<float>{};
      std::vector<double> const untouched(want.dh.size(), 0.5), exactly(want.dh.size(), 0);
      // t is rounded, the share within and before the difference, and what cuDNN writes; 2 % for
      // products of roundings.
      double const of_logits = 1.02 * (kRounding<T> + 3 * kBetween<T>)+in_float32(2 * c.width);
      Wanted const dlogits(want.dlogits, want.logits_size, add_logits, factors, of_logits);
      Wanted const dh(want.dh, want.dh, add_h, factors, kBetween<T> + sum);
      check_rounded<T>(on_dlogits.values(), wants_logits ? dlogits.values : untouched,
                       wants_logits ? dlogits.errors : exactly);
      check_rounded<T>(on_dh.values(), wants_h ? dh.values : untouched,
                       wants_h ? dh.errors : exactly);
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
  cuda::softmax_gate_forward<float>(cudnn(), on_logits.view(), on_h.view(), 9, share.view(),
                                    y.view());
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
  std::string const text = error_text<ShapeError>([&] {
    cuda::softmax_gate_forward<float>(cudnn(), a.view(), b.view(), 1, b.view(), b.view());
  });
  CHECK(has(text, "logits is [4, 5] (must be [4, 6])"));
  for (float const scale : {0.0f, -1.0f, std::nanf(""), INFINITY}) {
    CHECK_THROWS_AS(
        cuda::softmax_gate_forward<float>(cudnn(), a.view(), a.view(), scale, a.view(), a.view()),
        ConfigError);
  }
}

}  // namespace
}  // namespace jetcal::test
