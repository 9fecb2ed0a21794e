#pragma once

#include <chrono>
#include <cstdint>

#include "train/config.hpp"
#include "train/schedule.hpp"

namespace jetcal::train {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How fast a run is and how long it will still take.
class RunClock {
 public:
  /// Starts at update `update` of step `step` of the schedule.
  RunClock(Recipe const& recipe, std::int64_t training_rows, std::int64_t step,
           std::int64_t update);

  void start_epoch();
  void add_jets(std::int64_t jets) { jets_ += jets; }

  double epoch_seconds() const { return seconds_since(epoch_started_); }

  /// Of the epoch under way.
  double jets_per_s() const;

  /// At the rate since the start of the clock.
  double seconds_left() const;

 private:
  Clock::time_point started_, epoch_started_;
  std::int64_t jets_ = 0, jets_at_epoch_start_ = 0;
  double jets_to_go_ = 0;
};

}  // namespace jetcal::train
