#include "kernels/average.hpp"

#include <cmath>
#include <vector>

#include "engine/errors.hpp"
#include "tests/check_close.hpp"
#include "tests/each_isa.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

TEST_CASE("average moves to the weights by its equation at every size", "[average]") {
  for (std::int64_t n : {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 40, 1000}) {
    for (float const decay : {0.0f, 0.5f, 0.99f, 0.9999f, 1.0f}) {
      auto const start = uniform(n, -1, 1, seed_of("average", n));
      auto const p = uniform(n, -1, 1, seed_of("average p", n));
      std::vector<double> want, terms;
      for (std::size_t i = 0; i < p.size(); ++i) {
        double const from = static_cast<double>(start[i]);
        double const to = static_cast<double>(p[i]);
        want.push_back(static_cast<double>(decay) * from + (1 - static_cast<double>(decay)) * to);
        terms.push_back(std::abs(from) + std::abs(to));
      }
      std::vector<float> first;
      with_each_isa([&] {
        std::vector<float> average = start;
        average.resize(start.size() + 32, kGuard);
        cpu::average_update(average.data(), p.data(), n, decay);
        CAPTURE(n, decay);
        CHECK(guard_untouched(average, start.size()));
        average.resize(start.size());
        // p - average, the fused rest, and 1 - decay rounded once.
        CHECK_CLOSE(average, want, Tolerance{3 * kEps / 2, 0}, terms);
        if (first.empty()) { first = average; }
        CHECK_SAME_BITS(average, first);
        if (decay == 1.0f) { CHECK_SAME_BITS(average, start); }
      });
    }
  }
}

TEST_CASE("average of weights that stand still stands still", "[average]") {
  auto const p = uniform(100, -1, 1, seed_of("still"));
  with_each_isa([&] {
    std::vector<float> average = p;
    for (int i = 0; i < 100; ++i) { cpu::average_update(average.data(), p.data(), 100, 0.9f); }
    CHECK_SAME_BITS(average, p);
  });
}

TEST_CASE("average refuses a decay outside [0, 1]", "[average]") {
  float a = 0;
  for (float const bad : {-0.1f, 1.1f, std::nanf("")}) {
    CHECK(has(error_text<ConfigError>([&] { cpu::average_update(&a, &a, 1, bad); }),
              "average: decay is "));
  }
}

}  // namespace
}  // namespace jetcal::test
