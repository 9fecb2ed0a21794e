#include "data/window_order.hpp"

#include <algorithm>
#include <set>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::error_text;
using jetcal::test::has;

// The rows of an epoch as (block, row) in the order they come.
std::vector<std::pair<std::int64_t, std::int64_t>> sequence(std::vector<std::int64_t> const& rows,
                                                            WindowOrder const& order) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  for (std::int64_t w = 0; w < order.windows(); ++w) {
    std::vector<std::pair<std::int64_t, std::int64_t>> window;
    for (std::int64_t const b : order.blocks(w)) {
      for (std::int64_t r = 0; r < rows[static_cast<std::size_t>(b)]; ++r) {
        window.push_back({b, r});
      }
    }
    REQUIRE(static_cast<std::int64_t>(window.size()) == order.rows(w));
    auto const permutation = order.permutation(w);
    for (std::size_t i = 0; i < window.size(); ++i) {
      out.push_back(window[permutation ? (*permutation)(i) : i]);
    }
  }
  return out;
}

std::vector<std::int64_t> const kRows{10, 0, 7, 10, 1, 9, 10, 3, 0, 10, 10, 5, 8};

TEST_CASE("an epoch has every row once, whatever the window", "[order]") {
  for (std::int64_t const window : {10, 11, 19, 20, 35, 100, 1000}) {
    for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
      WindowOrder const order(kRows, window, epoch_stream(3, 0, epoch));
      CAPTURE(window, epoch);
      CHECK(order.rows() == 83);
      auto const rows = sequence(kRows, order);
      CHECK(rows.size() == 83);
      CHECK(std::set(rows.begin(), rows.end()).size() == 83);
      for (std::int64_t w = 0; w < order.windows(); ++w) {
        CHECK(order.rows(w) <= window);
        for (std::int64_t p = order.first_row(w); p < order.first_row(w) + order.rows(w); ++p) {
          REQUIRE(order.window_of(p) == w);
        }
        for (std::int64_t const b : order.blocks(w)) {
          CHECK(kRows[static_cast<std::size_t>(b)] > 0);
        }
      }
    }
  }
}

TEST_CASE("windows are as even as whole blocks allow", "[order]") {
  std::vector<std::int64_t> const rows(41, 100);
  WindowOrder const order(rows, 1000, epoch_stream(1, 0, 0));
  CHECK(order.windows() == 5);
  for (std::int64_t w = 0; w < 5; ++w) { CHECK(order.blocks(w).size() >= 8); }
}

TEST_CASE("seed, step and epoch each change the order of blocks and of rows", "[order]") {
  std::vector<std::int64_t> const rows(40, 25);
  auto const make = [&](std::uint64_t seed, std::int64_t step, std::int64_t epoch) {
    return sequence(rows, WindowOrder(rows, 250, epoch_stream(seed, step, epoch)));
  };
  auto const first = make(1, 0, 0);
  CHECK(first == make(1, 0, 0));
  CHECK(first != make(2, 0, 0));
  CHECK(first != make(1, 1, 0));
  CHECK(first != make(1, 0, 1));
  CHECK(make(1, 1, 0) != make(1, 0, 1));
  // Rows of a window do not come block by block
  std::int64_t changes = 0;
  for (std::size_t i = 1; i < 250; ++i) { changes += first[i].first != first[i - 1].first; }
  CHECK(changes > 150);
  // and two windows are not permuted alike
  WindowOrder const order(rows, 250, epoch_stream(1, 0, 0));
  auto const a = order.permutation(0), b = order.permutation(1);
  std::int64_t equal = 0;
  for (std::uint64_t i = 0; i < 250; ++i) { equal += (*a)(i) == (*b)(i); }
  CHECK(equal < 20);
}

TEST_CASE("without a stream the order is natural", "[order]") {
  WindowOrder const order(kRows, 25, std::nullopt);
  auto const rows = sequence(kRows, order);
  CHECK(rows.size() == 83);
  CHECK(std::is_sorted(rows.begin(), rows.end()));
}

TEST_CASE("edges of an order", "[order]") {
  WindowOrder const empty({0, 0}, 5, std::nullopt);
  CHECK(empty.rows() == 0);
  CHECK(empty.windows() == 0);
  CHECK(has(error_text<ShapeError>([] {
              WindowOrder({3, 6}, 5, std::nullopt);
            }),
            "a block has 6 rows (must be at most the window's 5)"));
  CHECK(has(error_text<ConfigError>([] { epoch_stream(1, -1, 0); }), "step -1"));
  CHECK(has(error_text<ConfigError>([] { epoch_stream(1, 1 << 24, 0); }), "step 16777216"));
  CHECK(has(error_text<ConfigError>([] { epoch_stream(1, 0, std::int64_t{1} << 32); }),
            "epoch 4294967296"));
}

}  // namespace
}  // namespace jetcal::data
