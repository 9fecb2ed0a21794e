#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/matrix.hpp"

namespace jetcal {

/// Memory that is read or written soon, asked for into the second-level cache while a product's
/// block computes: one line at each k, since many requests at once hold up the block's own loads.
struct Soon {
  float const* at;    // memory of ours, also where nothing is wanted: other addresses cost time
  std::int64_t step;  // floats from one k to the next: of a line, or of a row
};

/// Up to `rows` rows of m from row `first` on, empty past the end.
inline ConstMat strip_of(ConstMat m, std::int64_t first, std::int64_t rows) {
  if (first >= m.rows) { return {}; }
  return {m.row(first), std::min(rows, m.rows - first), m.cols, m.ld};
}

/// Stretches of memory to be asked for, in order, by blocks that have room for one cache line a
/// step.
class Requests {
 public:
  static constexpr std::int64_t kLine = 16;  // floats

  /// Appends whole rows. What does not fit any more is not asked for.
  void add(ConstMat rows) { add(rows.data, rows.rows * rows.ld); }
  void add(float const* data, std::int64_t floats) {
    if (data == nullptr || floats <= 0 || full()) { return; }
    stretches_[static_cast<std::size_t>(count_++)] = {data, floats};
    floats_ += floats;
  }
  void add(Requests const& others) {
    for (std::int64_t i = others.first_; i < others.count_; ++i) {
      Stretch const& s = others.stretches_[static_cast<std::size_t>(i)];
      add(s.data, s.floats);
    }
  }

  std::int64_t floats() const { return floats_; }
  bool full() const { return count_ == kMost; }
  std::int64_t lines() const { return (floats_ + kLine - 1) / kLine; }

  /// Lines that `blocks` blocks of `steps` steps can ask for beyond these.
  std::int64_t room_of(std::int64_t blocks, std::int64_t steps) const {
    for (std::int64_t i = first_; i < count_ && steps > 0; ++i) {
      std::int64_t const a_block = kLine * steps;
      blocks -= (stretches_[static_cast<std::size_t>(i)].floats + a_block - 1) / a_block;
    }
    return blocks * steps;
  }

  /// The first `floats` of them, or all.
  Requests take_first(std::int64_t floats) {
    Requests part;
    while (floats > 0 && floats_ > 0) {
      Stretch const s = front();
      std::int64_t const n = std::min(floats, s.floats);
      part.add(s.data, n);
      take(n);
      floats -= n;
    }
    return part;
  }

  /// What one of `parts` pieces of work that are left should ask for, each of which has room for
  /// `room` lines: none before the last pieces, lest the cache loses it again.
  Requests part_of(std::int64_t parts, std::int64_t room) {
    constexpr std::int64_t kLast = 9;
    if (floats_ == 0 || (parts > kLast && parts * room >= lines() + room)) { return {}; }
    return take_first(std::min(room, (lines() + parts - 1) / parts) * kLine);
  }

  /// What a block of `steps` steps asks for: a line a step, of one stretch, and up to `steps`
  /// floats past it; `idle` where nothing is left.
  Soon next(std::int64_t steps, float const* idle) {
    if (floats_ == 0 || steps == 0) { return {idle, 0}; }
    Stretch const s = front();
    std::int64_t const step = std::min(kLine, (s.floats + steps - 1) / steps);
    take(std::min(s.floats, step * steps));
    return {s.data, step};
  }

 private:
  struct Stretch {
    float const* data = nullptr;
    std::int64_t floats = 0;
  };
  static constexpr std::int64_t kMost = 16;

  Stretch& front() { return stretches_[static_cast<std::size_t>(first_)]; }
  void take(std::int64_t floats) {
    front().data += floats;
    front().floats -= floats;
    floats_ -= floats;
    if (front().floats == 0) { ++first_; }
  }

  std::array<Stretch, kMost> stretches_;
  std::int64_t first_ = 0, count_ = 0;
  std::int64_t floats_ = 0;
};

}  // namespace jetcal
