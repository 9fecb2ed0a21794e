#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/device.hpp"
#include "kernels/execution.hpp"
#include "train/config.hpp"
#include "train/run_files.hpp"

namespace jetcal::train {

/// What updates change, on the device of a run: parameters, their average in a step that keeps one,
/// and the optimizer's states. Where a step may be begun again, also what they were at its start.
class TrainingState {
 public:
  TrainingState(Device device, std::int64_t parameters)
      : device_(device), parameters_(device, parameters) {}

  Buffer& parameters() { return parameters_; }

  /// What is validated and kept: the average of the parameters where there is one.
  Buffer const& best_parameters() const { return has_average() ? average_ : parameters_; }

  /// One that makes `step` and, where there is an average, moves it with this decay.
  Update update(Tape const& tape, PassOptions const& pass, OptimizerStep const& step,
                double average_decay);

  /// True if the optimizer begins anew.
  bool begin_step(StepConfig const& config);
  /// The average becomes the parameters.
  void finish_step();

  /// What go_back_to_start() brings back, until finish_step().
  void keep_start();
  void go_back_to_start();

  /// Bytes that the steps of a recipe will take at most, beside what is there.
  std::int64_t bytes_to_come(Recipe const& recipe) const;

  /// To a checkpoint, and from one.
  void save(RunState& state) const;
  void restore(RunState const& state);

 private:
  bool has_average() const { return average_.size() > 0; }
  Buffer copy_of(Buffer const& from) const;

  Device device_;
  Buffer parameters_, average_;
  std::vector<std::string> state_names_;
  std::vector<Buffer> states_;
  std::vector<Buffer> start_;  // parameters and states
};

}  // namespace jetcal::train
