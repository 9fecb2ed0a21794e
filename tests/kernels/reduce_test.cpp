#include "kernels/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/errors.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
using cpu::kNormChunk;

// ((l0 + l1) + (l2 + l3)) + ..., by halves.
float tree(std::vector<Floats> const& lanes, std::size_t i, std::size_t first, std::size_t count) {
  if (count == 1) { return lanes[first][i]; }
  return tree(lanes, i, first, count / 2) + tree(lanes, i, first + count / 2, count / 2);
}

std::vector<float*> pointers(std::vector<Floats>& lanes) {
  std::vector<float*> list;
  for (Floats& lane : lanes) { list.push_back(lane.data()); }
  return list;
}

TEST_CASE("lanes are added in a binary tree of neighbours", "[reduce]") {
  for (int count : {1, 2, 4, 8, 16, 32, 256}) {
    for (std::int64_t n : {0, 1, 3, 8, 15, 16, 17, 33, 40}) {
      std::vector<Floats> lanes;
      for (int k = 0; k < count; ++k) {
        lanes.push_back(uniform(n, -1, 1, seed_of("lanes", 1000 * n + k)));
        lanes.back().resize(static_cast<std::size_t>(n) + 32, kGuard);
      }
      Floats want;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        want.push_back(tree(lanes, i, 0, static_cast<std::size_t>(count)));
      }
      with_each_isa([&] {
        CAPTURE(count, n);
        auto whole = lanes;
        cpu::sum_lanes(pointers(whole).data(), count, 0, n);
        CHECK(guard_untouched(whole[0], static_cast<std::size_t>(n)));
        for (std::size_t k = 1; k < lanes.size(); ++k) { CHECK(whole[k] == lanes[k]); }
        whole[0].resize(want.size());
        CHECK_SAME_BITS(whole[0], want);

        auto parts = lanes;  // any division into ranges
        cpu::sum_lanes(pointers(parts).data(), count, n / 3, n);
        for (std::int64_t i = 0; i < n / 3; ++i) {
          CHECK(parts[0][static_cast<std::size_t>(i)] == lanes[0][static_cast<std::size_t>(i)]);
        }
        cpu::sum_lanes(pointers(parts).data(), count, 0, n / 3);
        parts[0].resize(want.size());
        CHECK_SAME_BITS(parts[0], want);
      });
    }
  }
}

TEST_CASE("the tree is told from other orders by numbers that cancel", "[reduce]") {
  // (1e8 + 1) + (-1e8 + 1) = 1e8 - 1e8 + ... loses both ones; from left to right one survives.
  std::vector<Floats> const lanes{{1e8f}, {1.0f}, {-1e8f}, {1.0f}};
  with_each_isa([&] {
    auto copy = lanes;
    cpu::sum_lanes(pointers(copy).data(), 4, 0, 1);
    CHECK(copy[0][0] == 0.0f);
  });
}

TEST_CASE("sum_lanes refuses a number of lanes that is no power of two", "[reduce]") {
  float x = 0;
  std::vector<float*> const lanes(512, &x);
  for (int bad : {-1, 0, 3, 6, 255, 512}) {
    CHECK(has(error_text<ShapeError>([&] { cpu::sum_lanes(lanes.data(), bad, 0, 1); }),
              "(must be a power of two, 1 to 256)"));
  }
}

TEST_CASE("rows are summed in double and in order", "[reduce]") {
  for (std::int64_t stride : {1, 3}) {
    for (std::int64_t n : {0, 1, 2, 17, 1000}) {
      auto const x = uniform(n * stride, -1, 1, seed_of("rows", n));
      double want = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        want += static_cast<double>(x[static_cast<std::size_t>(i * stride)]);
      }
      CAPTURE(n, stride);
      CHECK(cpu::sum_rows(x.data(), n, stride) == want);
    }
  }
  // 2^60 swallows a 1 only if that comes before it leaves.
  Floats const order{0x1p60f, 1.0f, -0x1p60f, 1.0f};
  CHECK(cpu::sum_rows(order.data(), 4, 1) == 1.0);
}

/// The definition of a chunk's sum of squares.
double squares(float const* x, std::int64_t n) {
  double s[16] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    s[i % 16] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  for (int half : {8, 4, 2, 1}) {
    for (int i = 0; i < half; ++i) { s[i] += s[i + half]; }
  }
  return s[0];
}

TEST_CASE("a squared norm is chunks of 16 strided sums, on every instruction set", "[reduce]") {
  for (std::int64_t n :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{15}, std::int64_t{16}, std::int64_t{17},
        std::int64_t{33}, kNormChunk - 1, kNormChunk, kNormChunk + 1, 3 * kNormChunk + 5}) {
    for (std::int64_t begin : {0, 7}) {
      auto const x = uniform(begin + n, -3, 3, seed_of("norm", n));
      double want = 0;
      long double exact = 0;
      for (std::int64_t i = 0; i < n; i += kNormChunk) {
        want += squares(x.data() + begin + i, std::min(kNormChunk, n - i));
      }
      for (std::int64_t i = begin; i < begin + n; ++i) {
        long double const v = static_cast<long double>(x[static_cast<std::size_t>(i)]);
        exact += v * v;
      }
      with_each_isa([&] {
        NormResult const got = cpu::squared_norm(x.data(), begin, begin + n);
        CAPTURE(n, begin);
        CHECK(got.sum_of_squares == want);
        CHECK(got.non_finite == 0);
        CHECK(tolerance_used(got.sum_of_squares, static_cast<double>(exact),
                             1e-13 * static_cast<double>(exact)) <= 1);
      });
    }
  }
}

TEST_CASE("a norm counts what is not finite and neither overflows nor underflows", "[reduce]") {
  Floats x = uniform(2 * kNormChunk + 3, -1, 1, seed_of("bad norm"));
  Floats const bad{std::nanf(""), HUGE_VALF, -HUGE_VALF};
  with_each_isa([&] {
    Floats poisoned = x;
    std::int64_t count = 0;
    for (std::size_t at :
         {std::size_t{0}, std::size_t{17}, std::size_t{4095}, std::size_t{4096}, x.size() - 1}) {
      poisoned[at] = bad[at % 3];
      ++count;
      NormResult const got =
          cpu::squared_norm(poisoned.data(), 0, static_cast<std::int64_t>(x.size()));
      CHECK(got.non_finite == count);
      CHECK_FALSE(std::isfinite(got.sum_of_squares));
    }
    Floats const ends{std::numeric_limits<float>::max(), 1e-38f, 1e-45f};
    CHECK(cpu::squared_norm(ends.data(), 0, 1).non_finite == 0);
    double const largest = (1 - 0x1p-24) * 0x1p128;
    CHECK(cpu::squared_norm(ends.data(), 0, 1).sum_of_squares == largest * largest);
    CHECK(cpu::squared_norm(ends.data(), 2, 3).sum_of_squares > 0);
  });
}

TEST_CASE("squared_norm_chunk refuses more than a chunk", "[reduce]") {
  Floats const x(static_cast<std::size_t>(kNormChunk) + 1, 1.0f);
  CHECK(cpu::squared_norm_chunk(x.data(), kNormChunk).sum_of_squares ==
        static_cast<double>(kNormChunk));
  CHECK(has(error_text<ShapeError>([&] { cpu::squared_norm_chunk(x.data(), kNormChunk + 1); }),
            "there are 4097 elements (must be at most 4096)"));
}

}  // namespace
}  // namespace jetcal::test
