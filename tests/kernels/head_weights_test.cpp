#include "kernels/head_weights.hpp"

#include <cmath>
#include <vector>

#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"

namespace jetcal {
namespace {

using test::kGuard;
using test::seed_of;
using test::uniform;

std::vector<float> random_rows(std::int64_t rows, std::int64_t cols, char const* what) {
  return uniform(rows * padded(cols), -1, 1, seed_of(what, rows * 1000 + cols));
}

TEST_CASE("a head's weight gradients are chains over the rows, to the bit", "[head_weights]") {
  for (std::int64_t const rows : {0, 1, 2, 13, 253}) {
    for (std::int64_t const inputs : {1, 15, 16, 17, 31, 64, 65, 127, 128, 129, 210, 250}) {
      for (std::int64_t const outputs : {1, 2, 3}) {
        for (bool const add : {false, true}) {
          CAPTURE(rows, inputs, outputs, add);
          // What lies in the padding of x and dz must not matter.
          auto x = random_rows(rows, inputs, "head x");
          auto dz = random_rows(rows, outputs, "head dz");
          auto const before = random_rows(inputs, outputs, "head dw");
          std::vector<float> want = before;
          for (std::int64_t i = 0; i < inputs; ++i) {
            for (std::int64_t n = 0; n < padded(outputs); ++n) {
              float& w = want[static_cast<std::size_t>(i * padded(outputs) + n)];
              if (!add) { w = 0; }
              for (std::int64_t r = 0; r < rows && n < outputs; ++r) {
                w = std::fma(x[static_cast<std::size_t>(r * padded(inputs) + i)],
                             dz[static_cast<std::size_t>(r * padded(outputs) + n)], w);
              }
            }
          }
          test::with_each_isa([&] {
            auto got = before;
            got.resize(before.size() + 64, kGuard);
            cpu::head_backward_weights({x.data(), rows, inputs, padded(inputs)},
                                       {dz.data(), rows, outputs, padded(outputs)}, add,
                                       {got.data(), inputs, outputs, padded(outputs)});
            CHECK(test::guard_untouched(got, before.size()));
            got.resize(before.size());
            CHECK_SAME_BITS(got, want);
          });
        }
      }
    }
  }
}

TEST_CASE("a head's weight gradient refuses shapes that do not fit", "[head_weights]") {
  std::vector<float> x(64), dz(64), dw(256);
  ConstMat const good_x{x.data(), 2, 5, 16}, good_dz{dz.data(), 2, 3, 16};
  Mat const good_dw{dw.data(), 5, 3, 16};
  CHECK_NOTHROW(cpu::head_backward_weights(good_x, good_dz, false, good_dw));
  CHECK_THROWS_AS(cpu::head_backward_weights({x.data(), 2, 5, 5}, good_dz, false, good_dw),
                  ShapeError);
  CHECK_THROWS_AS(cpu::head_backward_weights({x.data(), 3, 5, 16}, good_dz, false, good_dw),
                  ShapeError);
  CHECK_THROWS_AS(cpu::head_backward_weights({x.data(), 2, 6, 16}, good_dz, false, good_dw),
                  ShapeError);
  CHECK_THROWS_AS(cpu::head_backward_weights(good_x, {dz.data(), 2, 4, 16}, false, good_dw),
                  ShapeError);
  CHECK_THROWS_AS(
      cpu::head_backward_weights(good_x, {dz.data(), 2, 4, 16}, false, {dw.data(), 5, 4, 16}),
      ShapeError);
}

}  // namespace
}  // namespace jetcal
