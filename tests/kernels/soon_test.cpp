#include "kernels/soon.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "engine/matrix.hpp"
#include "tests/catch.hpp"

namespace jetcal {
namespace {

/// Memory whose lines a block's steps ask for.
struct Asked {
  explicit Asked(std::int64_t floats) : memory(static_cast<std::size_t>(floats)) {}

  std::int64_t line_of(float const* p) const { return (p - memory.data()) / Requests::kLine; }
  void block(Requests& requests, std::int64_t steps) {
    Soon soon = requests.next(steps, memory.data());
    for (std::int64_t k = 0; k < steps; ++k) {
      lines.insert(line_of(soon.at));
      soon.at += soon.step;
    }
  }
  std::vector<std::int64_t> in_order() const { return {lines.begin(), lines.end()}; }

  std::vector<float> memory;
  std::set<std::int64_t> lines;
};

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> list;
  for (std::int64_t i = begin; i < end; ++i) { list.push_back(i); }
  return list;
}

TEST_CASE("blocks ask for each line of all stretches, a line a step", "[soon]") {
  for (std::int64_t const steps : {1, 3, 32, 250}) {
    INFO("blocks of " << steps << " steps");
    Asked asked(100 * Requests::kLine);
    Requests requests;
    requests.add(asked.memory.data() + 10 * Requests::kLine, 30 * Requests::kLine);
    requests.add({asked.memory.data() + 50 * Requests::kLine, 2, 70, 80});
    requests.add(ConstMat{});
    REQUIRE(requests.lines() == 40);
    int blocks = 0;
    for (; requests.floats() > 0; ++blocks) { asked.block(requests, steps); }
    CHECK(blocks == (30 + steps - 1) / steps + (10 + steps - 1) / steps);
    std::vector<std::int64_t> wanted = range(10, 40);
    for (std::int64_t const line : range(50, 60)) { wanted.push_back(line); }
    CHECK(std::ranges::includes(asked.lines, wanted));
    // Past a stretch by less than a float a step.
    for (std::int64_t const line : asked.lines) {
      std::int64_t const past = (steps + Requests::kLine - 1) / Requests::kLine;
      CHECK(((line >= 10 && line < 40 + past) || (line >= 50 && line < 60 + past)));
    }
  }
}

TEST_CASE("a block that has nothing to ask for stays where it is told", "[soon]") {
  Asked asked(32);
  Requests requests;
  asked.block(requests, 250);
  CHECK(asked.in_order() == range(0, 1));
  requests.add(asked.memory.data() + Requests::kLine, Requests::kLine);
  asked.block(requests, 0);
  CHECK(requests.lines() == 1);
}

TEST_CASE("what comes after a layer is asked for by its last pieces of work", "[soon]") {
  auto const of_parts = [](std::int64_t lines, std::int64_t parts, std::int64_t room) {
    std::vector<float> memory(static_cast<std::size_t>(lines * Requests::kLine));
    Requests ahead;
    ahead.add(memory.data(), lines * Requests::kLine);
    std::vector<std::int64_t> asked;
    for (; parts > 0; --parts) { asked.push_back(ahead.part_of(parts, room).lines()); }
    return asked;
  };
  CHECK(of_parts(90, 12, 100) ==
        std::vector<std::int64_t>{0, 0, 0, 10, 10, 10, 10, 10, 10, 10, 10, 10});
  CHECK(of_parts(90, 3, 100) == std::vector<std::int64_t>{30, 30, 30});
  // Little room: as many pieces as it takes.
  CHECK(of_parts(90, 12, 9) == std::vector<std::int64_t>{0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
  CHECK(of_parts(90, 3, 10) == std::vector<std::int64_t>{10, 10, 10});
  CHECK(of_parts(90, 3, -5) == std::vector<std::int64_t>{0, 0, 0});
}

TEST_CASE("what a piece of work takes from what comes after, its blocks ask for", "[soon]") {
  // Three strips of 238 lines, then what blocks of `steps` steps have left.
  for (std::int64_t const steps : {125, 250}) {
    INFO("blocks of " << steps << " steps");
    std::vector<float> memory(static_cast<std::size_t>(5000 * Requests::kLine));
    Requests requests, ahead;
    for (int i = 0; i < 3; ++i) { requests.add(memory.data(), 238 * Requests::kLine); }
    ahead.add(memory.data(), 5000 * Requests::kLine);
    std::int64_t const blocks = 8, used = 3 * ((238 + steps - 1) / steps);
    CHECK(requests.room_of(blocks, steps) == (blocks - used) * steps);
    requests.add(ahead.part_of(1, requests.room_of(blocks, steps)));
    CHECK(requests.lines() == 3 * 238 + (blocks - used) * steps);
    for (std::int64_t i = 0; i < blocks; ++i) { requests.next(steps, memory.data()); }
    CHECK(requests.floats() == 0);
  }
  CHECK(Requests().room_of(-1, 100) < 0);
  CHECK(Requests().room_of(8, 0) == 0);
}

TEST_CASE("the first floats of requests can be taken across stretches", "[soon]") {
  std::vector<float> memory(200);
  Requests all;
  all.add(memory.data(), 48);
  all.add(memory.data() + 100, 48);
  Requests first = all.take_first(64);
  CHECK(first.floats() == 64);
  CHECK(all.floats() == 32);
  CHECK(first.next(3, nullptr).at == memory.data());
  CHECK(first.next(1, nullptr).at == memory.data() + 100);
  CHECK(all.next(1, nullptr).at == memory.data() + 116);
  CHECK(all.take_first(1000).floats() == 16);
  CHECK(all.floats() == 0);
}

}  // namespace
}  // namespace jetcal
