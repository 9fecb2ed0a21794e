#include "data/memory_plan.hpp"

#include "data/batch.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::error_text;
using jetcal::test::has;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

MemoryNeeds paper_like(std::int64_t rows) {
  MemoryNeeds needs;
  needs.rows = rows;
  needs.largest_block = 8192;
  needs.features = 21;
  needs.record_bytes = 104;
  needs.read_bytes = 4 * kMiB;
  needs.largest_batch = 155000;
  return needs;
}

MemoryPlan plan(std::int64_t mib, LoaderMode mode, MemoryNeeds const& needs, int threads = 1) {
  return MemoryPlan::make({mib, mode}, needs, threads);
}

TEST_CASE("automatic is resident exactly where resident fits", "[memory]") {
  for (std::int64_t const rows : {100000, 1000000, 20000000}) {
    auto const needs = paper_like(rows);
    for (std::int64_t mib = 200; mib < 4096; mib += 50) {
      CAPTURE(rows, mib);
      auto const automatic = plan(mib, LoaderMode::automatic, needs);
      bool const fits = error_text<ConfigError>([&] { plan(mib, LoaderMode::resident, needs); }) ==
                        "<no exception>";
      CHECK(automatic.resident == fits);
      CHECK(automatic.needed_bytes <= automatic.budget_bytes);
      CHECK(automatic.budget_bytes == mib * kMiB);
      if (automatic.resident) { CHECK(automatic.needed_bytes >= rows * needs.record_bytes); }
    }
  }
}

TEST_CASE("streaming keeps to the budget, with at least four blocks a window", "[memory]") {
  auto const needs = paper_like(270000000);
  for (std::int64_t const mib : {200, 256, 1000, 4096}) {
    auto const p = plan(mib, LoaderMode::automatic, needs);
    CAPTURE(mib);
    CHECK_FALSE(p.resident);
    CHECK(p.window_rows >= 4 * needs.largest_block);
    CHECK(2 * p.window_rows * needs.record_bytes <= p.budget_bytes / 2);
    CHECK(p.needed_bytes <= p.budget_bytes);
  }
  CHECK(plan(1 << 20, LoaderMode::streaming, needs).window_rows <= 1 << 22);
}

TEST_CASE("threads change neither mode nor window, and give way to the budget", "[memory]") {
  auto const needs = paper_like(5000000);
  for (std::int64_t mib = 190; mib < 900; mib += 7) {
    auto const one = plan(mib, LoaderMode::automatic, needs, 1);
    for (int const threads : {2, 16, 64}) {
      auto const many = plan(mib, LoaderMode::automatic, needs, threads);
      CAPTURE(mib, threads, many.threads);
      CHECK(many.resident == one.resident);
      CHECK(many.window_rows == one.window_rows);
      CHECK(many.threads >= 1);
      CHECK(many.threads <= threads);
      CHECK(many.needed_bytes <= many.budget_bytes);
    }
  }
  CHECK(plan(4096, LoaderMode::automatic, needs, 16).threads == 16);
}

TEST_CASE("too little memory: what each mode would need", "[memory]") {
  auto const needs = paper_like(20000000);
  // 20 M x 104 bytes = 1984 MiB and the batches or the scan beside
  auto const text = error_text<ConfigError>([&] { plan(1000, LoaderMode::resident, needs); });
  CAPTURE(text);
  CHECK(has(text, "loader.memory_mib: is 1000 but 20000000 jets in memory need 2"));
  CHECK(has(text, "set loader.mode to \"streaming\", which needs "));
  // the numbers named are enough, one less is not
  auto const number = [](std::string const& t, std::string const& after) {
    return std::stoll(t.substr(t.find(after) + after.size()));
  };
  auto const resident = number(text, "jets in memory need ");
  auto const streaming = number(text, "which needs ");
  CHECK(plan(resident, LoaderMode::resident, needs).resident);
  CHECK_THROWS_AS(plan(resident - 1, LoaderMode::resident, needs), ConfigError);
  CHECK_FALSE(plan(streaming, LoaderMode::streaming, needs).resident);
  auto const less =
      error_text<ConfigError>([&] { plan(streaming - 1, LoaderMode::automatic, needs); });
  CHECK(has(less, "but streaming needs " + std::to_string(streaming)));
  for (std::int64_t const bad : {0, -1}) {
    CHECK(has(error_text<ConfigError>([&] { plan(bad, LoaderMode::automatic, needs); }),
              "loader.memory_mib: is "));
  }
}

TEST_CASE("memory in words", "[memory]") {
  CHECK(memory_text(0) == "0 MiB");
  CHECK(memory_text(1) == "1 MiB");
  CHECK(memory_text(37 * kMiB) == "37 MiB");
  CHECK(memory_text(1536 * kMiB) == "1.5 GiB");
  CHECK(Batch::bytes(10, 21) == 10 * (32 * 4 + 8 + 4 + 4 + 8));
}

}  // namespace
}  // namespace jetcal::data
