#include "train/run_clock.hpp"

namespace jetcal::train {

RunClock::RunClock(Recipe const& recipe, std::int64_t training_rows, std::int64_t step,
                   std::int64_t update)
    : started_(Clock::now()), epoch_started_(started_) {
  for (auto i = static_cast<std::size_t>(step); i < recipe.schedule.size(); ++i) {
    StepLength const length = step_length(recipe.schedule[i], training_rows);
    std::int64_t const done = static_cast<std::int64_t>(i) == step ? update : 0;
    jets_to_go_ += static_cast<double>(training_rows) /
                   static_cast<double>(length.updates_per_epoch) *
                   static_cast<double>(length.updates - done);
  }
}

void RunClock::start_epoch() {
  epoch_started_ = Clock::now();
  jets_at_epoch_start_ = jets_;
}

double RunClock::jets_per_s() const {
  return static_cast<double>(jets_ - jets_at_epoch_start_) / epoch_seconds();
}

double RunClock::seconds_left() const {
  double const rate = static_cast<double>(jets_) / seconds_since(started_);
  return (jets_to_go_ - static_cast<double>(jets_)) / rate;
}

}  // namespace jetcal::train
