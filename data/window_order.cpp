#include "data/window_order.hpp"

#include <algorithm>
#include <limits>

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

// Counter values of the epoch's stream: a Permutation takes the first few for itself.
constexpr std::uint64_t kWindowKeys = 1024;

}  // namespace

RandomStream epoch_stream(std::uint64_t seed, std::int64_t step, std::int64_t epoch) {
  constexpr std::int64_t kSteps = std::int64_t{1} << 24;
  constexpr std::int64_t kEpochs = std::int64_t{1} << 32;
  JETCAL_REQUIRE(step >= 0 && step < kSteps && epoch >= 0 && epoch < kEpochs, ConfigError,
                 "loader: step " << step << ", epoch " << epoch << " (must be from 0 to "
                                 << kSteps - 1 << " and " << kEpochs - 1 << ")");
  return RandomStream(seed, Purpose::shuffle, static_cast<std::uint32_t>(step),
                      static_cast<std::uint32_t>(epoch));
}

WindowOrder::WindowOrder(std::vector<std::int64_t> const& rows_of_block, std::int64_t window_rows,
                         std::optional<RandomStream> stream)
    : stream_(stream) {
  std::int64_t largest = 1;
  for (std::size_t b = 0; b < rows_of_block.size(); ++b) {
    if (rows_of_block[b] > 0) { blocks_.push_back(static_cast<std::int64_t>(b)); }
    largest = std::max(largest, rows_of_block[b]);
  }
  JETCAL_REQUIRE(largest <= window_rows, ShapeError,
                 "WindowOrder: a block has " << largest << " rows (must be at most the window's "
                                             << window_rows << ")");
  if (stream_) {
    Permutation const order(blocks_.size(), *stream_);
    std::vector<std::int64_t> permuted(blocks_.size());
    for (std::size_t i = 0; i < permuted.size(); ++i) { permuted[i] = blocks_[order(i)]; }
    blocks_ = std::move(permuted);
  }

  // Windows of equal numbers of blocks: the last is no smaller than the others.
  auto const n_blocks = static_cast<std::int64_t>(blocks_.size());
  std::int64_t const per_window = window_rows / largest;
  std::int64_t const n_windows = (n_blocks + per_window - 1) / per_window;
  first_rows_.push_back(0);
  first_blocks_.push_back(0);
  for (std::int64_t w = 0; w < n_windows; ++w) {
    first_blocks_.push_back((w + 1) * n_blocks / n_windows);
    std::int64_t rows = first_rows_.back();
    for (std::int64_t const b : blocks(w)) { rows += rows_of_block[static_cast<std::size_t>(b)]; }
    first_rows_.push_back(rows);
  }
}

std::span<std::int64_t const> WindowOrder::blocks(std::int64_t window) const {
  auto const w = static_cast<std::size_t>(window);
  auto const first = static_cast<std::size_t>(first_blocks_[w]);
  return std::span(blocks_).subspan(first, static_cast<std::size_t>(first_blocks_[w + 1]) - first);
}

std::int64_t WindowOrder::window_of(std::int64_t position) const {
  auto const after = std::upper_bound(first_rows_.begin(), first_rows_.end(), position);
  return after - first_rows_.begin() - 1;
}

std::optional<Permutation> WindowOrder::permutation(std::int64_t window) const {
  if (!stream_) { return std::nullopt; }
  RandomStream const key(stream_->bits(kWindowKeys + static_cast<std::uint64_t>(window)),
                         Purpose::shuffle);
  return Permutation(static_cast<std::uint64_t>(rows(window)), key);
}

}  // namespace jetcal::data
