#include <algorithm>
#include <map>

#include "engine/threads.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/tile_schedule.hpp"

using namespace jetcal;

namespace {

constexpr std::int64_t kBlock = 14;

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Every row once, in order; no tile empty or larger than it may be.
void check_cut(Tiles const& tiles) {
  CAPTURE(tiles.rows, tiles.count);
  CHECK(tiles.begin(0) == 0);
  CHECK(tiles.begin(tiles.count) == tiles.rows);
  std::int64_t least = tiles.rows, most = 0;
  for (std::int64_t i = 0; i < tiles.count; ++i) {
    std::int64_t const rows = tiles.begin(i + 1) - tiles.begin(i);
    if (i + 1 < tiles.count) {
      CHECK(rows % kBlock == 0);
      least = std::min(least, rows);
    }
    CHECK(rows > 0);
    most = std::max(most, rows);
  }
  CHECK(most <= tiles.most());
  CHECK(tiles.most() <= most + kBlock - 1);
  CHECK(tiles.most() <= kTileRows);
  if (tiles.count > 1) { CHECK(most - least <= kBlock); }
}

}  // namespace

TEST_CASE("tiles hold every row once and are even", "[tiles]") {
  for (std::int64_t const rows : {0, 1, 13, 14, 15, 28, 419, 420, 421, 1000, 15'000, 95'001}) {
    for (int threads = 1; threads <= 64; ++threads) {
      CAPTURE(threads);
      Tiles const tiles = tiles_for(rows, threads);
      check_cut(tiles);
      std::int64_t const blocks = quotient_up(rows, kBlock);
      CHECK((tiles.count % threads == 0 || tiles.count == blocks));
      CHECK(tiles.count - threads < quotient_up(rows, kTileRows));  // no more than that takes
      // A thread is at most a block a tile behind the others.
      std::int64_t const rounds = quotient_up(tiles.count, threads);
      CHECK(test::finish(tiles, threads) * threads <= rows + rounds * kBlock * threads);
    }
  }
}

TEST_CASE("a lane's tiles hold its rows once", "[tiles]") {
  for (std::int64_t const rows : {1, 128, 1000, 5000, 15'000, 95'001}) {
    for (std::int64_t const lanes : {1, 2, 8, 32}) {
      for (int const threads : {1, 3, 5, 8, 24}) {
        LaneTiles const tiles(Lanes(rows, lanes), threads);
        CAPTURE(rows, lanes, threads);
        std::int64_t const least = quotient_up(quotient_up(rows, tiles.lanes.count), kTileRows);
        CHECK(tiles.count >= least);
        CHECK(tiles.count <= 2 * least);
        if (tiles.lanes.count % threads == 0) { CHECK(tiles.count == least); }
        for (std::int64_t lane = 0; lane < tiles.lanes.count; ++lane) {
          check_cut(tiles.of(lane));
          CHECK(tiles.of(lane).rows == tiles.lanes.begin(lane + 1) - tiles.lanes.begin(lane));
          CHECK(tiles.of(lane).most() <= tiles.most);
        }
      }
    }
  }
}

TEST_CASE("a lane's tiles are done in order, one at a time, whatever the threads' speed",
          "[tiles]") {
  for (std::int64_t const lanes : {1, 2, 8, 32}) {
    for (int const threads : {1, 2, 3, 5, 7, 8, 12}) {
      for (std::int64_t const slowness : {0, 1, 40}) {  // of the odd threads
        CAPTURE(lanes, threads, slowness);
        LaneTiles const tiles(Lanes(4000 * lanes, lanes), threads);
        auto const even = test::by_rows(tiles);
        auto const times = test::schedule(tiles, [&](LaneQueue::Tile const& t, int thread) {
          return even(t, thread) * (1 + thread % 2 * slowness) + 7 * t.lane % 5;
        });
        REQUIRE(times.size() == static_cast<std::size_t>(lanes * tiles.count));
        std::map<std::int64_t, test::TileTime> last;  // of a lane
        for (test::TileTime const& t : times) {
          auto const [before, first] = last.try_emplace(t.tile.lane, t);
          CHECK(t.tile.number == (first ? 0 : before->second.tile.number + 1));
          if (!first) { CHECK(t.from >= before->second.to); }
          before->second = t;
        }
      }
    }
  }
}

TEST_CASE("threads whose number divides the lanes' take whole lanes", "[tiles]") {
  for (int const threads : {1, 2, 4, 8}) {
    CAPTURE(threads);
    LaneTiles const tiles(Lanes(15'000, 8), threads);
    std::map<std::int64_t, int> thread_of;
    for (test::TileTime const& t : test::schedule(tiles, test::by_rows(tiles))) {
      CHECK(thread_of.try_emplace(t.tile.lane, t.thread).first->second == t.thread);
    }
    CHECK(thread_of.size() == 8);
  }
}

TEST_CASE("no thread waits longer than a tile takes while lanes are left for it", "[tiles]") {
  for (std::int64_t const rows : {2'016, 15'000, 95'000}) {
    for (std::int64_t const lanes : {8, 32}) {
      for (int threads = 1; threads <= 40; ++threads) {
        CAPTURE(rows, lanes, threads);
        LaneTiles const tiles(Lanes(rows, lanes), threads);
        std::int64_t const rounds =
            std::max(tiles.count, quotient_up(tiles.lanes.count * tiles.count, threads));
        CHECK(test::finish(test::schedule(tiles, test::by_rows(tiles))) <= rounds * tiles.most);
      }
    }
  }
  // 8 lanes of 5 tiles for 3 threads: 6 tiles each makes 16 rounds of 5/6, 40 make 14.
  CHECK(LaneTiles(Lanes(15'000, 8), 3).count == 6);
}

TEST_CASE("real threads do every tile once, each lane's in order", "[tiles]") {
  for (int const threads : {1, 3, 7}) {
    LaneTiles const tiles(Lanes(8 * 4200, 8), threads);
    std::vector<std::int64_t> done(8);  // by whoever has the lane: no lock of its own
    LaneQueue queue(tiles);
    ThreadPool pool(threads);
    pool.run(threads, [&](std::int64_t, int) {
      std::optional<LaneQueue::Tile> tile;
      while ((tile = queue.next(tile)).has_value()) {
        std::int64_t& lane = done[static_cast<std::size_t>(tile->lane)];
        lane = lane == tile->number ? lane + 1 : -1'000'000;
      }
    });
    CHECK(done == std::vector<std::int64_t>(8, tiles.count));
  }
}
