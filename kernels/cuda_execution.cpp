#include "kernels/cuda_execution.hpp"

#include <algorithm>
#include <deque>

#include "kernels/cuda_graphs.cuh"
#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {
namespace {

// Jets that predict() takes through the network at a time: a block of a file is two such pieces, so
// that there is something to compute while the next is on its way.
constexpr std::int64_t kPieceRows = 4'096;

// What a card's driver, graphs and libraries take as they go; not more than a share of a small one.
constexpr std::int64_t kDriverBytes = std::int64_t{256} << 20;

Context& current_context(int index) {
  Context& context = Context::of(index);
  context.make_current();
  return context;
}

/// Takes whole batches through the tape, each as one graph on the device's stream. A batch's copy
/// to the device runs on a stream of its own, beside other kernels.
class CudaExecution final : public Execution {
 public:
  explicit CudaExecution(ExecutionOptions const& options)
      : options_(options),
        context_(current_context(options.device.index)),
        chooser_(context_, options),
        memory_(context_, options.lanes, options.precision),
        queue_(context_, options_, chooser_, memory_, bins_, responses_) {}

  /// What is in flight uses memory that goes now.
  ~CudaExecution() override {
    static_cast<void>(cudaStreamSynchronize(uploads_.get()));
    static_cast<void>(cudaStreamSynchronize(stream()));
  }
  CudaExecution(CudaExecution const&) = delete;
  CudaExecution& operator=(CudaExecution const&) = delete;

  void start_update(Update const& update, JetBatch const& batch) override {
    Pass pass{Pass::Kind::update, update.tape.id(), shape_of(batch)};
    pass.parameters = update.parameters.data();
    pass.divisors = update.pass.divisors;
    pass.update = arenas_of(update);
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
    Slot const& slot = memory_.slots[first.slot];
    require_success(cudaEventSynchronize(slot.done.get()), "waiting for the device");
    slot.read(first.heads, result_);
    if (first.kind == Pass::Kind::training) { slot.read_rows(first.rows, result_); }
    if (first.kind == Pass::Kind::evaluation) { result_.norm = {}; }
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

  void begin_responses(ResponseEntries const& entries, ResponseBins const& bins) override {
    require_none_in_flight("begin_responses");
    context_.make_current();
    if (responses_.moves_for(bins)) { forget_addresses(); }
    responses_.begin(context_, entries, bins);
  }

  ResponseHistograms take_responses() override {
    require_none_in_flight("take_responses");
    JETCAL_REQUIRE(responses_.entries() != kNoResponses, Error,
                   "Execution::take_responses: there are none (begin_responses comes first)");
    return responses_.take(context_);
  }

  void reserve(std::vector<PlannedPass> const& passes, std::int64_t beside) override {
    require_none_in_flight("reserve");
    context_.make_current();
    std::int64_t const for_driver = std::min(kDriverBytes, context_.free_bytes() / 16);
    for (PlannedPass const& pass : passes) {
      reserve(pass.tape, shape_of(pass), beside + for_driver);
    }
  }

  bool make_resident(RecordsView const& jets, std::int64_t beside) override {
    require_none_in_flight("make_resident");
    context_.make_current();
    if (ResidentJets::bytes(jets) + beside + kDriverBytes > context_.free_bytes()) { return false; }
    jets_ = ResidentJets(context_, jets);
    return true;
  }

  PassResult const& train(Tape const& tape, JetBatch const& batch, PassOptions const& options,
                          Buffer const& parameters) override {
    require_none_in_flight("train");
    Pass pass{Pass::Kind::training, tape.id(), shape_of(batch)};
    pass.parameters = parameters.data();
    pass.divisors = options.divisors;
    start(pass, tape, batch, {});
    return finish();
  }

  Buffer const& gradients() const override {
    JETCAL_REQUIRE(memory_.gradients.size() > 0, Error,
                   "Execution::gradients: there are none (train first)");
    return memory_.gradients;
  }

  void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
               std::vector<Id> const& outputs, std::vector<Mat> const& into) override {
    require_none_in_flight("predict");
    if (features.rows == 0) { return; }
    context_.make_current();
    BatchShape whole{std::min(kPieceRows, features.rows), features.cols};
    for (Id const id : outputs) { whole.outputs += tape[id].cols; }
    whole.rows = std::max<std::int64_t>(1, memory_.rows_that_fit(tape, whole));
    reserve(tape, whole);
    queue_.prepare_prediction(tape, parameters.data());
    std::deque<Piece> pieces;
    auto const finish_first = [&] {
      finish(pieces.front(), into);
      pieces.pop_front();
    };
    for (std::int64_t first = 0; first < features.rows; first += whole.rows) {
      if (pieces.size() == kSlots) { finish_first(); }
      HostBatch batch;
      batch.features = {features.row(first), std::min(whole.rows, features.rows - first),
                        features.cols, features.ld};
      BatchShape shape = whole;
      shape.rows = batch.features.rows;
      Slot& slot = free_slot(tape, shape, true, 0, false);
      slot.upload(batch, {}, uploads_.get(), stream());
      queue_.enqueue_prediction(slot, shape, tape, parameters.data(), outputs);
      pieces.push_back({next_slot_, first, shape.rows});
      take_slot();
    }
    while (!pieces.empty()) { finish_first(); }
  }

  Device device() const override { return options_.device; }
  int threads() const override { return options_.threads; }
  KernelChoices kernel_choices() const override { return chooser_.choices(); }

  std::int64_t memory() const override { return memory_.bytes() + chooser_.memory(); }

 private:
  /// Something started and not finished.
  struct InFlight {
    std::size_t slot = 0;
    std::int64_t rows = 0;
    std::size_t heads = 0;
    Pass::Kind kind = Pass::Kind::evaluation;
  };
  /// Rows that are being predicted.
  struct Piece {
    std::size_t slot = 0;
    std::int64_t first = 0, rows = 0;
  };

  cudaStream_t stream() const { return context_.stream(); }

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

  /// The inputs of a tape are features and, where it has losses, targets and weights.
  static BatchShape shape_of(PlannedPass const& pass) {
    std::vector<std::int64_t> inputs;
    for (Id id = 0; id < pass.tape.size(); ++id) {
      if (pass.tape[id].input_index >= 0) { inputs.push_back(pass.tape[id].cols); }
    }
    return {pass.rows, inputs[0], inputs.size() > 1 ? inputs[1] : 0};
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
    std::vector<Id> const heads = loss_entries(tape);
    JETCAL_REQUIRE(
        pass.kind == Pass::Kind::evaluation || pass.divisors.size() == heads.size(), ShapeError,
        "Execution: " << pass.divisors.size() << " divisors (one a head: " << heads.size() << ")");
    bool const has_bins = host == nullptr || host->bins != nullptr;
    bool const by_row = pass.kind == Pass::Kind::training;
    pass.binned = has_bins && !by_row && !bins_.empty();
    if (has_bins && pass.kind == Pass::Kind::evaluation) { pass.responses = responses_.entries(); }
    require_entries(tape, pass.responses);
    Slot& slot = free_slot(tape, pass.shape, host != nullptr, heads.size(), by_row);
    pass.slot = next_slot_;
    if (host != nullptr) {
      slot.upload(*host, constants, uploads_.get(), stream());
    } else {
      auto const& resident = std::get<ResidentBatch>(batch);
      slot.gather(jets_, resident, constants, uploads_.get(), stream());
    }
    if (in_flight_.empty()) {  // what was refused before is known to whoever started it
      int* const refused = &memory_.results()->refused;
      require_success(cudaMemsetAsync(refused, 0, sizeof *refused, stream()), "cudaMemset");
    }
    graphs_.run(pass, stream(), [&] { queue_.enqueue(pass, tape, heads); });
    require_success(cudaEventRecord(slot.done.get(), stream()), "cudaEventRecord");
    in_flight_.push_back({pass.slot, rows, heads.size(), pass.kind});
    take_slot();
  }

  void finish(Piece const& piece, std::vector<Mat> const& into) const {
    Slot const& slot = memory_.slots[piece.slot];
    require_success(cudaEventSynchronize(slot.done.get()), "waiting for the device");
    std::vector<Mat> rows;
    for (Mat const& m : into) { rows.push_back({m.row(piece.first), piece.rows, m.cols, m.ld}); }
    slot.read(rows);
  }

  /// The next slot, with all the memory a pass takes and whose kernels it runs with: nothing is
  /// allocated or measured after this.
  Slot& free_slot(Tape const& tape, BatchShape const& shape, bool of_host, std::size_t heads,
                  bool by_row) {
    context_.make_current();
    JETCAL_REQUIRE(in_flight_.size() < kSlots, Error,
                   "Execution: " << kSlots << " are in flight (finish one first)");
    JETCAL_REQUIRE(heads <= kMostHeads, ShapeError,
                   "Execution: the network has " << heads << " heads (at most " << kMostHeads
                                                 << " on a CUDA device)");
    reserve(tape, shape);
    Slot& slot = memory_.slots[next_slot_];
    if (slot.reserve_pinned(shape, of_host, by_row ? heads : 0)) { graphs_.clear(); }
    return slot;
  }

  void take_slot() { next_slot_ = (next_slot_ + 1) % kSlots; }

  void reserve(Tape const& tape, BatchShape const& shape, std::int64_t beside = 0) {
    chooser_.decide(tape, shape.rows);
    if (memory_.has_room(tape, shape)) { return; }
    forget_addresses();
    memory_.grow(tape, shape, beside);
  }

  /// Graphs, and what is in flight, know where buffers are that are about to move.
  void forget_addresses() {
    context_.synchronize();
    graphs_.clear();
  }

  ExecutionOptions options_;
  Context& context_;
  KernelChooser chooser_;
  DeviceBins bins_;
  DeviceResponses responses_;
  WorkingMemory memory_;
  PassQueue queue_;
  Graphs graphs_;
  ResidentJets jets_;
  Stream uploads_ = make_stream();

  std::deque<InFlight> in_flight_;
  std::size_t next_slot_ = 0;
  PassResult result_;
};

}  // namespace
}  // namespace jetcal::cuda

jetcal::Execution* jetcal_cuda_execution(jetcal::ExecutionOptions const& options) {
  return new jetcal::cuda::CudaExecution(options);
}
