#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "engine/device.hpp"
#include "engine/records.hpp"
#include "kernels/bin_sums.hpp"
#include "kernels/cpu_backend.hpp"
#include "kernels/ops.hpp"
#include "kernels/optimizer_step.hpp"
#include "kernels/reduce.hpp"
#include "kernels/response_histogram.hpp"

namespace jetcal {

/// A batch as the loader hands it out: host memory, read-only.
struct HostBatch {
  ConstMat features;                   ///< [rows, n_features]
  ConstMat targets;                    ///< [rows, n_targets]
  float const* weights = nullptr;      ///< [rows]
  std::int32_t const* bins = nullptr;  ///< [rows], as in BinRows; null: no sums of bins
};

/// Jets of Execution::make_resident: positions first .. first + rows - 1 of an order of theirs.
struct ResidentBatch {
  RecordOrder order;
  std::int64_t first = 0, rows = 0;
};

using JetBatch = std::variant<HostBatch, ResidentBatch>;

/// A pass that an execution will be asked for: a tape with batches of at most so many rows.
struct PlannedPass {
  Tape const& tape;
  std::int64_t rows = 0;
};

/// What a pass found for one head. Sums are in double, in the order of engine/lanes.hpp.
struct HeadResult {
  double loss = 0;  ///< sum of weight * loss
  double kept = 0;  ///< sum of the weights of jets inside the truncation
  // By row, of Execution::train alone:
  std::vector<float> row_loss;  ///< weight * loss; not finite where something went wrong
  std::vector<float> row_kept;  ///< weight, or 0
};

/// What came of a batch.
struct PassResult {
  double weight = 0;              ///< sum of the weights
  std::vector<HeadResult> heads;  ///< in the tape's order
  NormResult norm;                ///< of the gradient over trained_ranges(); not of an evaluation
};

/// Every loss and the gradient. An update is made only then.
bool all_finite(PassResult const& result);

/// What a head's loss is divided by: the batch's weight, or the kept jets' weight.
struct PassOptions {
  std::vector<Divisor> divisors;  ///< one a head
};

/// Entries of a tape whose first column predicts a response: of targets' columns 0 (energy) and 1
/// (mass), -1 for one that is not predicted.
using ResponseEntries = std::array<Id, kResponses>;
inline constexpr ResponseEntries kNoResponses{-1, -1};

/// A contiguous piece of the parameter arena.
struct Range {
  std::int64_t begin = 0, end = 0;
};

/// One update of what a tape trains: a pass forward and backward, and what its gradient does.
struct Update {
  Tape const& tape;
  PassOptions const& pass;
  OptimizerStep step;
  Buffer& parameters;
  std::vector<Buffer>& states;  ///< as optimizer_states() names them
  Buffer* averages = nullptr;   ///< averages += (1 - decay) (parameters - averages), if there
  float average_decay = 0;
};

/// Runs tapes on one device and holds the working memory that takes. Parameters, gradients and
/// optimizer states are Buffers of that device; results are host memory.
///
/// Updates and evaluations are started, and their results fetched in the same order, so that a
/// device need not wait for the host: up to most_in_flight() may be started and not yet finished.
/// A batch may go as soon as start_* returns; tapes and Buffers stay until finish(). A result is
/// the execution's own, until it is next called.
///
/// Errors    DeviceError; Error for more in flight than that, or for finish() without a start
class Execution {
 public:
  virtual ~Execution() = default;

  /// Unless all_finite(result) nothing is updated, nor by updates that were started since.
  virtual void start_update(Update const& update, JetBatch const& batch) = 0;

  /// Losses only, with a tape finished without training.
  virtual void start_evaluation(Tape const& tape, JetBatch const& batch,
                                Buffer const& parameters) = 0;

  virtual PassResult const& finish() = 0;
  virtual std::size_t most_in_flight() const = 0;

  /// Both at once, with nothing in flight.
  PassResult const& update(Update const& update, JetBatch const& batch) {
    start_update(update, batch);
    return finish();
  }
  PassResult const& evaluate(Tape const& tape, JetBatch const& batch, Buffer const& parameters) {
    start_evaluation(tape, batch, parameters);
    return finish();
  }

  /// From now on updates and evaluations add each of their jets to the sums of its bin, which begin
  /// as `sums`, one a bin; the first two heads of a tape are those of BinSums. With nothing in
  /// flight.
  virtual void begin_bins(std::vector<BinSums> const& sums) = 0;
  /// The sums so far. With nothing in flight.
  virtual std::vector<BinSums> bins() = 0;

  /// From now on evaluations, of a tape with these entries, count the calibrated responses of their
  /// jets in histograms of their bins, until take_responses() gives them. Both with nothing in
  /// flight. The memory they take is kept on a CUDA device.
  virtual void begin_responses(ResponseEntries const& entries, ResponseBins const& bins) = 0;
  virtual ResponseHistograms take_responses() = 0;

  /// Takes the working memory of these passes, so that none of them fails for want of it later, and
  /// leaves `beside` bytes free. A CPU takes what it needs as it goes. With nothing in flight.
  ///
  /// Errors    DeviceError, which says which batch would fit, if there is less
  virtual void reserve(std::vector<PlannedPass> const& passes, std::int64_t beside) = 0;

  /// Copies the jets to the device's memory if they fit there and leave `beside` bytes free: from
  /// then on batches may be ResidentBatches. False where they do not, and on a CPU, which has them
  /// in memory anyway.
  virtual bool make_resident(RecordsView const& jets, std::int64_t beside) = 0;

  /// Forward and backward of a whole batch, with nothing in flight; the result has the rows, too.
  /// gradients() then holds the gradient of sum over heads of (sum of weight * loss) / divisor;
  /// slices without gradient are not touched.
  virtual PassResult const& train(Tape const& tape, JetBatch const& batch,
                                  PassOptions const& options, Buffer const& parameters) = 0;
  virtual Buffer const& gradients() const = 0;

  /// Values of `outputs`, entries of a tape without loss, into host matrices [rows, cols].
  virtual void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
                       std::vector<Id> const& outputs, std::vector<Mat> const& into) = 0;

  virtual Device device() const = 0;
  virtual int threads() const = 0;

  /// What `auto` has chosen so far; empty where it had nothing to choose.
  virtual KernelChoices kernel_choices() const { return {}; }

  /// Bytes of working memory in use, gradient lanes included.
  virtual std::int64_t memory() const = 0;
};

struct ExecutionOptions {
  Device device;
  int threads = 1;
  std::int64_t lanes = 8;
  DenseKernels dense_kernels = DenseKernels::own;
  SoftmaxKernels softmax_kernels = SoftmaxKernels::own;
  Precision precision = Precision::fp32;
  /// What `auto` chose in the run that goes on: bits depend on it, so it stays.
  KernelChoices kernel_choices;
  /// Gets remarks, like that `auto` could not keep what it measured.
  std::function<void(std::string const& remark)> note = [](std::string const&) {};
};

/// Errors: DeviceError if the device is not there or cannot do what is asked.
std::unique_ptr<Execution> make_execution(ExecutionOptions const& options);

/// The same for device cpu.
std::unique_ptr<Execution> make_cpu_execution(ExecutionOptions const& options);

/// The slices that get a gradient when `tape` runs backward, merged into ranges.
std::vector<Range> trained_ranges(Tape const& tape);

/// Errors: ShapeError unless `tape` has those of `entries` that are not -1.
void require_entries(Tape const& tape, ResponseEntries const& entries);

/// Entries of `tape` that are heads with a loss, in order.
std::vector<Id> loss_entries(Tape const& tape);

}  // namespace jetcal
