#include "engine/threads.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "engine/device.hpp"
#include "engine/errors.hpp"
#include "engine/lanes.hpp"
#include "tests/catch.hpp"

namespace jetcal {
namespace {

TEST_CASE("a thread pool does every task once", "[threads]") {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (std::int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
      std::atomic<bool> worker_ok = true;
      pool.run(tasks, [&](std::int64_t task, int worker) {
        ++done[static_cast<std::size_t>(task)];
        if (worker < 0 || worker >= threads) { worker_ok = false; }
      });
      for (auto const& count : done) { REQUIRE(count == 1); }
      CHECK(worker_ok);
    }
  }
}

TEST_CASE("a thread pool passes on the first task's exception and goes on working", "[threads]") {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      CHECK_THROWS_WITH(pool.run(100,
                                 [](std::int64_t task, int) {
                                   if (task == 0) { throw std::runtime_error("task 0"); }
                                 }),
                        "task 0");
    }
    std::atomic<int> sum = 0;
    pool.run(10, [&](std::int64_t task, int) { sum += static_cast<int>(task); });
    CHECK(sum == 45);
  }
  CHECK_THROWS_AS(ThreadPool(0), ConfigError);
}

TEST_CASE("lanes divide a batch as the interface says", "[lanes]") {
  struct {
    std::int64_t rows, lanes, count;
  } const cases[] = {{0, 8, 1},   {1, 8, 1},   {63, 8, 1},    {127, 8, 1},       {128, 8, 2},
                     {255, 8, 2}, {256, 8, 4}, {511, 8, 4},   {512, 8, 8},       {95'000, 8, 8},
                     {640, 1, 1}, {640, 4, 4}, {640, 256, 8}, {16'384, 256, 256}};
  for (auto const& c : cases) {
    CAPTURE(c.rows, c.lanes);
    Lanes const lanes(c.rows, c.lanes);
    CHECK(lanes.count == c.count);
    CHECK(lanes.begin(0) == 0);
    CHECK(lanes.begin(lanes.count) == c.rows);
  }
  Lanes const three(1001, 4);
  CHECK((three.begin(1) == 250 && three.begin(2) == 500 && three.begin(3) == 750));
}

TEST_CASE("the tree adds neighbours first", "[lanes]") {
  // (1 + 2^-53) rounds to 1, so the order shows: (1 + t) + (t + t) = 1 + 2t; any chain gives 1.
  double const t = 0x1p-53;
  double values[] = {1, t, t, t};
  CHECK(sum_tree(values, 4) == 1 + 2 * t);
  double one[] = {3};
  CHECK(sum_tree(one, 1) == 3);
}

TEST_CASE("devices are named cpu and cuda:N", "[device]") {
  CHECK(Device::parse("cpu").name() == "cpu");
  CHECK(Device::parse("cuda:3").name() == "cuda:3");
  for (char const* word : {"gpu", "cuda", "cuda:", "cuda:-1", "cuda:1x", "CPU", ""}) {
    CHECK_THROWS_AS(Device::parse(word), ConfigError);
  }
}

TEST_CASE("buffers are zero, aligned and move", "[device]") {
  for (std::int64_t floats : {0, 1, 17, 1 << 20}) {
    Buffer buffer({}, floats);
    CHECK(buffer.size() == floats);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    auto values = buffer.download();
    for (float const v : values) { REQUIRE(v == 0.0f); }
    if (floats == 17) {
      values[16] = 3;
      buffer.upload(values);
      Buffer moved = std::move(buffer);
      CHECK(moved.data()[16] == 3.0f);
      moved.fill_zero();
      CHECK(moved.data()[16] == 0.0f);
    }
  }
  Buffer small({}, 2);
  CHECK_THROWS_AS(small.upload({1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(Buffer(Device{Device::Kind::cuda, 1000}, 1), DeviceError);
}

}  // namespace
}  // namespace jetcal
