#include "data/parallel.hpp"

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

void dawdle(std::int64_t i) {
  std::this_thread::sleep_for(std::chrono::microseconds((i * 7919) % 97));
}

TEST_CASE("for_each_ordered consumes in order, whatever the threads", "[parallel]") {
  for (int const threads : {1, 2, 3, 8}) {
    for (std::int64_t const n : {0, 1, 2, 5, 300}) {
      std::vector<std::int64_t> got, want(static_cast<std::size_t>(n));
      std::iota(want.begin(), want.end(), 0);
      for_each_ordered<std::int64_t>(
          n, threads,
          [](std::int64_t i, std::int64_t& slot) {
            dawdle(i);
            slot = i;
          },
          [&](std::int64_t i, std::int64_t const& slot) {
            CHECK(slot == i);
            got.push_back(slot);
          });
      CAPTURE(threads, n);
      CHECK(got == want);
    }
  }
}

TEST_CASE("for_each_ordered passes on what was thrown, on either side", "[parallel]") {
  for (int const threads : {1, 2, 5}) {
    auto const run = [&](std::int64_t bad_produce, std::int64_t bad_consume) {
      return jetcal::test::error_text<std::runtime_error>([&] {
        for_each_ordered<int>(
            100, threads,
            [&](std::int64_t i, int&) {
              dawdle(i);
              if (i == bad_produce) { throw std::runtime_error("produce"); }
            },
            [&](std::int64_t i, int&) {
              if (i == bad_consume) { throw std::runtime_error("consume"); }
            });
      });
    };
    CAPTURE(threads);
    CHECK(run(0, -1) == "produce");
    CHECK(run(50, -1) == "produce");
    CHECK(run(99, -1) == "produce");
    CHECK(run(-1, 0) == "consume");
    CHECK(run(-1, 99) == "consume");
    CHECK(run(-1, -1) == "<no exception>");
  }
}

TEST_CASE("for_each_parallel does each once and passes on what was thrown", "[parallel]") {
  for (int const threads : {1, 2, 8}) {
    std::vector<std::atomic<int>> done(500);
    std::atomic<int> strangers = 0;
    for_each_parallel(500, threads, [&](std::int64_t i, int thread) {
      strangers += thread < 0 || thread >= threads;
      ++done[static_cast<std::size_t>(i)];
    });
    CHECK(strangers == 0);
    for (auto const& count : done) { CHECK(count == 1); }
    auto const text = jetcal::test::error_text<std::runtime_error>([&] {
      for_each_parallel(500, threads, [&](std::int64_t i, int) {
        if (i == 123) { throw std::runtime_error("123"); }
      });
    });
    CHECK(text == "123");
  }
}

}  // namespace
}  // namespace jetcal::data
