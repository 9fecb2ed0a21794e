#include "kernels/cuda_execution.hpp"

#include <algorithm>

#include "kernels/cuda_backend.cuh"
#include "kernels/cuda_context.cuh"
#include "kernels/kernel_chooser.cuh"
#include "kernels/optimizers.cuh"
#include "kernels/reduce.cuh"

namespace jetcal::cuda {
namespace {

// Rows that predict() takes through the network at a time.
constexpr std::int64_t kPredictRows = 32'768;

// A head has two numbers a row, the batch one: as many heads as RowArrays has room for.
constexpr std::size_t kMostHeads = 3;

/// What the kernels leave on the device for the host, and for each other.
struct Results {
  double totals[kMostRowArrays];  // weight; loss and kept of each head
  NormResult norm;
  float scales[kMostHeads];  // 1 / divisor of each head
};

/// Runs a whole batch through the tape at once, one kernel after the other on the device's stream.
class CudaExecution final : public Execution {
 public:
  explicit CudaExecution(ExecutionOptions const& options)
      : options_(options),
        context_(Context::of(options.device.index)),
        chooser_(context_, options) {
    reserve(results_, (sizeof(Results) + sizeof(float) - 1) / sizeof(float));
  }

  PassResult const& train(Tape const& tape, HostBatch const& batch, PassOptions const& options,
                          Buffer const& parameters) override {
    Batch const on_device = upload(tape, batch, parameters);
    std::vector<Id> const heads = heads_of(tape, batch.features.rows);
    Lanes const lanes(batch.features.rows, options_.lanes);
    LaneArenas const arenas = reserve_lanes(tape.layout().size(), lanes.count);
    bool const by_kept =
        std::count(options.divisors.begin(), options.divisors.end(), Divisor::kept) > 0;
    chooser_.decide(tape, batch.features.rows);
    PassArguments pass = arguments(on_device, parameters);
    pass.gradients = arenas.first;
    Tape::Workspace work = workspace(tape, pass.rows);
    CudaBackend const backend(stream(), lanes, arenas, chooser_.kernels());
    if (by_kept) {  // once more, to know what to divide by
      tape.forward(backend, work, pass);
      sum_heads(tape, work, heads, lanes);
    }
    for (std::size_t h = 0; h < heads.size(); ++h) {
      bool const kept = by_kept && options.divisors[h] == Divisor::kept;
      inverse_or_zero(stream(), results()->totals + (kept ? 2 + 2 * h : 0), results()->scales + h);
    }
    tape.forward(backend, work, pass);
    sum_heads(tape, work, heads, lanes);
    tape.backward(backend, work, pass);
    std::vector<Range> const ranges = trained_ranges(tape);
    for (Range const& range : ranges) {
      sum_lanes(stream(), arenas, lanes.count, range.begin, range.end);
    }
    enqueue_norm(ranges);
    PassResult const& result = download(tape, work, heads);
    norm_of_ = ranges;
    return result;
  }

  /// Whoever asks may change them: their norm is not known any more.
  Buffer& gradients() override {
    norm_of_.clear();
    return gradients_;
  }

  PassResult const& evaluate(Tape const& tape, HostBatch const& batch,
                             Buffer const& parameters) override {
    Batch const on_device = upload(tape, batch, parameters);
    std::vector<Id> const heads = heads_of(tape, batch.features.rows);
    Lanes const lanes(batch.features.rows, options_.lanes);
    chooser_.decide(tape, batch.features.rows);
    PassArguments const pass = arguments(on_device, parameters);
    Tape::Workspace work = workspace(tape, pass.rows);
    tape.forward(CudaBackend(stream(), lanes, {}, chooser_.kernels()), work, pass);
    sum_heads(tape, work, heads, lanes);
    return download(tape, work, heads);
  }

  void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
               std::vector<Id> const& outputs, std::vector<Mat> const& into) override {
    prepare(tape, parameters);
    for (std::int64_t first = 0; first < features.rows; first += kPredictRows) {
      std::int64_t const rows = std::min(kPredictRows, features.rows - first);
      PassArguments pass;
      pass.rows = rows;
      pass.inputs = {upload_features({features.row(first), rows, features.cols, features.ld})};
      pass.parameters = parameters.data();
      pass.prepared = prepared_.data();
      chooser_.decide(tape, rows);
      Tape::Workspace work = workspace(tape, rows);
      tape.forward(CudaBackend(stream(), {rows, 1}, {}, chooser_.kernels()), work, pass);
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

  void update(OptimizerStep const& step, std::vector<Range> const& ranges, Buffer& parameters,
              std::vector<Buffer>& states) override {
    context_.make_current();
    std::size_t const n_states = optimizer_states(step).size();
    JETCAL_REQUIRE(states.size() == n_states, ShapeError,
                   "update: " << states.size() << " states (must be " << n_states << ")");
    for (Range const& range : ranges) {
      auto const state = [&](std::size_t i) { return states[i].data() + range.begin; };
      float* const p = parameters.data() + range.begin;
      float const* const g = gradients_.data() + range.begin;
      std::int64_t const n = range.end - range.begin;
      if (auto const* const radam = std::get_if<RadamStep>(&step)) {
        radam_update(stream(), p, state(0), state(1), g, n, *radam);
      } else if (auto const* const diffgrad = std::get_if<DiffgradStep>(&step)) {
        diffgrad_update(stream(), p, state(0), state(1), state(2), g, n, *diffgrad);
      } else if (auto const* const adam = std::get_if<AdamStep>(&step)) {
        adam_update(stream(), p, state(0), state(1), g, n, *adam);
      } else {
        sgd_update(stream(), p, state(0), g, n, std::get<SgdStep>(step));
      }
    }
  }

  void average(float decay, std::vector<Range> const& ranges, Buffer const& parameters,
               Buffer& averages) override {
    context_.make_current();
    for (Range const& range : ranges) {
      average_update(stream(), averages.data() + range.begin, parameters.data() + range.begin,
                     range.end - range.begin, decay);
    }
  }

  /// Known without another wait if it is the norm of what the last pass trained.
  NormResult gradient_norm(std::vector<Range> const& ranges) override {
    auto const same = [](Range const& a, Range const& b) {
      return a.begin == b.begin && a.end == b.end;
    };
    if (ranges.empty() ||
        !std::equal(ranges.begin(), ranges.end(), norm_of_.begin(), norm_of_.end(), same)) {
      context_.make_current();
      enqueue_norm(ranges);
      context_.start_download(&results()->norm, &norm_, sizeof norm_);
      context_.synchronize();
      norm_of_.clear();
    }
    return norm_;
  }

  Device device() const override { return options_.device; }
  int threads() const override { return options_.threads; }
  KernelChoices kernel_choices() const override { return chooser_.choices(); }

  std::int64_t memory() const override {
    std::int64_t floats = 0;
    for (Buffer const* const b : {&workspace_, &prepared_, &inputs_, &gradients_, &other_lanes_,
                                  &lane_sums_, &norm_parts_, &results_}) {
      floats += b->size();
    }
    return floats * static_cast<std::int64_t>(sizeof(float)) + chooser_.memory();
  }

 private:
  /// A batch on the device.
  struct Batch {
    ConstMat features, targets, weights;
  };

  cudaStream_t stream() const { return context_.stream(); }
  Results* results() { return reinterpret_cast<Results*>(results_.data()); }

  /// Gives the old memory back before it asks for more.
  void reserve(Buffer& buffer, std::int64_t floats) {
    if (buffer.size() >= floats) { return; }
    buffer = Buffer();
    buffer = Buffer(context_, floats);
  }

  std::vector<Id> heads_of(Tape const& tape, std::int64_t rows) {
    std::vector<Id> heads = loss_entries(tape);
    JETCAL_REQUIRE(heads.size() <= kMostHeads, ShapeError,
                   "Execution: the network has " << heads.size() << " heads (at most " << kMostHeads
                                                 << " on a CUDA device)");
    result_.heads.resize(heads.size());
    for (HeadResult& head : result_.heads) {
      head.row_loss.resize(static_cast<std::size_t>(rows));
      head.row_kept.resize(static_cast<std::size_t>(rows));
    }
    return heads;
  }

  // ---- to the device ----

  /// The batch to the device, and what is known before the pass: parameters as the products want
  /// them, and the sum of the weights.
  Batch upload(Tape const& tape, HostBatch const& batch, Buffer const& parameters) {
    std::int64_t const rows = batch.features.rows;
    JETCAL_REQUIRE(
        batch.targets.rows == rows, ShapeError,
        "Execution: " << rows << " rows of features but " << batch.targets.rows << " of targets");
    prepare(tape, parameters);
    Batch on_device;
    std::int64_t const targets = rows * batch.targets.ld;
    on_device.features = upload_features(batch.features, targets + rows);
    float* const at = inputs_.data() + rows * on_device.features.ld;
    on_device.targets = {at, rows, batch.targets.cols, batch.targets.ld};
    on_device.weights = {at + targets, rows, 1, 1};
    context_.start_upload(batch.targets.data, at, bytes(targets));
    context_.start_upload(batch.weights, at + targets, bytes(rows));
    reserve(lane_sums_, 2 * kMostRowArrays * options_.lanes);
    sum_rows(stream(), {{on_device.weights.data}}, Lanes(rows, options_.lanes), lane_sums(),
             results()->totals);
    return on_device;
  }

  /// Features with padded rows, at the beginning of inputs_; `more` floats are free behind them.
  ConstMat upload_features(ConstMat features, std::int64_t more = 0) {
    std::int64_t const ld = padded(features.cols);
    reserve(inputs_, features.rows * ld + more);
    float const* from = features.data;
    if (features.ld != ld) {
      context_.synchronize();  // the last ones may still be on their way
      staged_features_.assign(static_cast<std::size_t>(features.rows * ld), 0.0f);
      for (std::int64_t r = 0; r < features.rows; ++r) {
        std::copy_n(features.row(r), features.cols, staged_features_.data() + r * ld);
      }
      from = staged_features_.data();
    }
    context_.start_upload(from, inputs_.data(), bytes(features.rows * ld));
    return {inputs_.data(), features.rows, features.cols, ld};
  }

  void prepare(Tape const& tape, Buffer const& parameters) {
    context_.make_current();
    reserve(prepared_, tape.prepared_size());
    CudaBackend const backend(stream(), {0, 1}, {});
    for (Id id = 0; id < tape.size(); ++id) {
      std::visit(
          [&](auto const& op) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
              backend.prepare(op, tape.layout(), parameters.data(),
                              prepared_.data() + tape[id].prepared_at);
            }
          },
          tape[id].op);
    }
  }

  PassArguments arguments(Batch const& batch, Buffer const& parameters) {
    PassArguments pass;
    pass.rows = batch.features.rows;
    pass.inputs = {batch.features, batch.targets, batch.weights};
    pass.parameters = parameters.data();
    pass.prepared = prepared_.data();
    pass.scalars = results()->scales;
    return pass;
  }

  Tape::Workspace workspace(Tape const& tape, std::int64_t rows) {
    std::int64_t const floats = tape.floats_per_row() * rows;
    if (workspace_.size() < floats) {
      workspace_ = Buffer();
      std::int64_t const free = context_.free_bytes();
      std::int64_t const row = tape.floats_per_row() * static_cast<std::int64_t>(sizeof(float));
      JETCAL_REQUIRE(row * rows <= free, DeviceError,
                     "device " << device().name() << ": a batch of " << rows << " jets needs "
                               << (row * rows >> 20) << " MiB of working memory (" << (free >> 20)
                               << " MiB are free). Use a batch of at most " << free / row
                               << " jets, or --device cpu");
      workspace_ = Buffer(context_, floats);
    }
    return {workspace_.data(), rows, false};
  }

  /// Lane 0 is gradients_, where the sum over the lanes ends.
  LaneArenas reserve_lanes(std::int64_t floats, std::int64_t count) {
    if (gradients_.size() != floats) {
      gradients_ = Buffer(context_, floats);
      other_lanes_ = Buffer();
    }
    reserve(other_lanes_, (count - 1) * floats);
    return {gradients_.data(), other_lanes_.data(), floats};
  }

  // ---- and back ----

  void enqueue_norm(std::vector<Range> const& ranges) {
    NormResult* const total = &results()->norm;
    clear_norm(stream(), total);
    for (Range const& range : ranges) {
      std::int64_t const n = range.end - range.begin;
      std::int64_t const parts = (n + cpu::kNormChunk - 1) / cpu::kNormChunk;
      reserve(norm_parts_, parts * static_cast<std::int64_t>(sizeof(NormResult) / sizeof(float)));
      add_squared_norm(stream(), gradients_.data() + range.begin, n,
                       reinterpret_cast<NormResult*>(norm_parts_.data()), total);
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

  PassResult const& download(Tape const& tape, Tape::Workspace const& work,
                             std::vector<Id> const& heads) {
    Results found;
    context_.start_download(results(), &found, sizeof found);
    for (std::size_t h = 0; h < heads.size(); ++h) {
      HeadResult& result = result_.heads[h];
      Head const& head = std::get<Head>(tape[heads[h]].op);
      auto const rows = static_cast<std::int64_t>(result.row_loss.size());
      Mat const saved = tape.saved(heads[h], work, rows);
      context_.start_download(head.row_loss(saved), result.row_loss.data(), bytes(rows));
      context_.start_download(head.row_kept(saved), result.row_kept.data(), bytes(rows));
    }
    context_.synchronize();
    norm_ = found.norm;
    result_.weight = found.totals[0];
    for (std::size_t h = 0; h < heads.size(); ++h) {
      result_.heads[h].loss = found.totals[1 + 2 * h];
      result_.heads[h].kept = found.totals[2 + 2 * h];
    }
    return result_;
  }

  double* lane_sums() { return reinterpret_cast<double*>(lane_sums_.data()); }
  static std::size_t bytes(std::int64_t floats) {
    return static_cast<std::size_t>(floats) * sizeof(float);
  }

  ExecutionOptions options_;
  Context& context_;
  KernelChooser chooser_;
  Buffer workspace_, prepared_, inputs_;
  Buffer gradients_, other_lanes_;
  Buffer lane_sums_, norm_parts_, results_;
  std::vector<float> staged_features_, staged_values_;
  PassResult result_;
  NormResult norm_;
  std::vector<Range> norm_of_;  // what norm_ is the norm of; empty: of nothing
};

}  // namespace
}  // namespace jetcal::cuda

jetcal::Execution* jetcal_cuda_execution(jetcal::ExecutionOptions const& options) {
  return new jetcal::cuda::CudaExecution(options);
}
