#include "train/trainer.hpp"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "data/loader.hpp"
#include "model/network.hpp"
#include "train/batches.hpp"
#include "train/checkpoint.hpp"
#include "train/held_out.hpp"
#include "train/metrics.hpp"
#include "train/resident_jets.hpp"
#include "train/run_clock.hpp"
#include "train/run_files.hpp"
#include "train/run_setup.hpp"
#include "train/schedule.hpp"
#include "train/step_messages.hpp"
#include "train/step_plan.hpp"
#include "train/training_state.hpp"

namespace jetcal::train {
namespace {

// A repeated step warms up this many times longer than the try before.
constexpr std::int64_t kLongerWarmUp = 4;

class Trainer {
 public:
  Trainer(Recipe const& recipe, RunOptions const& options, Listener& listener)
      : recipe_(recipe),
        options_(options),
        listener_(listener),
        network_(recipe.model, feature_names(recipe)),
        files_(recipe, options, network_.layout()),
        resumed_(files_.latest(listener)),
        loader_(loader_setup(recipe, options.threads), known_normalisation()),
        execution_(make_execution(
            execution_options(recipe, options, &listener, resumed_ ? &*resumed_ : nullptr))),
        state_(options.device, network_.layout().size()) {}

  Outcome run() {
    for (std::string const& note : loader_.notes()) { listener_.note(note); }
    JETCAL_REQUIRE(loader_.training_rows() > 0, DataError,
                   "data.train: no jet is left to train on. Look at the validation fraction and at "
                   "what was dropped");
    if (resumed_.has_value()) {
      restore(*resumed_);
      resumed_.reset();
    } else {
      state_.parameters().upload(network_.initial_parameters(recipe_.seed));
      files_.start();
    }
    bool const resident = make_jets_resident(recipe_, network_, loader_,
                                             state_.bytes_to_come(recipe_), *execution_, listener_);
    batches_.emplace(loader_, execution_->most_in_flight(), resident);
    clock_.emplace(recipe_, loader_.training_rows(), position_.step, position_.update);
    last_checkpoint_ = Clock::now();
    while (position_.step < steps()) {
      if (!run_step()) { return Outcome::interrupted; }
    }
    files_.write_model(input_scaling(loader_), loader_.digest(), state_.parameters().download(),
                       execution_->kernel_choices());
    return Outcome::finished;
  }

 private:
  std::int64_t steps() const { return static_cast<std::int64_t>(recipe_.schedule.size()); }

  std::optional<data::Normalisation> known_normalisation() const {
    if (!resumed_.has_value()) { return std::nullopt; }
    model::InputScaling const& inputs = resumed_->inputs;
    return data::Normalisation{inputs.names, inputs.scale, inputs.offset};
  }

  // ---- one step ----

  bool run_step() {
    plan_ = step_plan(recipe_, position_.step, network_, loader_);
    plan_.guard->set_counts(position_.below);
    if (position_.update == 0) { begin_step(); }
    begin_sums(std::exchange(restored_sums_, {}));
    for (std::int64_t const step = position_.step; position_.step == step;) {
      if (!run_epoch()) {
        checkpoint();
        return false;
      }
      if (!restarted_ && !finish_epoch()) { return false; }
      restarted_ = false;
    }
    return true;
  }

  std::int64_t warm_up() const {
    std::int64_t updates = plan_.config->warmup_updates;
    for (std::int64_t retry = 0; retry < position_.retries; ++retry) {
      updates = std::max<std::int64_t>(100, updates * kLongerWarmUp);
    }
    return updates;
  }

  void begin_step() {
    if (state_.begin_step(*plan_.config)) { position_.optimizer_updates = 0; }
    if (!recipe_.collapse.restore) { return; }
    start_position_ = position_;
    state_.keep_start();
  }

  void go_back_to_start() {
    discard_in_flight();
    Position const before = position_;
    position_ = start_position_;
    position_.retries = before.retries + 1;
    position_.total_updates = before.total_updates;  // numbers the checkpoints: never back
    state_.go_back_to_start();
    plan_.guard.emplace(recipe_.collapse, *plan_.config);
    begin_sums({});
    files_.keep_metrics(position_.lines);
    restarted_ = true;
  }

  // ---- one epoch ----

  EpochSums new_sums() const {
    return {loader_.bins().count(), plan_.config->energy.has_value(),
            plan_.config->mass.has_value()};
  }

  /// With what a checkpoint had of them, if there was one.
  void begin_sums(std::vector<double> const& numbers) {
    sums_.emplace(new_sums());
    if (!numbers.empty()) { sums_->set_numbers(numbers); }
    execution_->begin_bins(sums_->bin_sums());
  }

  /// False: asked to stop.
  bool run_epoch() {
    batches_->start_epoch(position_.step, position_.epoch, plan_.config->batch_size,
                          position_.batch);
    clock_->start_epoch();
    bool pausing = false;
    while (true) {
      while (!pausing && can_start_update()) {
        std::optional<JetBatch> const batch = batches_->next();
        if (!batch.has_value()) { break; }
        start_update(*batch);
      }
      if (batches_->in_flight() == 0 || !finish_update()) { return true; }
      bool const stopping = options_.stop != nullptr && options_.stop->load() != 0;
      pausing = stopping || checkpoint_is_due();
      if (!pausing || batches_->in_flight() > 0) { continue; }
      if (stopping) { return false; }
      checkpoint();
      pausing = false;
    }
  }

  // Updates are started before the results of those before them are known: position_ tells of the
  // finished ones.

  bool can_start_update() const {
    std::int64_t const in_flight = batches_->in_flight();
    bool const up_to_checkpoint =
        in_flight > 0 && is_checkpoint_update(position_.total_updates + in_flight);
    return !batches_->full() && !up_to_checkpoint &&
           position_.update + in_flight < plan_.length.updates;
  }

  void start_update(JetBatch const& batch) {
    StepConfig const& config = *plan_.config;
    std::int64_t const update = position_.update + batches_->in_flight();
    double const rate = learning_rate(config, warm_up(), update, plan_.length.updates);
    std::int64_t const t = position_.optimizer_updates + batches_->in_flight() + 1;
    execution_->start_update(
        state_.update(plan_.training->tape, plan_.pass, optimizer_step(config.optimizer, t, rate),
                      average_decay(config, update)),
        batch);
    batches_->start();
  }

  /// False: the step was begun again.
  bool finish_update() {
    PassResult const& result = execution_->finish();
    std::int64_t const rows = batches_->finish();
    if (!all_finite(result)) { throw_non_finite(); }
    sums_->add(result, rows);
    sums_->add_norm(std::sqrt(result.norm.sum_of_squares));
    ++position_.batch;
    ++position_.update;
    ++position_.optimizer_updates;
    ++position_.total_updates;
    clock_->add_jets(rows);
    Progress progress = progress_of(result, plan_, position_, steps());
    progress.jets_per_s = clock_->jets_per_s();
    progress.seconds_left = clock_->seconds_left();
    listener_.progress(progress);
    return watch_collapse(result);
  }

  /// Ends the run after a batch with which nothing was updated: a pass over it again finds the same
  /// and says which jets it is.
  [[noreturn]] void throw_non_finite() {
    for (std::int64_t i = batches_->in_flight(); i > 0; --i) { execution_->finish(); }
    PassResult const& result = execution_->train(plan_.training->tape, batches_->finished(),
                                                 plan_.pass, state_.parameters());
    throw NonFiniteError(place_text(*plan_.config, position_) + ": " +
                         non_finite_text(result, *plan_.config, *batches_) +
                         ". Nothing was updated with it; " + files_.last_good() +
                         ". Look at these jets, or lower the learning rate");
  }

  /// Updates of what is about to be replaced.
  void discard_in_flight() {
    for (; batches_->in_flight() > 0; batches_->finish()) { execution_->finish(); }
  }

  bool watch_collapse(PassResult const& result) {
    for (std::size_t h = 0; h < result.heads.size(); ++h) {
      int const head = head_of(*plan_.config, h);
      double const share = result.heads[h].kept / result.weight;
      if (!plan_.guard->collapsed(head, share)) { continue; }
      std::string const text = place_text(*plan_.config, position_) + ": " +
                               collapse_text(head, share, plan_, recipe_.collapse);
      if (recipe_.collapse.restore && position_.retries < recipe_.collapse.retries) {
        go_back_to_start();
        listener_.warning(text + ". Starting the step again with a warm-up of " +
                          std::to_string(warm_up()) + " updates");
        return false;
      }
      throw CollapseError(text + ". Raise schedule." + std::to_string(position_.step) +
                          ".warmup_updates (" + std::to_string(warm_up()) +
                          "), lower its learning rate, or set collapse.restore");
    }
    position_.below = plan_.guard->counts();
    return true;
  }

  /// False: asked to stop (a checkpoint is written).
  bool finish_epoch() {
    double const jets_per_s = clock_->jets_per_s();
    sums_->set_bin_sums(execution_->bins());
    std::optional<EpochSums> held_out;
    if (loader_.validation_rows() > 0) {
      held_out = new_sums();
      if (closure_is_due()) {
        model::RecordedNetwork const& net = *plan_.evaluation;
        execution_->begin_responses({net.energy, net.mass}, response_bins(recipe_, *sums_));
      }
      add_held_out_losses(*batches_, *execution_, plan_.evaluation->tape, state_.best_parameters(),
                          *held_out);
    }
    EpochLine line;
    line.step = position_.step + 1;
    line.name = plan_.config->name;
    line.epoch = position_.epoch + 1;
    line.updates = position_.total_updates;
    line.learning_rate =  // of the epoch's last update, which may have been before a restart
        learning_rate(*plan_.config, warm_up(), position_.update - 1, plan_.length.updates);
    line.jets_per_s = jets_per_s;
    Json json =
        epoch_line(line, *sums_, held_out.has_value() ? &*held_out : nullptr, loader_.bins());
    if (closure_is_due()) {
      json["closure"] = options_.closure->measure(execution_->take_responses(), loader_.bins());
    }
    files_.append_metrics(json);
    listener_.epoch(json);
    for (std::string const& warning : starved_warnings(held_out.has_value() ? *held_out : *sums_,
                                                       plan_, position_, loader_.bins())) {
      listener_.warning(warning);
    }
    ++position_.lines;
    ++position_.epoch;
    position_.batch = 0;
    begin_sums({});
    if (position_.update == plan_.length.updates) { finish_step(); }
    checkpoint();
    return options_.stop == nullptr || options_.stop->load() == 0;
  }

  void finish_step() {
    state_.finish_step();
    ++position_.step;
    position_.epoch = 0;
    position_.update = 0;
    position_.retries = 0;
    position_.below = {};
  }

  bool closure_is_due() const {
    return options_.closure != nullptr && recipe_.validation_every > 0 &&
           loader_.validation_rows() > 0 && (position_.lines + 1) % recipe_.validation_every == 0;
  }

  // ---- checkpoints ----

  bool is_checkpoint_update(std::int64_t total_updates) const {
    std::int64_t const every = recipe_.checkpoint.every_updates;
    return every > 0 && total_updates % every == 0;
  }

  bool checkpoint_is_due() const {
    double const every = recipe_.checkpoint.every_seconds;
    return is_checkpoint_update(position_.total_updates) ||
           (every > 0 && seconds_since(last_checkpoint_) >= every);
  }

  void checkpoint() {
    RunState state;
    state.position = position_;
    state.start_position = start_position_;
    state.inputs = input_scaling(loader_);
    state.data_digest = loader_.digest();
    state_.save(state);
    sums_->set_bin_sums(execution_->bins());
    state.sums = sums_->numbers();
    state.kernel_choices = execution_->kernel_choices();
    files_.write_checkpoint(state);
    last_checkpoint_ = Clock::now();
  }

  void restore(RunState const& state) {
    JETCAL_REQUIRE(state.data_digest == loader_.digest(), DataError,
                   "data.train: the shards are not those this run was started on. Give it the same "
                   "shards, or start a new run with another --out");
    position_ = state.position;
    start_position_ = state.start_position;
    state_.restore(state);
    restored_sums_ = state.sums;
    files_.keep_metrics(position_.lines);
  }

  Recipe const& recipe_;
  RunOptions const& options_;
  Listener& listener_;
  model::Network network_;
  RunFiles files_;
  std::optional<RunState> resumed_;
  data::Loader loader_;
  std::unique_ptr<Execution> execution_;

  TrainingState state_;
  Position position_, start_position_;

  StepPlan plan_;
  std::optional<Batches> batches_;
  std::optional<EpochSums> sums_;
  std::vector<double> restored_sums_;
  bool restarted_ = false;

  std::optional<RunClock> clock_;
  Clock::time_point last_checkpoint_;
};

}  // namespace

Outcome run_training(Recipe const& recipe, RunOptions const& options, Listener& listener) {
  return Trainer(recipe, options, listener).run();
}

}  // namespace jetcal::train
