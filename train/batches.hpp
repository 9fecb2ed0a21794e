#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/loader.hpp"
#include "kernels/execution.hpp"

namespace jetcal::train {

/// The batches of a run on their way through an Execution, which may have several in flight: handed
/// out by the loader in host memory, or named to a device that gathers them itself.
class Batches {
 public:
  /// `resident`: the execution has the loader's jets (Execution::make_resident).
  Batches(data::Loader& loader, std::size_t most_in_flight, bool resident)
      : loader_(loader), resident_(resident), ring_(most_in_flight) {}

  /// As the loader's, with nothing in flight.
  void start_epoch(std::int64_t step, std::int64_t epoch, std::int64_t batch_size,
                   std::int64_t first_batch);
  void start_validation(std::int64_t batch_size);

  std::int64_t in_flight() const { return in_flight_; }
  bool full() const { return in_flight_ == std::ssize(ring_); }

  /// The next batch, unless full(); none after the last. It is in flight after start().
  std::optional<JetBatch> next();
  void start() { ++in_flight_; }

  /// The oldest is not in flight any more. Returns its rows.
  std::int64_t finish();

  /// The batch that was finished last, and data::Loader::where of a row of it, until next().
  JetBatch finished() const;
  std::string where(std::int64_t row) const;

 private:
  struct Entry {
    data::Batch host;
    ResidentBatch resident;
  };
  Entry const& last() const { return ring_[static_cast<std::size_t>(oldest_ - 1) % ring_.size()]; }
  Entry& at(std::int64_t i) { return ring_[static_cast<std::size_t>(oldest_ + i) % ring_.size()]; }

  void start_order(RecordOrder const& order, std::int64_t batch_size, std::int64_t first_batch);

  data::Loader& loader_;
  bool resident_;
  bool validation_ = false;
  RecordOrder order_;  // resident, as are these
  std::int64_t batch_size_ = 0, position_ = 0;

  std::vector<Entry> ring_;
  std::int64_t oldest_ = 0, in_flight_ = 0;
};

}  // namespace jetcal::train
