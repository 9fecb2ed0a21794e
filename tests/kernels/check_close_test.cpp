#include "tests/check_close.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "tests/catch.hpp"

namespace jetcal::test {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST_CASE("compare accepts up to the tolerance and not beyond", "[check_close]") {
  CHECK(compare(Floats{1.0f, -2.0f}, Doubles{1.0, -2.0}, {0, 0}).ok);
  CHECK(compare(Floats{}, Doubles{}, {0, 0}).ok);
  CHECK(compare(Floats{1.25f}, Doubles{1.0}, {0, 0.25}).ok);
  CHECK_FALSE(compare(Floats{1.25f}, Doubles{1.0}, {0, 0.2499}).ok);
  CHECK(compare(Floats{10.25f}, Doubles{10.0}, {0.025, 0}).ok);
  CHECK_FALSE(compare(Floats{10.25f}, Doubles{10.0}, {0.0249, 0}).ok);
  CHECK(compare(Floats{-10.25f}, Doubles{-10.0}, {0.025, 0}).ok);
  CHECK_FALSE(compare(Floats{1.0f}, Doubles{-1.0}, {0.5, 0.5}).ok);
  CHECK_FALSE(compare(Floats{1e-45f}, Doubles{0.0}, {1, 0}).ok);
  CHECK(compare(Floats{0.0f}, Doubles{-0.0}, {0, 0}).ok);
}

TEST_CASE("compare takes NaN, infinity and a wrong length as errors", "[check_close]") {
  CHECK_FALSE(compare(Floats{kNan}, Doubles{1.0}, {1e9, 1e9}).ok);
  CHECK_FALSE(compare(Floats{1.0f}, Doubles{kNan}, {1e9, 1e9}).ok);
  CHECK_FALSE(compare(Floats{kNan}, Doubles{kNan}, {1e9, 1e9}).ok);
  CHECK_FALSE(compare(Floats{kInf}, Doubles{1.0}, {1e9, 1e9}).ok);
  CHECK_FALSE(compare(Floats{-kInf}, Doubles{kInf}, {1e9, 1e9}).ok);
  CHECK_FALSE(compare(Floats{1.0f}, Doubles{kInf}, {1e9, 1e9}).ok);
  CHECK(compare(Floats{kInf}, Doubles{kInf}, {0, 0}).ok);
  CHECK_FALSE(compare(Floats{1.0f}, Doubles{1.0, 2.0}, {1, 1}).ok);
  CHECK_FALSE(compare(Floats{1.0f, 2.0f}, Doubles{1.0}, {1, 1}).ok);
  CHECK_FALSE(compare(Floats{}, Doubles{1.0}, {1, 1}).ok);
}

TEST_CASE("compare names the worst element and how many are off", "[check_close]") {
  auto const off = compare(Floats{1.0f, 1.5f, 9.0f, 3.0f}, Doubles{1, 1, 3, 3}, {0, 0.1});
  CHECK_FALSE(off.ok);
  CHECK(off.message == "2 of 4 values are off; worst at [2]: got 9, want 3, 60 x the tolerance");
  auto const nan = compare(Floats{1.0f, kNan, 9.0f, kNan}, Doubles{1, 1, 3, 3}, {0, 0.1});
  CHECK(nan.message == "3 of 4 values are off; worst at [1]: got nan, want 1, inf x the tolerance");
  auto const length = compare(Floats{1.0f}, Doubles{1, 2}, {0, 0});
  CHECK(length.message == "got 1 values, want 2");
}

TEST_CASE("compare takes sums of magnitudes as the scale of a sum", "[check_close]") {
  CHECK(compare(Floats{0.5f}, Doubles{0.0}, {0.01, 0}, Doubles{50.0}).ok);
  CHECK_FALSE(compare(Floats{0.5f}, Doubles{0.0}, {0.01, 0}, Doubles{49.0}).ok);
  CHECK_FALSE(compare(Floats{0.5f}, Doubles{0.5}, {1, 1}, Doubles{}).ok);
}

TEST_CASE("compare_bits sees the sign of zero and lets NaN be any NaN", "[check_close]") {
  CHECK(compare_bits(Floats{1.0f, kNan}, Floats{1.0f, -kNan}).ok);
  CHECK_FALSE(compare_bits(Floats{0.0f}, Floats{-0.0f}).ok);
  CHECK_FALSE(compare_bits(Floats{kNan}, Floats{1.0f}).ok);
  CHECK_FALSE(compare_bits(Floats{1.0f}, Floats{kNan}).ok);
  CHECK_FALSE(compare_bits(Floats{1.0f}, Floats{std::nextafter(1.0f, 2.0f)}).ok);
  CHECK_FALSE(compare_bits(Floats{1.0f}, Floats{1.0f, 1.0f}).ok);
  auto const found = compare_bits(Floats{1, 2, 3, 4}, Floats{1, 5, 3, 6});
  CHECK(found.message == "first at [1]: got 2, want 5; 2 of 4 values differ in bits");
}

TEST_CASE("guard_untouched sees every kind of stray write", "[check_close]") {
  Floats buffer(20, kGuard);
  buffer[3] = 1.0f;
  CHECK(guard_untouched(buffer, 4));
  CHECK_FALSE(guard_untouched(buffer, 3));
  CHECK(guard_untouched(buffer, 20));
  CHECK_FALSE(guard_untouched(buffer, 21));
  for (float const stray : {0.0f, kNan, kGuard + 1e-4f, std::nextafter(kGuard, 0.0f)}) {
    for (std::size_t const at : {std::size_t{4}, std::size_t{19}}) {
      Floats written = buffer;
      written[at] = stray;
      CHECK_FALSE(guard_untouched(written, 4));
    }
  }
}

TEST_CASE("seeds differ by name and size, numbers stay in their range", "[check_close]") {
  std::set<std::uint64_t> seeds;
  for (auto const* word : {"", "a", "b", "ab", "ba"}) {
    for (std::int64_t n : {0, 1, 256, 1'000'003}) { seeds.insert(seed_of(word, n)); }
  }
  CHECK(seeds.size() == 20);
  auto const x = uniform(10'000, -3, 5, 7);
  CHECK(x.size() == 10'000);
  CHECK(x == uniform(10'000, -3, 5, 7));
  CHECK(x != uniform(10'000, -3, 5, 8));
  auto const [low, high] = std::minmax_element(x.begin(), x.end());
  CHECK((*low >= -3 && *low < -2.99f));
  CHECK((*high <= 5 && *high > 4.99f));
}

}  // namespace
}  // namespace jetcal::test
