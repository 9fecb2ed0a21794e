#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/lanes.hpp"

namespace jetcal {

/// Rows of the largest tile: enough that packed weights are used often, few enough that the values
/// of neighbouring layers stay in the second-level cache.
constexpr std::int64_t kTileRows = 420;

/// Consecutive rows cut into `count` tiles, each what one thread takes through the network at a
/// time: as even as whole register blocks of 14 rows allow, none empty. Tiles never enter the bits.
struct Tiles {
  std::int64_t rows = 0;
  std::int64_t count = 0;  ///< at most one a block

  /// Tile i holds rows begin(i) .. begin(i + 1) - 1.
  std::int64_t begin(std::int64_t i) const;
  /// Rows of the largest tile, rounded up to whole blocks.
  std::int64_t most() const;
};

/// The fewest tiles of at most kTileRows rows that give each thread as many as any other.
Tiles tiles_for(std::int64_t rows, int threads);

/// The tiles of a training step: each lane has as many, and sums them in order. Threads take whole
/// lanes where their number divides the lanes' (or exceeds it: the rest idle); elsewhere a lane
/// goes from one thread to another between tiles, and there may be up to twice as many tiles, if
/// that leaves threads idle for less time.
struct LaneTiles {
  LaneTiles(Lanes const& lanes, int threads);

  Lanes lanes;
  int threads = 1;
  std::int64_t count = 1;  ///< in each lane
  std::int64_t most = 0;   ///< rows of the largest tile of all

  Tiles of(std::int64_t lane) const;
};

/// Hands the tiles of lanes out to threads: a lane's tiles one after the other, lanes with the most
/// left first. A thread keeps its lane unless a lane that nobody works on would come too late.
class LaneQueue {
 public:
  struct Tile {
    std::int64_t lane = 0;
    std::int64_t number = 0;  ///< in its lane
  };

  explicit LaneQueue(LaneTiles const& tiles);

  /// The next tile for a thread that has `done` this one (at first: none). Nothing if each lane
  /// that is not finished has a thread: then they finish them, and this one is not needed any more.
  std::optional<Tile> next(std::optional<Tile> const& done);

 private:
  struct Lane {
    std::int64_t left = 0;  // tiles that nobody has begun
    bool busy = false;
  };

  std::mutex mutex_;
  std::int64_t count_;
  int threads_;
  std::vector<Lane> lanes_;
};

}  // namespace jetcal
