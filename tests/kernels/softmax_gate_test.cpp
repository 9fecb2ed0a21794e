#include "kernels/softmax_gate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"
#include "tests/error_text.hpp"
#include "tests/guarded_matrix.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
constexpr double kHalfEps = kEps / 2;  // one rounding
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  std::int64_t rows, width, padding;
  float scale;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (std::int64_t rows : {0, 1, 2, 13, 14, 15, 33}) { list.push_back({rows, 17, 15, 1.0f}); }
  for (std::int64_t w = 1; w <= 40; ++w) { list.push_back({3, w, w % 4, 2.5f}); }
  for (std::int64_t w : {210, 250, 256}) { list.push_back({2, w, 14, static_cast<float>(w)}); }
  return list;
}

/// One row of logits, hidden layer and cotangents of a case, with the exact results.
struct Row {
  Doubles logits, h, dy;
  double scale;
  double top = 0, sum = 0;

  Row(Floats const& a, Floats const& x, Floats const& c, std::int64_t r, Case const& shape)
      : scale(static_cast<double>(shape.scale)) {
    auto const first = r * shape.width;
    logits.assign(a.begin() + first, a.begin() + first + shape.width);
    h.assign(x.begin() + first, x.begin() + first + shape.width);
    dy.assign(c.begin() + first, c.begin() + first + shape.width);
    top = *std::max_element(logits.begin(), logits.end());
    for (double const logit : logits) { sum += std::exp(logit - top); }
  }

  double gate(std::size_t j) const { return scale * std::exp(logits[j] - top) / sum; }

  /// What float may do to gate j: the difference and exp (1.1 ulp) of the logit itself and, in the
  /// mean, of the sum; width / 16 + 4 additions; three more roundings. A share below the normal
  /// range is rounded to 2^-149.
  double gate_error(std::size_t j) const {
    double in_sum = 0;
    for (std::size_t k = 0; k < logits.size(); ++k) {
      in_sum += gate(k) / scale * std::abs(logits[k] - top) * kHalfEps;
    }
    double const additions = static_cast<double>(logits.size()) / 16 + 4;
    double const relative =
        std::abs(logits[j] - top) * kHalfEps + in_sum + 2 * 1.1 * kEps + (additions + 3) * kHalfEps;
    return gate(j) * relative * 1.01 + (scale + 1) * 0x1p-149;
  }

  /// <dy, y> as a function of logit k alone, shifted by `by`.
  double shifted_loss(std::size_t k, double by) const {
    double weighted = 0;
    double total = 0;
    for (std::size_t j = 0; j < logits.size(); ++j) {
      double const e = std::exp(logits[j] + (j == k ? by : 0) - top);
      weighted += dy[j] * h[j] * e;
      total += e;
    }
    return scale * weighted / total;
  }
};

struct Forward {
  Floats gate, y;
};

Forward forward(Floats const& logits, Floats const& h, Case const& c) {
  GuardedMatrix gate(c.rows, c.width, c.padding, kNan);
  GuardedMatrix y(c.rows, c.width, c.padding, kNan);
  cpu::softmax_gate_forward(GuardedMatrix(c.rows, c.width, c.padding, logits).view(),
                            GuardedMatrix(c.rows, c.width, c.padding, h).view(), c.scale,
                            gate.view(), y.view());
  CHECK(gate.well_kept());
  CHECK(y.well_kept());
  return {gate.values(), y.values()};
}

struct Backward {
  Floats dlogits, dh;
};

/// An output that is added to begins as 0.5, one that is overwritten as NaN.
Backward backward(Floats const& dy, Floats const& h, Floats const& gate, Case const& c,
                  bool add_logits, bool add_h) {
  GuardedMatrix dlogits(c.rows, c.width, c.padding, add_logits ? 0.5f : kNan);
  GuardedMatrix dh(c.rows, c.width, c.padding, add_h ? 0.5f : kNan);
  cpu::softmax_gate_backward(GuardedMatrix(c.rows, c.width, c.padding, dy).view(),
                             GuardedMatrix(c.rows, c.width, c.padding, h).view(),
                             GuardedMatrix(c.rows, c.width, c.padding, gate).view(), c.scale,
                             add_logits, dlogits.view(), add_h, dh.view());
  CHECK(dlogits.well_kept());
  CHECK(dh.well_kept());
  return {dlogits.values(), dh.values()};
}

struct Inputs {
  Floats logits, h, dy;
};

/// Logits of a row lie within `spread` of a level that may be far from 0: e^level overflows.
Inputs inputs_of(Case const& c, double spread) {
  std::int64_t const n = c.rows * c.width;
  Inputs in{uniform(n, -spread, spread, seed_of("logits", n)),
            uniform(n, -2, 2, seed_of("hidden", n)), uniform(n, -1, 1, seed_of("cotangent", n))};
  for (std::int64_t i = 0; i < n; ++i) {
    in.logits[static_cast<std::size_t>(i)] += (i / c.width % 3 == 1) ? 200.0f : 0.0f;
  }
  return in;
}

TEST_CASE("softmax gate matches the equation at every width", "[softmax_gate]") {
  for (Case const& c : cases()) {
    for (double const spread : {3.0, 60.0}) {
      Inputs const in = inputs_of(c, spread);
      Doubles gate, y, gate_allowed, y_allowed;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        Row const row(in.logits, in.h, in.dy, r, c);
        for (std::size_t j = 0; j < row.h.size(); ++j) {
          gate.push_back(row.gate(j));
          gate_allowed.push_back(row.gate_error(j));
          y.push_back(row.gate(j) * row.h[j]);
          y_allowed.push_back((row.gate_error(j) + row.gate(j) * kHalfEps) * std::abs(row.h[j]) +
                              0x1p-149);
        }
      }
      with_each_isa([&] {
        CAPTURE(c.rows, c.width, spread);
        Forward const out = forward(in.logits, in.h, c);
        CHECK_CLOSE(out.gate, gate, Tolerance{1, 0}, gate_allowed);
        CHECK_CLOSE(out.y, y, Tolerance{1, 0}, y_allowed);
      });
    }
  }
}

TEST_CASE("softmax gate's gradients are those of its equation", "[softmax_gate]") {
  constexpr double kStep = 1e-5;  // of central differences: truncation 1e-10, rounding 1e-11
  for (Case const& c : cases()) {
    Inputs const in = inputs_of(c, 3.0);
    Floats const gate = forward(in.logits, in.h, c).gate;
    Doubles dlogits, dh, dlogits_allowed, dh_allowed;
    for (std::int64_t r = 0; r < c.rows; ++r) {
      Row const row(in.logits, in.h, in.dy, r, c);
      double mean_size = 0;  // sum of |t_k| gate_k / scale
      double mean_error = 0;
      for (std::size_t k = 0; k < row.h.size(); ++k) {
        double const t = std::abs(row.dy[k] * row.h[k]);
        mean_size += t * row.gate(k) / row.scale;
        mean_error += t * row.gate_error(k) / row.scale;
      }
      double const additions = static_cast<double>(c.width) / 16 + 4;
      mean_error += mean_size * (additions + 3) * kHalfEps;
      for (std::size_t k = 0; k < row.h.size(); ++k) {
        double const t = std::abs(row.dy[k] * row.h[k]);
        dlogits.push_back((row.shifted_loss(k, kStep) - row.shifted_loss(k, -kStep)) / (2 * kStep));
        dlogits_allowed.push_back(row.gate_error(k) * (t + mean_size) +
                                  row.gate(k) * ((t + mean_size) * 3 * kHalfEps + mean_error) +
                                  3e-10 * row.scale);
        dh.push_back(row.dy[k] * row.gate(k));
        dh_allowed.push_back(std::abs(row.dy[k]) * (row.gate_error(k) + row.gate(k) * kHalfEps));
      }
    }
    for (bool const add_logits : {false, true}) {
      for (bool const add_h : {false, true}) {
        Doubles want_logits = dlogits, want_h = dh;
        Doubles allowed_logits = dlogits_allowed, allowed_h = dh_allowed;
        for (std::size_t i = 0; i < dlogits.size(); ++i) {
          want_logits[i] += add_logits ? 0.5 : 0.0;
          want_h[i] += add_h ? 0.5 : 0.0;
          allowed_logits[i] += add_logits ? kHalfEps * std::abs(want_logits[i]) : 0.0;
          allowed_h[i] += add_h ? kHalfEps * std::abs(want_h[i]) : 0.0;
        }
        with_each_isa([&] {
          CAPTURE(c.rows, c.width, add_logits, add_h);
          Backward const out = backward(in.dy, in.h, gate, c, add_logits, add_h);
          CHECK_CLOSE(out.dlogits, want_logits, Tolerance{1, 0}, allowed_logits);
          CHECK_CLOSE(out.dh, want_h, Tolerance{1, 0}, allowed_h);
        });
      }
    }
  }
}

TEST_CASE("softmax gate of equal logits is exact", "[softmax_gate]") {
  for (std::int64_t width : {1, 2, 4, 8, 16, 32, 64, 256}) {
    Case const c{2, width, 3, static_cast<float>(width)};
    Floats const h = uniform(2 * width, -5, 5, seed_of("equal logits", width));
    for (float const level : {-1e30f, -3.7f, 0.0f, 512.0f, 1e30f}) {
      Floats const logits(h.size(), level);
      with_each_isa([&] {
        Forward const out = forward(logits, h, c);
        CHECK(out.gate == Floats(h.size(), 1.0f));
        CHECK(out.y == h);
      });
    }
  }
}

TEST_CASE("softmax gate gives the same bits on every instruction set", "[softmax_gate]") {
  for (Case const& c : cases()) {
    Inputs const in = inputs_of(c, 20.0);
    Forward first;
    Backward first_back;
    bool seen = false;
    with_each_isa([&] {
      Forward const out = forward(in.logits, in.h, c);
      Backward const back = backward(in.dy, in.h, out.gate, c, true, false);
      if (!seen) {
        first = out;
        first_back = back;
        seen = true;
      }
      CAPTURE(c.rows, c.width);
      CHECK_SAME_BITS(out.gate, first.gate);
      CHECK_SAME_BITS(out.y, first.y);
      CHECK_SAME_BITS(back.dlogits, first_back.dlogits);
      CHECK_SAME_BITS(back.dh, first_back.dh);
    });
  }
}

TEST_CASE("softmax gate shows what is not finite, in its own row only", "[softmax_gate]") {
  Case const c{3, 37, 2, 1.0f};
  Inputs const in = inputs_of(c, 3.0);
  auto const row_of = [&](Floats const& all, std::int64_t r) {
    return Floats(all.begin() + r * c.width, all.begin() + (r + 1) * c.width);
  };
  with_each_isa([&] {
    Forward const clean = forward(in.logits, in.h, c);
    for (std::int64_t at : {0, 1, 15, 16, 31, 32, 36}) {
      for (float const poison : {kNan, kInf}) {
        Floats logits = in.logits;
        logits[static_cast<std::size_t>(c.width + at)] = poison;
        Forward const out = forward(logits, in.h, c);
        CAPTURE(at, poison);
        for (float const g : row_of(out.gate, 1)) { CHECK(std::isnan(g)); }
        CHECK_SAME_BITS(row_of(out.gate, 0), row_of(clean.gate, 0));
        CHECK_SAME_BITS(row_of(out.y, 2), row_of(clean.y, 2));
      }
      Floats logits = in.logits;
      logits[static_cast<std::size_t>(c.width + at)] = -kInf;
      Forward const out = forward(logits, in.h, c);
      CHECK(out.gate[static_cast<std::size_t>(c.width + at)] == 0.0f);
      double sum = 0;
      for (float const g : row_of(out.gate, 1)) { sum += static_cast<double>(g); }
      CHECK(std::abs(sum - 1) < 1e-5);
    }
    Floats logits = in.logits;
    std::fill(logits.begin(), logits.begin() + c.width, -kInf);
    for (float const g : row_of(forward(logits, in.h, c).gate, 0)) { CHECK(std::isnan(g)); }
  });
}

TEST_CASE("softmax gate works in place and leaves out what is not wanted", "[softmax_gate]") {
  Case const c{5, 33, 3, 2.0f};
  Inputs const in = inputs_of(c, 3.0);
  with_each_isa([&] {
    Forward const apart = forward(in.logits, in.h, c);
    GuardedMatrix logits(c.rows, c.width, c.padding, in.logits);
    GuardedMatrix h(c.rows, c.width, c.padding, in.h);
    cpu::softmax_gate_forward(logits.view(), h.view(), c.scale, logits.view(), h.view());
    CHECK_SAME_BITS(logits.values(), apart.gate);
    CHECK_SAME_BITS(h.values(), apart.y);

    GuardedMatrix const hidden(c.rows, c.width, c.padding, in.h);
    GuardedMatrix const gate(c.rows, c.width, c.padding, apart.gate);
    GuardedMatrix const dy(c.rows, c.width, c.padding, in.dy);
    Backward const both = backward(in.dy, in.h, apart.gate, c, false, false);
    GuardedMatrix only(c.rows, c.width, c.padding, kNan);
    cpu::softmax_gate_backward(dy.view(), hidden.view(), gate.view(), c.scale, false, only.view(),
                               false, {});
    CHECK_SAME_BITS(only.values(), both.dlogits);
    cpu::softmax_gate_backward(dy.view(), hidden.view(), gate.view(), c.scale, false, {}, false,
                               only.view());
    CHECK_SAME_BITS(only.values(), both.dh);
  });
}

TEST_CASE("softmax gate refuses what does not fit", "[softmax_gate]") {
  GuardedMatrix a(2, 4, 0, 0.0f), wrong(3, 4, 0, 0.0f), narrow(2, 3, 1, 0.0f);
  auto const shape = [](auto&& call) { return error_text<ShapeError>(call); };
  auto const forward_of = [&](Mat logits, Mat h, Mat gate, Mat y) {
    return shape([&] { cpu::softmax_gate_forward(logits, h, 1.0f, gate, y); });
  };
  Mat const m = a.view();
  CHECK(forward_of(wrong.view(), m, m, m) ==
        "softmax_gate_forward: logits is [3, 4] (must be [2, 4])");
  CHECK(forward_of(m, m, narrow.view(), m) ==
        "softmax_gate_forward: gate is [2, 3] (must be [2, 4])");
  CHECK(forward_of(m, m, m, wrong.view()) ==
        "softmax_gate_forward: output is [3, 4] (must be [2, 4])");
  auto const backward_of = [&](Mat dy, Mat gate, Mat dlogits, Mat dh) {
    return shape([&] { cpu::softmax_gate_backward(dy, m, gate, 1.0f, false, dlogits, false, dh); });
  };
  CHECK(has(backward_of(wrong.view(), m, m, m), "gradient of the output is [3, 4]"));
  CHECK(has(backward_of(m, wrong.view(), m, m), "gate is [3, 4]"));
  CHECK(has(backward_of(m, m, wrong.view(), m), "gradient of the logits is [3, 4]"));
  CHECK(has(backward_of(m, m, m, narrow.view()), "gradient of the hidden layer is [2, 3]"));
  for (float const scale : {0.0f, -1.0f, kNan, kInf}) {
    CHECK(has(error_text<ConfigError>([&] { cpu::softmax_gate_forward(m, m, scale, m, m); }),
              "(must be finite and above 0)"));
    CHECK(has(error_text<ConfigError>(
                  [&] { cpu::softmax_gate_backward(m, m, m, scale, false, {}, false, {}); }),
              "(must be finite and above 0)"));
  }
}

}  // namespace
}  // namespace jetcal::test
