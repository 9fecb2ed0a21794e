#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.hpp"

namespace jetcal::train {

/// The batches an Execution has in flight, in the order they were started: what is said about a
/// result needs its batch.
class BatchesInFlight {
 public:
  explicit BatchesInFlight(std::size_t most) : ring_(most) {}

  std::int64_t count() const { return count_; }
  bool full() const { return count_ == std::ssize(ring_); }

  /// The one to be filled and started; unless full().
  data::Batch& next() { return at(count_); }
  void start() { ++count_; }

  /// The oldest, which is not in flight any more; its memory may be the next one's.
  data::Batch const& finish() {
    data::Batch const& oldest = at(0);
    ++oldest_;
    --count_;
    return oldest;
  }

 private:
  data::Batch& at(std::int64_t i) {
    return ring_[static_cast<std::size_t>(oldest_ + i) % ring_.size()];
  }

  std::vector<data::Batch> ring_;
  std::int64_t oldest_ = 0, count_ = 0;
};

}  // namespace jetcal::train
