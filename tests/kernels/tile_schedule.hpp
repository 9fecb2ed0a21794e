#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/tiles.hpp"

namespace jetcal::test {

// Threads as clocks: whoever is free first takes the next tile, and a tile takes as long as it has
// rows.

/// When the last of `threads` is done with the tiles, in rows.
inline std::int64_t finish(Tiles const& tiles, int threads) {
  std::vector<std::int64_t> clocks(static_cast<std::size_t>(threads));
  for (std::int64_t i = 0; i < tiles.count; ++i) {
    *std::min_element(clocks.begin(), clocks.end()) += tiles.begin(i + 1) - tiles.begin(i);
  }
  return *std::max_element(clocks.begin(), clocks.end());
}

/// What a thread did: a tile of a lane, and from when to when.
struct TileTime {
  LaneQueue::Tile tile;
  int thread = 0;
  std::int64_t from = 0, to = 0;
};

using Duration = std::function<std::int64_t(LaneQueue::Tile const&, int thread)>;

inline Duration by_rows(LaneTiles const& tiles) {
  return [&tiles](LaneQueue::Tile const& t, int) {
    Tiles const lane = tiles.of(t.lane);
    return lane.begin(t.number + 1) - lane.begin(t.number);
  };
}

/// The tiles in the order in which threads take them.
inline std::vector<TileTime> schedule(LaneTiles const& tiles, Duration const& duration) {
  struct Thread {
    std::int64_t clock = 0;
    std::optional<LaneQueue::Tile> tile;
    bool done = false;
  };
  LaneQueue queue(tiles);
  std::vector<Thread> threads(static_cast<std::size_t>(tiles.threads));
  std::vector<TileTime> times;
  for (;;) {
    Thread* first = nullptr;
    for (Thread& t : threads) {
      if (!t.done && (first == nullptr || t.clock < first->clock)) { first = &t; }
    }
    if (first == nullptr) { return times; }
    first->tile = queue.next(first->tile);
    first->done = !first->tile;
    if (first->done) { continue; }
    auto const thread = static_cast<int>(first - threads.data());
    std::int64_t const from = first->clock;
    first->clock += duration(*first->tile, thread);
    times.push_back({*first->tile, thread, from, first->clock});
  }
}

inline std::int64_t finish(std::vector<TileTime> const& times) {
  std::int64_t last = 0;
  for (TileTime const& t : times) { last = std::max(last, t.to); }
  return last;
}

}  // namespace jetcal::test
