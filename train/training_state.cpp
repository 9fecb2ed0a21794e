#include "train/training_state.hpp"

#include <algorithm>

#include "train/schedule.hpp"

namespace jetcal::train {

Update TrainingState::update(Tape const& tape, PassOptions const& pass, OptimizerStep const& step,
                             double average_decay) {
  Update update{tape, pass, step, parameters_, states_};
  if (has_average()) {
    update.averages = &average_;
    update.average_decay = static_cast<float>(average_decay);
  }
  return update;
}

bool TrainingState::begin_step(StepConfig const& config) {
  std::vector<std::string> const names =
      optimizer_states(optimizer_step(config.optimizer, 1, config.learning_rate));
  bool const anew = config.reset_optimizer || names != state_names_;
  if (anew) {
    state_names_ = names;
    states_.clear();
    for (std::size_t i = 0; i < names.size(); ++i) {
      states_.emplace_back(device_, parameters_.size());
    }
  }
  if (config.average_decay > 0) { average_ = copy_of(parameters_); }
  return anew;
}

void TrainingState::finish_step() {
  if (has_average()) {
    parameters_.copy_from(average_);
    average_ = Buffer();
  }
  start_.clear();
}

Buffer TrainingState::copy_of(Buffer const& from) const {
  Buffer copy(device_, from.size());
  copy.copy_from(from);
  return copy;
}

void TrainingState::keep_start() {
  start_.clear();
  start_.push_back(copy_of(parameters_));
  for (Buffer const& state : states_) { start_.push_back(copy_of(state)); }
}

void TrainingState::go_back_to_start() {
  parameters_.copy_from(start_[0]);
  for (std::size_t i = 0; i < states_.size(); ++i) { states_[i].copy_from(start_[i + 1]); }
  if (has_average()) { average_.copy_from(parameters_); }
}

std::int64_t TrainingState::bytes_to_come(Recipe const& recipe) const {
  std::size_t most = 0;
  for (StepConfig const& step : recipe.schedule) {
    std::size_t const states =
        optimizer_states(optimizer_step(step.optimizer, 1, step.learning_rate)).size();
    std::size_t const average = step.average_decay > 0 ? 1 : 0;
    most = std::max(most, states + average + (recipe.collapse.restore ? 1 + states : 0));
  }
  std::size_t const there = states_.size() + (has_average() ? 1 : 0) + start_.size();
  auto const arenas = static_cast<std::int64_t>(most - std::min(most, there));
  return arenas * parameters_.size() * static_cast<std::int64_t>(sizeof(float));
}

void TrainingState::save(RunState& state) const {
  state.optimizer_states = state_names_;
  state.parameters = parameters_.download();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    state.arenas.emplace_back("optimizer_" + state_names_[i], states_[i].download());
  }
  if (has_average()) { state.arenas.emplace_back("average", average_.download()); }
  for (std::size_t i = 0; i < start_.size(); ++i) {
    std::string const name = i == 0 ? "parameters" : "optimizer_" + state_names_[i - 1];
    state.arenas.emplace_back("start_" + name, start_[i].download());
  }
}

void TrainingState::restore(RunState const& state) {
  state_names_ = state.optimizer_states;
  parameters_.upload(state.parameters);
  auto const restored = [&](std::string const& name) {
    std::vector<float> const* const values = state.arena(name);
    Buffer buffer(device_, values == nullptr ? 0 : parameters_.size());
    if (values != nullptr) { buffer.upload(*values); }
    return buffer;
  };
  average_ = restored("average");
  for (std::string const& name : state_names_) { states_.push_back(restored("optimizer_" + name)); }
  if (state.arena("start_parameters") != nullptr) {
    start_.push_back(restored("start_parameters"));
    for (std::string const& name : state_names_) {
      start_.push_back(restored("start_optimizer_" + name));
    }
  }
}

}  // namespace jetcal::train
