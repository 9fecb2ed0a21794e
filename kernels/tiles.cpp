#include "kernels/tiles.hpp"

#include <algorithm>

namespace jetcal {
namespace {

// Of the register blocks of AVX-512; those of AVX2 and NEON lose nothing by it.
constexpr std::int64_t kBlock = 14;

// Tiles that are made smaller to be even among threads keep so many rows: each tile of a training
// step reads and writes all weight gradients.
constexpr std::int64_t kFewestRows = 126;

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t blocks_of(std::int64_t rows) { return quotient_up(rows, kBlock); }

}  // namespace

std::int64_t Tiles::begin(std::int64_t i) const {
  return std::min(rows, i * blocks_of(rows) / std::max<std::int64_t>(1, count) * kBlock);
}

std::int64_t Tiles::most() const {
  return quotient_up(blocks_of(rows), std::max<std::int64_t>(1, count)) * kBlock;
}

Tiles tiles_for(std::int64_t rows, int threads) {
  std::int64_t const rounds = quotient_up(rows, kTileRows * threads);
  return {rows, std::min(rounds * threads, blocks_of(rows))};
}

LaneTiles::LaneTiles(Lanes const& cut, int n_threads) : lanes(cut), threads(n_threads) {
  std::int64_t const rows = quotient_up(lanes.rows, lanes.count);
  std::int64_t const least = quotient_up(rows, kTileRows);
  // Of one tile a thread; times the rows of a tile they are the time of the step.
  auto const rounds = [&](std::int64_t tiles) {
    return std::max(tiles, quotient_up(lanes.count * tiles, threads));
  };
  count = least;
  for (std::int64_t tiles = least; tiles <= std::min(2 * least, rows / kFewestRows); ++tiles) {
    if (rounds(tiles) * count < rounds(count) * tiles) { count = tiles; }
  }
  most = Tiles{rows, count}.most();
}

Tiles LaneTiles::of(std::int64_t lane) const {
  return {lanes.begin(lane + 1) - lanes.begin(lane), count};
}

LaneQueue::LaneQueue(LaneTiles const& tiles)
    : count_(tiles.count),
      threads_(tiles.threads),
      lanes_(static_cast<std::size_t>(tiles.lanes.count), {tiles.count, false}) {}

std::optional<LaneQueue::Tile> LaneQueue::next(std::optional<Tile> const& done) {
  std::lock_guard const lock(mutex_);
  if (done) { lanes_[static_cast<std::size_t>(done->lane)].busy = false; }
  std::int64_t unfinished = 0;
  Lane* longest = nullptr;
  for (Lane& lane : lanes_) {
    unfinished += lane.left + (lane.busy ? 1 : 0);
    if (!lane.busy && lane.left > (longest == nullptr ? 0 : longest->left)) { longest = &lane; }
  }
  if (longest == nullptr) { return std::nullopt; }
  Lane* chosen = longest;
  if (done) {
    Lane& own = lanes_[static_cast<std::size_t>(done->lane)];
    // Begun one tile later, the longest lane still ends with the others.
    bool const in_time = (longest->left + 1) * threads_ <= unfinished;
    if (own.left > 0 && in_time) { chosen = &own; }
  }
  chosen->busy = true;
  std::int64_t const number = count_ - chosen->left--;
  return Tile{chosen - lanes_.data(), number};
}

}  // namespace jetcal
