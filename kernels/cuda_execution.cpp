#include "kernels/cuda_execution.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "kernels/average.hpp"
#include "kernels/cuda_backend.cuh"
#include "kernels/cuda_bins.cuh"
#include "kernels/cuda_context.cuh"
#include "kernels/cuda_graphs.cuh"
#include "kernels/cuda_slot.cuh"
#include "kernels/kernel_chooser.cuh"
#include "kernels/launch_checks.cuh"
#include "kernels/optimizers.cuh"
#include "kernels/reduce.cuh"
#include "kernels/tensor_backend.cuh"

namespace jetcal::cuda {
namespace {

// Rows that predict() takes through the network at a time.
constexpr std::int64_t kPredictRows = 32'768;

// While the host looks at one batch's results the device has the next one.
constexpr std::size_t kSlots = 2;

std::int64_t bytes(std::int64_t floats) {
  return floats * static_cast<std::int64_t>(sizeof(float));
}

UpdateConstants constants_of(Update const& update) {
  UpdateConstants constants;
  std::visit(
      [&](auto const& step) {
        static_assert(sizeof step <= sizeof constants.step);
        std::memcpy(constants.step, &step, sizeof step);
      },
      update.step);
  if (update.averages != nullptr) { constants.average_rate = average_rate(update.average_decay); }
  return constants;
}

/// Where an update's constants are on the device, if they are a Step's.
template <class Step>
Step const* constants_if(Pass const& pass, UpdateConstants const* constants) {
  bool const is = pass.optimizer == OptimizerStep(Step()).index();
  return is ? reinterpret_cast<Step const*>(constants->step) : nullptr;
}

Context& current_context(int index) {
  Context& context = Context::of(index);
  context.make_current();
  return context;
}

/// Takes whole batches through the tape, each as one graph on the device's stream. A batch's copy
/// to the device and its losses' copy back run on streams of their own, beside other kernels.
class CudaExecution final : public Execution {
 public:
  explicit CudaExecution(ExecutionOptions const& options)
      : options_(options),
        context_(current_context(options.device.index)),
        chooser_(context_, options),
        results_(context_, Slot::kConstantFloats) {}

  /// What is in flight uses memory that goes now.
  ~CudaExecution() override {
    static_cast<void>(cudaStreamSynchronize(uploads_.get()));
    static_cast<void>(cudaStreamSynchronize(stream()));
  }
  CudaExecution(CudaExecution const&) = delete;
  CudaExecution& operator=(CudaExecution const&) = delete;

  void start_update(Update const& update, JetBatch const& batch) override {
    std::size_t const n_states = optimizer_states(update.step).size();
    JETCAL_REQUIRE(update.states.size() == n_states, ShapeError,
                   "update: " << update.states.size() << " states (must be " << n_states << ")");
    Pass pass{Pass::Kind::update, update.tape.id(), shape_of(batch)};
    pass.parameters = update.parameters.data();
    pass.divisors = update.pass.divisors;
    pass.optimizer = update.step.index();
    pass.updated = update.parameters.data();
    for (Buffer& state : update.states) { pass.states.push_back(state.data()); }
    if (update.averages != nullptr) { pass.averages = update.averages->data(); }
    start(pass, update.tape, batch, constants_of(update));
  }

  void start_evaluation(Tape const& tape, JetBatch const& batch,
                        Buffer const& parameters) override {
    Pass pass{Pass::Kind::evaluation, tape.id(), shape_of(batch)};
    pass.parameters = parameters.data();
    start(pass, tape, batch, {});
  }

  PassResult const& finish() override {
    JETCAL_REQUIRE(!in_flight_.empty(), Error,
                   "Execution::finish: nothing is in flight (start it first)");
    InFlight const first = in_flight_.front();
    in_flight_.pop_front();
    context_.make_current();
    Slot const& slot = slots_[first.slot];
    require_success(cudaEventSynchronize(slot.done.get()), "waiting for the device");
    slot.read(first.rows, first.heads, result_);
    if (!first.has_gradient) { result_.norm = {}; }
    return result_;
  }

  std::size_t most_in_flight() const override { return kSlots; }

  void begin_bins(std::vector<BinSums> const& sums) override {
    require_none_in_flight("begin_bins");
    context_.make_current();
    if (bins_.moves_for(sums)) { forget_addresses(); }
    bins_.begin(context_, sums);
  }

  std::vector<BinSums> bins() override {
    require_none_in_flight("bins");
    return bins_.read(context_);
  }

  bool make_resident(RecordsView const& jets, std::vector<PlannedPass> const& beside,
                     std::int64_t spare) override {
    require_none_in_flight("make_resident");
    context_.make_current();
    for (PlannedPass const& pass : beside) {
      chooser_.decide(pass.tape, pass.rows);
      reserve(pass.tape, {pass.rows, jets.form.features, kRecordTargets});
    }
    if (ResidentJets::bytes(jets) + spare > context_.free_bytes()) { return false; }
    jets_ = ResidentJets(context_, jets);
    return true;
  }

  PassResult const& train(Tape const& tape, HostBatch const& batch, PassOptions const& options,
                          Buffer const& parameters) override {
    require_none_in_flight("train");
    Pass pass{Pass::Kind::training, tape.id(), shape_of(batch)};
    pass.parameters = parameters.data();
    pass.divisors = options.divisors;
    start(pass, tape, batch, {});
    return finish();
  }

  Buffer const& gradients() const override {
    JETCAL_REQUIRE(gradients_.size() > 0, Error,
                   "Execution::gradients: there are none (train first)");
    return gradients_;
  }

  void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
               std::vector<Id> const& outputs, std::vector<Mat> const& into) override {
    for (std::int64_t first = 0; first < features.rows; first += kPredictRows) {
      std::int64_t const rows = std::min(kPredictRows, features.rows - first);
      HostBatch batch;
      batch.features = {features.row(first), rows, features.cols, features.ld};
      BatchShape const shape = shape_of(batch);
      Slot& slot = free_slot(tape, shape, true);
      slot.upload(batch, {}, uploads_.get(), stream());
      auto const backend = backend_of({rows, 1}, {});
      prepare(*backend, tape, parameters.data());
      PassArguments pass;
      pass.rows = rows;
      pass.inputs = {slot.on_device(shape).features};
      pass.parameters = parameters.data();
      pass.prepared = prepared_.data();
      Tape::Workspace work{workspace_.data(), rows, false};
      tape.forward(*backend, work, pass);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        ConstMat const value = tape.value(outputs[i], work, rows);
        staged_values_.resize(static_cast<std::size_t>(rows * value.ld));
        context_.download(value.data, staged_values_.data(), rows * value.ld);
        for (std::int64_t r = 0; r < rows; ++r) {
          std::copy_n(staged_values_.data() + r * value.ld, value.cols, into[i].row(first + r));
        }
      }
    }
  }

  Device device() const override { return options_.device; }
  int threads() const override { return options_.threads; }
  KernelChoices kernel_choices() const override { return chooser_.choices(); }

  std::int64_t memory() const override {
    std::int64_t floats = 0;
    for (Buffer const* const b : {&workspace_, &prepared_, &gradients_, &other_lanes_, &lane_sums_,
                                  &norm_parts_, &results_}) {
      floats += b->size();
    }
    for (Slot const& slot : slots_) { floats += slot.device.size(); }
    return bytes(floats) + chooser_.memory();
  }

 private:
  /// Something started and not finished.
  struct InFlight {
    std::size_t slot = 0;
    std::int64_t rows = 0;
    std::size_t heads = 0;
    bool has_gradient = false;
  };

  std::unique_ptr<Backend> backend_of(Lanes const& lanes, LaneArenas const& arenas) const {
    switch (options_.precision) {
      case Precision::fp32:
        break;
      case Precision::tf32:
        return std::make_unique<TensorBackend<Tf32>>(stream(), lanes, arenas);
      case Precision::bf16:
        return std::make_unique<TensorBackend<Bf16>>(stream(), lanes, arenas);
    }
    return std::make_unique<CudaBackend>(stream(), lanes, arenas, chooser_.kernels());
  }

  cudaStream_t stream() const { return context_.stream(); }
  Results* results() { return reinterpret_cast<Results*>(results_.data()); }
  double* lane_sums() { return reinterpret_cast<double*>(lane_sums_.data()); }

  void require_none_in_flight(char const* where) const {
    JETCAL_REQUIRE(
        in_flight_.empty(), Error,
        "Execution::" << where << ": " << in_flight_.size() << " are in flight (finish them)");
  }

  BatchShape shape_of(JetBatch const& batch) const {
    if (auto const* const resident = std::get_if<ResidentBatch>(&batch)) {
      return {resident->rows, jets_.form().features, kRecordTargets};
    }
    auto const& host = std::get<HostBatch>(batch);
    return {host.features.rows, host.features.cols, host.targets.cols};
  }

  void start(Pass& pass, Tape const& tape, JetBatch const& batch,
             UpdateConstants const& constants) {
    std::int64_t const rows = pass.shape.rows;
    auto const* const host = std::get_if<HostBatch>(&batch);
    JETCAL_REQUIRE(host != nullptr || !jets_.empty(), Error,
                   "Execution: no jets are resident (make_resident comes first)");
    JETCAL_REQUIRE(
        host == nullptr || host->targets.rows == rows, ShapeError,
        "Execution: " << rows << " rows of features but " << host->targets.rows << " of targets");
    std::size_t const heads = loss_entries(tape).size();
    JETCAL_REQUIRE(
        pass.kind == Pass::Kind::evaluation || pass.divisors.size() == heads, ShapeError,
        "Execution: " << pass.divisors.size() << " divisors (one a head: " << heads << ")");
    pass.binned = !bins_.empty() && (host == nullptr || host->bins != nullptr);
    Slot& slot = free_slot(tape, pass.shape, host != nullptr);
    pass.slot = next_slot_;
    if (host != nullptr) {
      slot.upload(*host, constants, uploads_.get(), stream());
    } else {
      auto const& resident = std::get<ResidentBatch>(batch);
      slot.gather(jets_, resident, constants, uploads_.get(), stream());
    }
    if (in_flight_.empty()) {  // what was refused before is known to whoever started it
      require_success(cudaMemsetAsync(&results()->refused, 0, sizeof(int), stream()), "cudaMemset");
    }
    graphs_.run(pass, stream(), [&] { enqueue(pass, tape); });
    require_success(cudaEventRecord(slot.done.get(), stream()), "cudaEventRecord");
    in_flight_.push_back({pass.slot, rows, heads, pass.kind != Pass::Kind::evaluation});
    next_slot_ = (next_slot_ + 1) % kSlots;
  }

  // ---- memory ----

  /// The next slot, with all the memory a pass takes and whose kernels it runs with: nothing is
  /// allocated or measured after this.
  Slot& free_slot(Tape const& tape, BatchShape const& shape, bool of_host) {
    context_.make_current();
    JETCAL_REQUIRE(in_flight_.size() < kSlots, Error,
                   "Execution: " << kSlots << " are in flight (finish one first)");
    std::size_t const heads = loss_entries(tape).size();
    JETCAL_REQUIRE(heads <= kMostHeads, ShapeError,
                   "Execution: the network has " << heads << " heads (at most " << kMostHeads
                                                 << " on a CUDA device)");
    chooser_.decide(tape, shape.rows);
    reserve(tape, shape);
    Slot& slot = slots_[next_slot_];
    if (slot.reserve_pinned(shape, of_host, heads)) { graphs_.clear(); }
    return slot;
  }

  /// A buffer of so many floats, and so many for each row of the batch.
  struct Need {
    Buffer* buffer = nullptr;
    std::int64_t fixed = 0, per_row = 0;
    std::int64_t floats(std::int64_t rows) const { return fixed + per_row * rows; }
  };

  std::vector<Need> needs(Tape const& tape, BatchShape const& shape) {
    std::vector<Need> list = {
        {&workspace_, 0, tape.floats_per_row()},
        {&prepared_, tape.prepared_size(), 0},
        {&lane_sums_, 2 * kMostRowArrays * options_.lanes, 0},
    };
    for (Slot& slot : slots_) {
      list.push_back({&slot.device, Slot::kConstantFloats, shape.floats_per_row()});
    }
    if (tape.training()) {
      std::int64_t const floats = tape.layout().size();
      std::int64_t const parts = (floats + cpu::kNormChunk - 1) / cpu::kNormChunk;
      list.push_back({&gradients_, floats, 0});
      list.push_back({&other_lanes_, (Lanes(shape.rows, options_.lanes).count - 1) * floats, 0});
      list.push_back({&norm_parts_, parts * std::int64_t{sizeof(NormResult) / sizeof(float)}, 0});
    }
    return list;
  }

  /// Grows what is too small, all at once: the old memory is given back before more is asked for.
  void reserve(Tape const& tape, BatchShape const& shape) {
    if (tape.training() && gradients_.size() != tape.layout().size()) {
      forget_addresses();
      gradients_ = Buffer();
      other_lanes_ = Buffer();
    }
    std::vector<Need> const all = needs(tape, shape);
    auto const too_small = [&](Need const& need) {
      return need.buffer->size() < need.floats(shape.rows);
    };
    if (std::none_of(all.begin(), all.end(), too_small)) { return; }
    forget_addresses();
    require_memory(all, shape.rows);
    for (Need const& need : all) {
      if (too_small(need)) { *need.buffer = Buffer(); }
    }
    for (Need const& need : all) {
      if (too_small(need)) { *need.buffer = Buffer(context_, need.floats(shape.rows)); }
    }
    context_.synchronize();  // their zeros are written on stream(), batches on another one
  }

  /// Graphs, and what is in flight, know where buffers are that are about to move.
  void forget_addresses() {
    context_.synchronize();
    graphs_.clear();
  }

  void require_memory(std::vector<Need> const& all, std::int64_t rows) const {
    std::int64_t needed = 0, had = 0, fixed = 0, per_row = 0;
    for (Need const& need : all) {
      needed += bytes(std::max(need.floats(rows), need.buffer->size()));
      had += bytes(need.buffer->size());
      fixed += bytes(need.fixed);
      per_row += bytes(need.per_row);
    }
    std::int64_t const free = context_.free_bytes() + had;
    std::int64_t const fits = std::max<std::int64_t>(0, (free - fixed) / per_row);
    JETCAL_REQUIRE(needed <= free, DeviceError,
                   "device " << device().name() << ": a batch of " << rows << " jets needs "
                             << (needed >> 20) << " MiB of working memory (" << (free >> 20)
                             << " MiB are free). Use a batch of at most " << fits
                             << " jets, fewer lanes, or --device cpu");
  }

  // ---- what a pass is made of; the same every time, so that it can be captured ----

  void enqueue(Pass const& pass, Tape const& tape) {
    Slot& slot = slots_[pass.slot];
    DeviceBatch const batch = slot.on_device(pass.shape);
    std::vector<Id> const heads = loss_entries(tape);
    Lanes const lanes(pass.shape.rows, options_.lanes);
    bool const evaluates = pass.kind == Pass::Kind::evaluation;
    LaneArenas arenas;
    if (!evaluates) { arenas = {gradients_.data(), other_lanes_.data(), gradients_.size()}; }
    auto const backend = backend_of(lanes, arenas);
    PassArguments arguments;
    arguments.rows = pass.shape.rows;
    arguments.inputs = {batch.features, batch.targets, batch.weights};
    arguments.parameters = pass.parameters;
    arguments.prepared = prepared_.data();
    arguments.gradients = arenas.first;
    arguments.scalars = results()->scales;
    Tape::Workspace work{workspace_.data(), pass.shape.rows, false};

    prepare(*backend, tape, pass.parameters);
    sum_rows(stream(), {{batch.weights.data}}, lanes, lane_sums(), results()->totals);
    if (std::count(pass.divisors.begin(), pass.divisors.end(), Divisor::kept) > 0) {
      tape.forward(*backend, work, arguments);  // once more, to know what to divide by
      sum_heads(tape, work, heads, lanes);
    }
    for (std::size_t h = 0; h < pass.divisors.size(); ++h) {
      bool const kept = pass.divisors[h] == Divisor::kept;
      inverse_or_zero(stream(), results()->totals + (kept ? 2 + 2 * h : 0), results()->scales + h);
    }
    tape.forward(*backend, work, arguments);
    sum_heads(tape, work, heads, lanes);
    follow(stream(), summed_, downloads_.get());
    if (pass.binned) { bins_.add(stream(), tape, work, heads, batch); }
    for (std::size_t h = 0; h < heads.size(); ++h) {
      Head const& head = std::get<Head>(tape[heads[h]].op);
      Mat const saved = tape.saved(heads[h], work, lanes.rows);
      slot.download_rows(h, head.row_loss(saved), lanes.rows, downloads_.get());
    }
    if (!evaluates) {
      tape.backward(*backend, work, arguments);
      enqueue_gradient(trained_ranges(tape), arenas, lanes);
    }
    if (pass.kind == Pass::Kind::update) {
      refuse_non_finite(stream(), results()->totals + 1, static_cast<int>(heads.size()),
                        &results()->norm, &results()->refused);
      for (Range const& range : trained_ranges(tape)) {
        enqueue_update(pass, batch.constants, range);
      }
    }
    slot.download(results(), stream());
    follow(downloads_.get(), downloaded_, stream());
  }

  void prepare(Backend const& backend, Tape const& tape, float const* parameters) {
    if (options_.precision != Precision::fp32) { require_stored(tape); }
    for (Id id = 0; id < tape.size(); ++id) {
      std::visit(
          [&](auto const& op) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
              backend.prepare(op, tape.layout(), parameters,
                              prepared_.data() + tape[id].prepared_at);
            }
          },
          tape[id].op);
    }
  }

  void sum_heads(Tape const& tape, Tape::Workspace const& work, std::vector<Id> const& heads,
                 Lanes const& lanes) {
    RowArrays arrays;  // the batch's weight is known
    for (std::size_t h = 0; h < heads.size(); ++h) {
      Head const& head = std::get<Head>(tape[heads[h]].op);
      Mat const saved = tape.saved(heads[h], work, lanes.rows);
      arrays.of[1 + 2 * h] = head.row_loss(saved);
      arrays.of[2 + 2 * h] = head.row_kept(saved);
    }
    sum_rows(stream(), arrays, lanes, lane_sums(), results()->totals);
  }

  void enqueue_gradient(std::vector<Range> const& ranges, LaneArenas const& arenas,
                        Lanes const& lanes) {
    NormResult* const norm = &results()->norm;
    clear_norm(stream(), norm);
    for (Range const& range : ranges) {
      sum_lanes(stream(), arenas, lanes.count, range.begin, range.end);
      add_squared_norm(stream(), arenas.first + range.begin, range.end - range.begin,
                       reinterpret_cast<NormResult*>(norm_parts_.data()), norm);
    }
  }

  void enqueue_update(Pass const& pass, UpdateConstants const* constants, Range const& range) {
    auto const state = [&](std::size_t i) { return pass.states[i] + range.begin; };
    float* const p = pass.updated + range.begin;
    float const* const g = gradients_.data() + range.begin;
    std::int64_t const n = range.end - range.begin;
    int const* const refused = &results()->refused;
    if (auto const* const radam = constants_if<RadamStep>(pass, constants)) {
      radam_update(stream(), p, state(0), state(1), g, n, radam, refused);
    } else if (auto const* const diffgrad = constants_if<DiffgradStep>(pass, constants)) {
      diffgrad_update(stream(), p, state(0), state(1), state(2), g, n, diffgrad, refused);
    } else if (auto const* const adam = constants_if<AdamStep>(pass, constants)) {
      adam_update(stream(), p, state(0), state(1), g, n, adam, refused);
    } else {
      sgd_update(stream(), p, state(0), g, n, constants_if<SgdStep>(pass, constants), refused);
    }
    if (pass.averages != nullptr) {
      average_update(stream(), pass.averages + range.begin, p, n, &constants->average_rate,
                     refused);
    }
  }

  ExecutionOptions options_;
  Context& context_;
  KernelChooser chooser_;
  Stream uploads_ = make_stream(), downloads_ = make_stream();
  Event summed_ = make_event(), downloaded_ = make_event();
  std::array<Slot, kSlots> slots_;
  std::size_t next_slot_ = 0;
  std::deque<InFlight> in_flight_;
  Graphs graphs_;
  ResidentJets jets_;
  DeviceBins bins_;

  Buffer workspace_, prepared_;
  Buffer gradients_, other_lanes_;  // lane 0, where the sum over the lanes ends, and the others
  Buffer lane_sums_, norm_parts_, results_;
  std::vector<float> staged_values_;
  PassResult result_;
};

}  // namespace
}  // namespace jetcal::cuda

jetcal::Execution* jetcal_cuda_execution(jetcal::ExecutionOptions const& options) {
  return new jetcal::cuda::CudaExecution(options);
}
