#include "engine/tape.hpp"

#include <algorithm>
#include <vector>

#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal {
namespace {

/// y = factor * x, y = a * b, and a loss sum(x) with gradient 1: a backend small enough to check by
/// hand. One parameter, the factor, in slice 0.
struct Scale {
  bool train = true;
  std::int64_t width = 1;
  std::int64_t cols() const { return width; }
  std::int64_t saved() const { return 0; }
  std::vector<std::int64_t> parameters() const { return {0}; }
  bool trainable() const { return train; }
  bool is_loss() const { return false; }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return false; }
  std::int64_t prepared() const { return 1; }
};

struct Product {
  std::int64_t width = 1;
  std::int64_t cols() const { return width; }
  std::int64_t saved() const { return 0; }
  std::vector<std::int64_t> parameters() const { return {}; }
  bool trainable() const { return false; }
  bool is_loss() const { return false; }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return false; }
  std::int64_t prepared() const { return 0; }
};

struct Sum {
  std::int64_t cols() const { return 1; }
  std::int64_t saved() const { return 1; }
  std::vector<std::int64_t> parameters() const { return {}; }
  bool trainable() const { return false; }
  bool is_loss() const { return true; }
  bool saves_slope() const { return false; }
  bool keeps_floats() const { return true; }
  std::int64_t prepared() const { return 0; }
};

struct PlainBackend {
  static float factor(OpIo const& io) { return (*io.layout)[0].of(io.parameters).data[0]; }
  template <class F>
  static void each(Mat m, F f) {
    for (std::int64_t r = 0; r < m.rows; ++r) {
      for (std::int64_t c = 0; c < m.cols; ++c) { f(r, c, m.row(r)[c]); }
    }
  }
  static void give(OpIo const& io, std::size_t i, Mat from, auto value) {
    if (io.in_grad[i].data == nullptr) { return; }
    each(from, [&](std::int64_t r, std::int64_t c, float) {
      float& g = io.in_grad[i].row(r)[c];
      g = (io.add[i] ? g : 0.0f) + value(r, c);
    });
  }
  void forward(Scale const&, OpIo const& io) const {
    each(io.value,
         [&](std::int64_t r, std::int64_t c, float& y) { y = factor(io) * io.in[0].row(r)[c]; });
  }
  void backward(Scale const& op, OpIo const& io) const {
    ++backward_calls;
    if (op.train) {
      float& g = (*io.layout)[0].of(io.gradients).data[0];
      if (!io.add_gradients) { g = 0; }
      each(io.grad,
           [&](std::int64_t r, std::int64_t c, float dy) { g += dy * io.in[0].row(r)[c]; });
    }
    give(io, 0, io.grad,
         [&](std::int64_t r, std::int64_t c) { return io.grad.row(r)[c] * factor(io); });
  }
  void forward(Product const&, OpIo const& io) const {
    each(io.value, [&](std::int64_t r, std::int64_t c, float& y) {
      y = io.in[0].row(r)[c] * io.in[1].row(r)[c];
    });
  }
  void backward(Product const&, OpIo const& io) const {
    ++backward_calls;
    for (std::size_t i : {0, 1}) {
      give(io, i, io.grad, [&](std::int64_t r, std::int64_t c) {
        return io.grad.row(r)[c] * io.in[1 - i].row(r)[c];
      });
    }
  }
  void forward(Sum const&, OpIo const& io) const {
    for (std::int64_t r = 0; r < io.rows; ++r) {
      io.value.row(r)[0] = 0;
      for (std::int64_t c = 0; c < io.in[0].cols; ++c) { io.value.row(r)[0] += io.in[0].row(r)[c]; }
    }
  }
  void backward(Sum const&, OpIo const& io) const {
    ++backward_calls;
    give(io, 0, io.in_grad[0], [](std::int64_t, std::int64_t) { return 1.0f; });
  }
  mutable int backward_calls = 0;
};

/// Notes what each op sees and what it is told of the next one.
struct NotingBackend {
  struct Note {
    float const *value, *next_value, *next_prepared;
    std::int64_t next_prepared_floats;
    bool operator==(Note const&) const = default;
  };
  void note(OpIo const& io) const {
    OpIo const none, &next = io.next == nullptr ? none : *io.next;
    notes.push_back({io.value.data, next.value.data, next.prepared, next.prepared_floats});
  }
  void forward(auto const&, OpIo const& io) const { note(io); }
  void backward(auto const&, OpIo const& io) const { note(io); }
  mutable std::vector<Note> notes;
};

using SmallTape = BasicTape<PlainBackend, Scale, Product, Sum>;

Layout one_parameter() {
  Layout layout;
  layout.add("factor", 1, 1);
  return layout;
}

/// A tape's memory, parameters and gradients, prefilled so that a forgotten write shows.
struct Run {
  explicit Run(SmallTape const& tape, float factor, std::vector<ConstMat> inputs)
      : memory(static_cast<std::size_t>(tape.floats_per_row() * 4), 0.5f),
        parameters(16, factor),
        gradients(16, 0.5f) {
    work = {memory.data(), 4, false};
    pass.rows = inputs.front().rows;
    pass.inputs = std::move(inputs);
    pass.parameters = parameters.data();
    pass.gradients = gradients.data();
  }
  std::vector<float> memory, parameters, gradients;
  SmallTape::Workspace work;
  PassArguments pass;
  PlainBackend backend;
};

TEST_CASE("a tape adds the gradients of an entry that is used twice", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(2, true);
  Id const y = tape.record(Scale{true, 2}, {x});    // a x
  Id const z = tape.record(Product{2}, {y, y});     // a^2 x^2
  Id const both = tape.record(Product{2}, {z, y});  // a^3 x^3
  tape.record(Sum{}, {both});
  tape.output(x);
  tape.finish(true);
  float const data[] = {1, 2, 3, -1};
  Run run(tape, 2.0f, {{data, 2, 2, 2}});
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  // d/da sum a^3 x^3 = 3 a^2 sum x^3 = 12 (1 + 8 + 27 - 1)
  CHECK(run.gradients[0] == 12.0f * 35.0f);
  // d/dx = 3 a^3 x^2
  Mat const dx = tape.grad(x, run.work, 2);
  CHECK((dx.row(0)[0] == 24.0f && dx.row(0)[1] == 96.0f));
  CHECK((dx.row(1)[0] == 216.0f && dx.row(1)[1] == 24.0f));
}

TEST_CASE("a tape adds the gradients of a parameter that two ops share", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(1);
  Id const y = tape.record(Scale{true, 1}, {x});
  Id const z = tape.record(Scale{true, 1}, {y});  // a^2 x
  tape.record(Sum{}, {z});
  tape.finish(true);
  float const data[] = {3};
  Run run(tape, 5.0f, {{data, 1, 1, 1}});
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  CHECK(run.gradients[0] == 30.0f);  // 2 a x
  run.pass.add_gradients = true;     // the next tile of the same lane
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  CHECK(run.gradients[0] == 60.0f);
}

TEST_CASE("a tape runs no backward below what is frozen, nor beside the loss", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(1);
  Id const frozen = tape.record(Scale{false, 1}, {x});
  Id const trained = tape.record(Scale{true, 1}, {frozen});
  tape.record(Sum{}, {trained});
  tape.record(Scale{true, 1}, {frozen});  // leads to no loss
  tape.finish(true);
  CHECK_FALSE(tape[frozen].runs_backward);
  float const data[] = {3};
  Run run(tape, 5.0f, {{data, 1, 1, 1}});
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  CHECK(run.backend.backward_calls == 2);
  CHECK(run.gradients[0] == 15.0f);
}

TEST_CASE("each op sees the one that comes after it in the pass", "[tape]") {
  using NotingTape = BasicTape<NotingBackend, Scale, Product, Sum>;
  NotingTape tape(one_parameter());
  Id const x = tape.input(1);
  Id const a = tape.record(Scale{true, 1}, {x});
  Id const b = tape.record(Product{1}, {a, a});
  Id const c = tape.record(Scale{true, 1}, {b});
  Id const sum = tape.record(Sum{}, {c});
  tape.finish(true);
  std::vector<float> memory(static_cast<std::size_t>(tape.floats_per_row()));
  float const data[] = {3}, prepared[] = {1, 2};
  NotingTape::Workspace work{memory.data(), 1, false};
  PassArguments pass;
  pass.rows = 1;
  pass.inputs = {{data, 1, 1, 1}};
  pass.prepared = prepared;
  auto const value = [&](Id id) { return tape.value(id, work, 1).data; };
  NotingBackend const backend;
  tape.forward(backend, work, pass);
  using Notes = std::vector<NotingBackend::Note>;
  CHECK(backend.notes == Notes{{value(a), value(b), prepared + 1, 0},
                               {value(b), value(c), prepared + 1, 1},
                               {value(c), value(sum), prepared + 2, 0},
                               {value(sum), nullptr, nullptr, 0}});
  backend.notes.clear();
  tape.backward(backend, work, pass);
  CHECK(backend.notes == Notes{{value(sum), value(c), prepared + 1, 1},
                               {value(c), value(b), prepared + 1, 0},
                               {value(b), value(a), prepared, 1},
                               {value(a), nullptr, nullptr, 0}});
}

TEST_CASE("a tape starts from a gradient the caller seeds", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(1, true);
  Id const y = tape.record(Scale{true, 1}, {x});
  tape.seed(y);
  tape.finish(true);
  float const data[] = {3};
  Run run(tape, 5.0f, {{data, 1, 1, 1}});
  tape.forward(run.backend, run.work, run.pass);
  tape.grad(y, run.work, 1).data[0] = -2;
  tape.backward(run.backend, run.work, run.pass);
  CHECK(run.gradients[0] == -6.0f);
  CHECK(tape.grad(x, run.work, 1).data[0] == -10.0f);
}

TEST_CASE("a tape refuses a second backward, late ops and wrong inputs", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(1);
  CHECK_THROWS_AS(tape.record(Scale{true, 1}, {x + 1}), ShapeError);
  tape.record(Sum{}, {tape.record(Scale{true, 1}, {x})});
  tape.finish(true);
  CHECK_THROWS_AS(tape.record(Sum{}, {x}), Error);
  float const data[] = {3, 4};
  Run run(tape, 5.0f, {{data, 1, 1, 1}});
  CHECK_THROWS_AS(tape.backward(run.backend, run.work, run.pass), Error);
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  CHECK_THROWS_AS(tape.backward(run.backend, run.work, run.pass), Error);
  run.pass.inputs = {{data, 1, 2, 2}};
  CHECK_THROWS_AS(tape.forward(run.backend, run.work, run.pass), ShapeError);
  run.pass.inputs = {};
  CHECK_THROWS_AS(tape.forward(run.backend, run.work, run.pass), ShapeError);
  run.pass.inputs = {{data, 5, 1, 1}};
  run.pass.rows = 5;
  CHECK_THROWS_AS(tape.forward(run.backend, run.work, run.pass), ShapeError);
}

TEST_CASE("a tape of 100,000 ops needs no recursion and little gradient memory", "[tape]") {
  constexpr int kOps = 100'000;
  SmallTape tape(one_parameter());
  Id at = tape.input(1);
  for (int i = 0; i < kOps; ++i) { at = tape.record(Scale{true, 1}, {at}); }
  tape.record(Sum{}, {at});
  tape.finish(true);
  // Every value once (16 floats a row), the loss's own two, and two gradients in turn; all but the
  // loss's can be stored in 2 bytes each.
  CHECK(tape.floats_per_row() == (kOps + 4) * 16);
  CHECK(tape.floats_per_row(2) == (kOps + 2) * 8 + 2 * 16);
  float const data[] = {1};
  Run run(tape, 1.0f, {{data, 1, 1, 1}});
  tape.forward(run.backend, run.work, run.pass);
  tape.backward(run.backend, run.work, run.pass);
  CHECK(run.gradients[0] == static_cast<float>(kOps));
}

TEST_CASE("what a tape stores in fewer bytes lies apart from all else", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(3, true);
  Id const scaled = tape.record(Scale{true, 3}, {x});
  Id const wide = tape.record(Scale{true, 70}, {x});
  Id const product = tape.record(Product{3}, {x, scaled});
  Id const sum = tape.record(Sum{}, {product});
  tape.seed(scaled);
  tape.seed(wide);
  tape.finish(true);
  for (std::int64_t const stored : {2, 4}) {
    for (std::int64_t const capacity : {1, 5, 8}) {
      CAPTURE(stored, capacity);
      std::int64_t const floats = capacity * tape.floats_per_row(stored);
      std::vector<int> users(static_cast<std::size_t>(floats * 4));  // of each byte
      std::vector<float> memory(static_cast<std::size_t>(floats));
      SmallTape::Workspace const work{memory.data(), capacity, false, stored};
      auto const use = [&](Mat m, std::int64_t bytes) {
        REQUIRE(m.data != nullptr);
        std::int64_t const first = (m.data - memory.data()) * 4;
        CHECK(first % 32 == 0);
        for (std::int64_t i = first; i < first + m.rows * m.ld * bytes; ++i) {
          ++users.at(static_cast<std::size_t>(i));
        }
      };
      for (Id const id : {scaled, wide, product}) { use(tape.value(id, work, capacity), stored); }
      for (Id const id : {scaled, wide}) { use(tape.grad(id, work, capacity), stored); }
      use(tape.grad(product, work, capacity), stored);
      for (Mat const m : {tape.value(sum, work, capacity), tape.saved(sum, work, capacity),
                          tape.grad(x, work, capacity)}) {
        use(m, 4);
      }
      CHECK(std::all_of(users.begin(), users.end(), [](int n) { return n == 1; }));
    }
  }
}

TEST_CASE("a tape without training reuses the memory of values nobody reads again", "[tape]") {
  SmallTape tape(one_parameter());
  Id const x = tape.input(1);
  Id const kept = tape.record(Scale{true, 1}, {x});
  tape.output(kept);
  Id at = kept;
  for (int i = 0; i < 10; ++i) { at = tape.record(Scale{true, 1}, {at}); }
  tape.output(at);
  tape.finish(false);
  CHECK(tape.floats_per_row() == 3 * 16);
  float const data[] = {1};
  Run run(tape, 2.0f, {{data, 1, 1, 1}});
  tape.forward(run.backend, run.work, run.pass);
  CHECK(tape.value(kept, run.work, 1).data[0] == 2.0f);
  CHECK(tape.value(at, run.work, 1).data[0] == 2048.0f);
  CHECK_THROWS_AS(tape.backward(run.backend, run.work, run.pass), Error);
}

}  // namespace
}  // namespace jetcal
