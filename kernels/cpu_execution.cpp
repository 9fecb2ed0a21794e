#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "engine/lanes.hpp"
#include "engine/threads.hpp"
#include "kernels/average.hpp"
#include "kernels/execution.hpp"
#include "kernels/tiles.hpp"

namespace jetcal {
namespace {

// Predictions of so few jets read the weights where they are.
constexpr std::int64_t kFewRows = 28;

// Floats of an arena that one thread takes at a time in reductions and updates; a multiple of the
// norm's chunk.
constexpr std::int64_t kArenaChunk = 16 * 4096;

ConstMat rows_of(ConstMat m, std::int64_t begin, std::int64_t end) {
  return {m.row(begin), end - begin, m.cols, m.ld};
}

ExecutionOptions with_kernels(ExecutionOptions options) {
  if (options.dense_kernels == DenseKernels::automatic) {
    options.dense_kernels = fastest_dense_kernels(options.precision);
  }
  return options;
}

/// Cuts a batch into lanes and tiles and takes each tile through the whole tape on one thread.
class CpuExecution final : public Execution {
 public:
  explicit CpuExecution(ExecutionOptions const& options)
      : options_(with_kernels(options)),
        backend_(make_cpu_backend(options_.dense_kernels, options_.precision)),
        pool_(options.threads),
        workspaces_(static_cast<std::size_t>(options.threads)) {}

  // Whatever is started is done when the call returns.
  void start_update(Update const& update, JetBatch const& batch) override {
    require_idle();
    HostBatch const& jets = in_host_memory(batch);
    run_training(update.tape, jets, update.pass, update.parameters);
    add_to_bins(jets);
    if (all_finite(result_)) { apply(update); }
    started_ = true;
  }

  void start_evaluation(Tape const& tape, JetBatch const& batch,
                        Buffer const& parameters) override {
    require_idle();
    HostBatch const& jets = in_host_memory(batch);
    std::vector<Id> const heads = begin(tape, jets, parameters);
    if (responses_.has_value()) { reserve_predictions(tape, jets.features.rows); }
    std::vector<float> const scalars(heads.size());
    evaluate({tape, jets, heads, arguments(parameters, scalars)});
    add_to_bins(jets);
    count_responses(jets);
    started_ = true;
  }

  PassResult const& finish() override {
    JETCAL_REQUIRE(started_, Error, "Execution::finish: nothing is in flight (start it first)");
    started_ = false;
    return result_;
  }
  std::size_t most_in_flight() const override { return 1; }

  void begin_bins(std::vector<BinSums> const& sums) override { bins_ = sums; }
  std::vector<BinSums> bins() override { return bins_; }

  void begin_responses(ResponseEntries const& entries, ResponseBins const& bins) override {
    require_idle();
    response_entries_ = entries;
    responses_.emplace(bins);
  }
  ResponseHistograms take_responses() override {
    require_idle();
    JETCAL_REQUIRE(responses_.has_value(), Error,
                   "Execution::take_responses: there are none (begin_responses comes first)");
    return *std::exchange(responses_, std::nullopt);
  }

  void reserve(std::vector<PlannedPass> const&, std::int64_t) override {}
  bool make_resident(RecordsView const&, std::int64_t) override { return false; }

  PassResult const& train(Tape const& tape, JetBatch const& batch, PassOptions const& options,
                          Buffer const& parameters) override {
    require_idle();
    run_training(tape, in_host_memory(batch), options, parameters);
    for (std::size_t h = 0; h < rows_.size(); ++h) {
      result_.heads[h].row_loss = rows_[h].loss;
      result_.heads[h].row_kept = rows_[h].kept;
    }
    return result_;
  }

  Buffer const& gradients() const override {
    JETCAL_REQUIRE(!lanes_.empty(), Error, "Execution::gradients: there are none (train first)");
    return lanes_.front();
  }

  void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
               std::vector<Id> const& outputs, std::vector<Mat> const& into) override {
    // Preparing the parameters takes longer than what it saves for a few rows.
    bool const own = options_.dense_kernels == DenseKernels::own;
    bool const as_they_are =
        features.rows <= kFewRows && own && options_.precision == Precision::fp32;
    if (!as_they_are) { prepare(tape, parameters); }
    Tiles const tiles = tiles_for(features.rows, threads_to_cut_for());
    pool_.run(tiles.count, [&](std::int64_t tile, int worker) {
      std::int64_t const first = tiles.begin(tile), last = tiles.begin(tile + 1);
      Tape::Workspace work = workspace(tape, worker, tiles.most());
      PassArguments pass;
      pass.rows = last - first;
      pass.inputs = {rows_of(features, first, last)};
      pass.parameters = parameters.data();
      pass.prepared = as_they_are ? nullptr : prepared_.data();
      tape.forward(*backend_, work, pass);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        ConstMat const value = tape.value(outputs[i], work, pass.rows);
        for (std::int64_t r = 0; r < pass.rows; ++r) {
          std::copy_n(value.row(r), value.cols, into[i].row(first + r));
        }
      }
    });
  }

  Device device() const override { return options_.device; }
  int threads() const override { return pool_.size(); }

  std::int64_t memory() const override {
    std::int64_t floats = prepared_.size();
    for (Buffer const& b : lanes_) { floats += b.size(); }
    for (Buffer const& b : workspaces_) { floats += b.size(); }
    return floats * static_cast<std::int64_t>(sizeof(float));
  }

 private:
  /// What the batch at hand has left for each row.
  struct HeadRows {
    std::vector<float> loss, kept;
  };

  void require_idle() const {
    JETCAL_REQUIRE(!started_, Error, "Execution: one is in flight already (finish it first)");
  }

  static HostBatch const& in_host_memory(JetBatch const& batch) {
    auto const* const jets = std::get_if<HostBatch>(&batch);
    JETCAL_REQUIRE(jets != nullptr, Error, "Execution: no jets are resident (device is cpu)");
    return *jets;
  }

  void add_to_bins(HostBatch const& batch) {
    if (bins_.empty() || batch.bins == nullptr) { return; }
    BinRows rows{batch.features.rows, batch.bins, batch.weights, {}};
    for (std::size_t h = 0; h < std::min(std::size(rows.heads), rows_.size()); ++h) {
      rows.heads[h] = {rows_[h].loss.data(), rows_[h].kept.data()};
    }
    cpu::add_to_bins(rows, bins_.data());
  }

  void reserve_predictions(Tape const& tape, std::int64_t rows) {
    require_entries(tape, response_entries_);
    for (std::size_t i = 0; i < predictions_.size(); ++i) {
      predictions_[i].resize(response_entries_[i] < 0 ? 0 : static_cast<std::size_t>(rows));
    }
  }

  /// Counts what reserve_predictions() asked for.
  void count_responses(HostBatch const& batch) {
    auto const predictions = std::exchange(predictions_, {});
    if (!responses_.has_value() || batch.bins == nullptr) { return; }
    std::int64_t const n = batch.features.rows;
    ResponseRows rows{n, batch.bins, batch.weights, batch.targets, {}};
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      if (!predictions[i].empty()) { rows.predictions[i] = {predictions[i].data(), n, 1, 1}; }
    }
    cpu::count_responses(rows, responses_->counters());
  }

  std::vector<Id> begin(Tape const& tape, HostBatch const& batch, Buffer const& parameters) {
    std::int64_t const rows = batch.features.rows;
    JETCAL_REQUIRE(
        batch.targets.rows == rows, ShapeError,
        "Execution: " << rows << " rows of features but " << batch.targets.rows << " of targets");
    prepare(tape, parameters);
    std::vector<Id> heads = loss_entries(tape);
    result_.heads.assign(heads.size(), {});
    rows_.resize(heads.size());
    for (HeadRows& head : rows_) {
      head.loss.resize(static_cast<std::size_t>(rows));
      head.kept.resize(static_cast<std::size_t>(rows));
    }
    result_.norm = {};
    result_.weight = sum_over_rows(batch.weights, rows);
    return heads;
  }

  void run_training(Tape const& tape, HostBatch const& batch, PassOptions const& options,
                    Buffer const& parameters) {
    std::vector<Id> const heads = begin(tape, batch, parameters);
    bool const by_kept =
        std::count(options.divisors.begin(), options.divisors.end(), Divisor::kept) > 0;
    std::vector<float> scalars(heads.size());
    if (by_kept) { evaluate({tape, batch, heads, arguments(parameters, scalars)}); }
    for (std::size_t h = 0; h < heads.size(); ++h) {
      bool const kept = by_kept && options.divisors[h] == Divisor::kept;
      double const divisor = kept ? result_.heads[h].kept : result_.weight;
      scalars[h] = divisor > 0 ? static_cast<float>(1.0 / divisor) : 0.0f;
    }
    differentiate({tape, batch, heads, arguments(parameters, scalars)});
    std::vector<Range> const ranges = trained_ranges(tape);
    reduce_lanes(ranges, Lanes(batch.features.rows, options_.lanes).count);
    result_.norm = gradient_norm(ranges);
  }

  /// What the tiles of a batch share.
  struct Run {
    Tape const& tape;
    HostBatch const& batch;
    std::vector<Id> const& heads;
    PassArguments pass;
  };

  PassArguments arguments(Buffer const& parameters, std::vector<float> const& scalars) const {
    PassArguments pass;
    pass.parameters = parameters.data();
    pass.prepared = prepared_.data();
    pass.scalars = scalars.data();
    return pass;
  }

  // oneDNN's sums depend on how rows are cut into tiles: not on the threads, then.
  int threads_to_cut_for() const {
    return options_.dense_kernels == DenseKernels::own ? threads() : 1;
  }

  void evaluate(Run const& run) {
    Tiles const tiles = tiles_for(run.batch.features.rows, threads_to_cut_for());
    pool_.run(tiles.count, [&](std::int64_t i, int worker) {
      PassArguments pass = run.pass;
      Tape::Workspace work = workspace(run.tape, worker, tiles.most());
      forward(run, tiles.begin(i), tiles.begin(i + 1), work, pass);
    });
    sum_heads(run.batch.features.rows);
  }

  void differentiate(Run const& run) {
    LaneTiles tiles(Lanes(run.batch.features.rows, options_.lanes), threads_to_cut_for());
    tiles.threads = threads();
    reserve_lanes(run.tape.layout().size(), tiles.lanes.count);
    LaneQueue queue(tiles);
    pool_.run(threads(), [&](std::int64_t, int worker) {
      std::optional<LaneQueue::Tile> tile;
      while ((tile = queue.next(tile)).has_value()) {
        Tiles const of_lane = tiles.of(tile->lane);
        std::int64_t const begin = tiles.lanes.begin(tile->lane);
        PassArguments pass = run.pass;
        pass.gradients = lanes_[static_cast<std::size_t>(tile->lane)].data();
        pass.add_gradients = tile->number > 0;
        Tape::Workspace work = workspace(run.tape, worker, tiles.most);
        forward(run, begin + of_lane.begin(tile->number), begin + of_lane.begin(tile->number + 1),
                work, pass);
        run.tape.backward(*backend_, work, pass);
      }
    });
    sum_heads(run.batch.features.rows);
  }

  // Rows `first` to `last` - 1 through the network; what they gave goes to the results.
  void forward(Run const& run, std::int64_t first, std::int64_t last, Tape::Workspace& work,
               PassArguments& pass) {
    pass.rows = last - first;
    pass.inputs = {rows_of(run.batch.features, first, last),
                   rows_of(run.batch.targets, first, last),
                   {run.batch.weights + first, pass.rows, 1, 1}};
    run.tape.forward(*backend_, work, pass);
    collect(run.tape, work, run.heads, first, pass.rows);
  }

  void sum_heads(std::int64_t rows) {
    for (std::size_t h = 0; h < rows_.size(); ++h) {
      result_.heads[h].loss = sum_over_rows(rows_[h].loss.data(), rows);
      result_.heads[h].kept = sum_over_rows(rows_[h].kept.data(), rows);
    }
  }

  void collect(Tape const& tape, Tape::Workspace const& work, std::vector<Id> const& heads,
               std::int64_t first, std::int64_t rows) {
    for (std::size_t h = 0; h < heads.size(); ++h) {
      Head const& head = std::get<Head>(tape[heads[h]].op);
      Mat const saved = tape.saved(heads[h], work, rows);
      std::copy_n(head.row_loss(saved), rows, rows_[h].loss.data() + first);
      std::copy_n(head.row_kept(saved), rows, rows_[h].kept.data() + first);
    }
    for (std::size_t i = 0; i < predictions_.size(); ++i) {
      if (predictions_[i].empty()) { continue; }
      ConstMat const value = tape.value(response_entries_[i], work, rows);
      float* const to = predictions_[i].data() + first;
      for (std::int64_t r = 0; r < rows; ++r) { to[r] = value.row(r)[0]; }
    }
  }

  double sum_over_rows(float const* values, std::int64_t rows) const {
    Lanes const lanes(rows, options_.lanes);
    std::vector<double> sums(static_cast<std::size_t>(lanes.count));
    for (std::int64_t i = 0; i < lanes.count; ++i) {
      sums[static_cast<std::size_t>(i)] =
          cpu::sum_rows(values + lanes.begin(i), lanes.begin(i + 1) - lanes.begin(i), 1);
    }
    return sum_tree(sums.data(), lanes.count);
  }

  void apply(Update const& update) {
    float const* const g = gradients().data();
    for_chunks(trained_ranges(update.tape), [&](Range const& chunk) {
      std::vector<float*> states;
      for (Buffer& s : update.states) { states.push_back(s.data() + chunk.begin); }
      std::int64_t const n = chunk.end - chunk.begin;
      float* const p = update.parameters.data() + chunk.begin;
      cpu::optimizer_update(update.step, p, states, g + chunk.begin, n);
      if (update.averages != nullptr) {
        cpu::average_update(update.averages->data() + chunk.begin, p, n, update.average_decay);
      }
    });
  }

  void prepare(Tape const& tape, Buffer const& parameters) {
    if (prepared_.size() < tape.prepared_size()) {
      prepared_ = Buffer(options_.device, tape.prepared_size());
    }
    pool_.run(tape.size(), [&](std::int64_t i, int) {
      Tape::Entry const& entry = tape[static_cast<Id>(i)];
      std::visit(
          [&](auto const& op) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
              backend_->prepare(op, tape.layout(), parameters.data(),
                                prepared_.data() + entry.prepared_at);
            }
          },
          entry.op);
    });
  }

  void reserve_lanes(std::int64_t floats, std::int64_t count) {
    if (lanes_.empty() || lanes_.front().size() != floats) { lanes_.clear(); }
    while (static_cast<std::int64_t>(lanes_.size()) < count) {
      lanes_.emplace_back(options_.device, floats);
    }
  }

  void reduce_lanes(std::vector<Range> const& ranges, std::int64_t count) {
    if (count == 1) { return; }
    std::vector<float*> lanes;
    for (std::int64_t i = 0; i < count; ++i) {
      lanes.push_back(lanes_[static_cast<std::size_t>(i)].data());
    }
    for_chunks(ranges, [&](Range const& chunk) {
      cpu::sum_lanes(lanes.data(), static_cast<int>(count), chunk.begin, chunk.end);
    });
  }

  /// Each worker has one block of memory, grown to the largest tape it has seen.
  Tape::Workspace workspace(Tape const& tape, int worker, std::int64_t capacity) {
    Buffer& memory = workspaces_[static_cast<std::size_t>(worker)];
    std::int64_t const floats = tape.floats_per_row() * capacity;
    if (memory.size() < floats) { memory = Buffer(options_.device, floats); }
    return {memory.data(), capacity, false};
  }

  NormResult gradient_norm(std::vector<Range> const& ranges) {
    std::vector<Range> const chunks = chunks_of(ranges);
    std::vector<NormResult> parts(chunks.size());
    float const* const g = gradients().data();
    pool_.run(static_cast<std::int64_t>(chunks.size()), [&](std::int64_t i, int) {
      Range const& chunk = chunks[static_cast<std::size_t>(i)];
      parts[static_cast<std::size_t>(i)] = cpu::squared_norm(g, chunk.begin, chunk.end);
    });
    NormResult total;
    for (NormResult const& part : parts) {
      total.sum_of_squares += part.sum_of_squares;
      total.non_finite += part.non_finite;
    }
    return total;
  }

  static std::vector<Range> chunks_of(std::vector<Range> const& ranges) {
    std::vector<Range> chunks;
    for (Range const& range : ranges) {
      for (std::int64_t first = range.begin; first < range.end; first += kArenaChunk) {
        chunks.push_back({first, std::min(range.end, first + kArenaChunk)});
      }
    }
    return chunks;
  }

  template <class Work>
  void for_chunks(std::vector<Range> const& ranges, Work const& work) {
    std::vector<Range> const chunks = chunks_of(ranges);
    pool_.run(static_cast<std::int64_t>(chunks.size()),
              [&](std::int64_t i, int) { work(chunks[static_cast<std::size_t>(i)]); });
  }

  ExecutionOptions options_;
  std::unique_ptr<Backend> backend_;
  ThreadPool pool_;
  std::vector<Buffer> workspaces_;  // one a worker
  std::vector<Buffer> lanes_;       // gradients, one a lane; the sum ends in the first
  Buffer prepared_;
  PassResult result_;
  std::vector<HeadRows> rows_;  // one a head
  std::vector<BinSums> bins_;
  ResponseEntries response_entries_ = kNoResponses;
  std::optional<ResponseHistograms> responses_;
  std::array<std::vector<float>, kResponses> predictions_;  // of a batch whose responses count
  bool started_ = false;                                    // and not finished
};

}  // namespace

std::unique_ptr<Execution> make_cpu_execution(ExecutionOptions const& options) {
  return std::make_unique<CpuExecution>(options);
}

}  // namespace jetcal
