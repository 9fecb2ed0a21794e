#include "data/batch_queue.hpp"

#include <atomic>
#include <chrono>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

struct Counting : BatchSource {
  std::atomic<std::int64_t>* filled;
  std::int64_t bad_first;
  Counting(std::atomic<std::int64_t>* f, std::int64_t bad) : filled(f), bad_first(bad) {}

  void fill(std::int64_t first, std::int64_t count, Batch& batch) override {
    if (first == bad_first) { throw DataError("bad shard"); }
    for (std::int64_t i = 0; i < count; ++i) {
      batch.row_numbers[static_cast<std::size_t>(i)] = first + i;
    }
    ++*filled;
  }
};

TEST_CASE("a queue hands out every row in order, the last batch partly full", "[queue]") {
  for (std::int64_t const rows : {0, 1, 9, 10, 11, 99, 100}) {
    for (std::int64_t const first_batch : {0, 1, 3}) {
      std::atomic<std::int64_t> filled = 0;
      BatchQueue queue(std::make_unique<Counting>(&filled, -1), rows, 2, 10, first_batch);
      Batch batch;
      std::int64_t next = 10 * first_batch;
      while (queue.next(batch)) {
        CAPTURE(rows, first_batch, next);
        REQUIRE(batch.rows == std::min<std::int64_t>(10, rows - next));
        REQUIRE(batch.row_numbers.size() == static_cast<std::size_t>(batch.rows));
        for (std::int64_t const row : batch.row_numbers) { REQUIRE(row == next++); }
      }
      CHECK(next == std::max(rows, 10 * first_batch));
      CHECK_FALSE(queue.next(batch));
    }
  }
}

TEST_CASE("a queue works ahead by no more than its batches", "[queue]") {
  std::atomic<std::int64_t> filled = 0;
  BatchQueue queue(std::make_unique<Counting>(&filled, -1), 1000, 2, 10, 0);
  auto const settled = [&](std::int64_t want) {
    for (int i = 0; i < 2000 && filled < want; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return filled.load();
  };
  CHECK(settled(BatchQueue::kBatches) == BatchQueue::kBatches);
  Batch batch;
  REQUIRE(queue.next(batch));
  CHECK(settled(BatchQueue::kBatches + 1) == BatchQueue::kBatches + 1);
}

TEST_CASE("a failure comes after the batches before it, and stays", "[queue]") {
  std::atomic<std::int64_t> filled = 0;
  BatchQueue queue(std::make_unique<Counting>(&filled, 20), 100, 2, 10, 0);
  Batch batch;
  CHECK(queue.next(batch));
  CHECK(queue.next(batch));
  for (int i = 0; i < 2; ++i) {
    CHECK(jetcal::test::error_text<DataError>([&] { queue.next(batch); }) == "bad shard");
  }
}

TEST_CASE("a queue that is not emptied ends all the same", "[queue]") {
  for (int i = 0; i < 100; ++i) {
    std::atomic<std::int64_t> filled = 0;
    BatchQueue queue(std::make_unique<Counting>(&filled, -1), 1000, 2, 10, 0);
    Batch batch;
    if (i % 2) { CHECK(queue.next(batch)); }
  }
}

}  // namespace
}  // namespace jetcal::data
