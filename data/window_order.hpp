#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/random.hpp"

namespace jetcal::data {

/// The stream behind the order of an epoch. Errors: ConfigError for a step or epoch that is
/// negative or too large to count
RandomStream epoch_stream(std::uint64_t seed, std::int64_t step, std::int64_t epoch);

/// In which order the rows of one epoch come when they do not all fit into memory: blocks in
/// permuted order, cut into windows of several blocks, the rows of a window permuted among
/// themselves. A pure function of its arguments; any window can be found without those before it.
class WindowOrder {
 public:
  /// rows_of_block[b] rows of block b take part (blocks with 0 are never read); a window holds at
  /// most `window_rows`. Without a stream: the natural order.
  ///
  /// Errors    ShapeError if the largest block does not fit into a window
  WindowOrder(std::vector<std::int64_t> const& rows_of_block, std::int64_t window_rows,
              std::optional<RandomStream> stream);

  std::int64_t rows() const { return first_rows_.back(); }
  std::int64_t windows() const { return static_cast<std::int64_t>(first_rows_.size()) - 1; }

  /// The epoch's position of a window's first row.
  std::int64_t first_row(std::int64_t window) const {
    return first_rows_[static_cast<std::size_t>(window)];
  }
  std::int64_t rows(std::int64_t window) const { return first_row(window + 1) - first_row(window); }

  /// The blocks of a window, in the order in which their rows lie in it.
  std::span<std::int64_t const> blocks(std::int64_t window) const;

  /// The window of an epoch's position.
  std::int64_t window_of(std::int64_t position) const;

  /// Which of a window's rows comes at each place; nothing: in order.
  std::optional<Permutation> permutation(std::int64_t window) const;

 private:
  std::vector<std::int64_t> blocks_;
  std::vector<std::int64_t> first_blocks_;
  std::vector<std::int64_t> first_rows_;
  std::optional<RandomStream> stream_;
};

}  // namespace jetcal::data
