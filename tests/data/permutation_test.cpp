#include <vector>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal {
namespace {

TEST_CASE("a permutation has every element once, alone and in runs", "[permutation]") {
  for (std::uint64_t const n : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4096, 4097, 100003}) {
    Permutation const permutation(n, RandomStream(test::seed_of("permutation"), Purpose::test));
    std::vector<int> times(n);
    std::vector<std::uint64_t> one(n), run(n + 1, 77);
    for (std::uint64_t i = 0; i < n; ++i) {
      one[i] = permutation(i);
      REQUIRE(one[i] < n);
      ++times[one[i]];
    }
    CAPTURE(n);
    CHECK((times == std::vector<int>(n, 1)));
    permutation.run(0, n, run.data());
    CHECK(run.back() == 77);
    run.pop_back();
    CHECK((run == one));
    std::uint64_t const first = n / 3, count = n - n / 3 - n / 4;
    std::vector<std::uint64_t> part(count);
    permutation.run(first, count, part.data());
    CHECK((part == std::vector(one.begin() + static_cast<std::ptrdiff_t>(first),
                               one.begin() + static_cast<std::ptrdiff_t>(first + count))));
  }
}

TEST_CASE("permutations of one size differ with their key", "[permutation]") {
  std::uint64_t const n = 10000;
  Permutation const a(n, RandomStream(1, Purpose::shuffle)),
      b(n, RandomStream(2, Purpose::shuffle));
  std::uint64_t equal = 0, fixed = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    equal += a(i) == b(i);
    fixed += a(i) == i;
  }
  CHECK(equal < 12);  // both Poisson with mean 1
  CHECK(fixed < 12);
}

}  // namespace
}  // namespace jetcal
