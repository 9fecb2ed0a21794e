#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/device.hpp"
#include "kernels/cpu_backend.hpp"
#include "kernels/ops.hpp"
#include "kernels/optimizer_step.hpp"
#include "kernels/reduce.hpp"

namespace jetcal {

/// A batch as the loader hands it out: host memory, read-only.
struct HostBatch {
  ConstMat features;               ///< [rows, n_features]
  ConstMat targets;                ///< [rows, n_targets]
  float const* weights = nullptr;  ///< [rows]
};

/// What a pass found for one head, by row and in total. Sums are in double, in the order of
/// engine/lanes.hpp.
struct HeadResult {
  double loss = 0;              ///< sum of weight * loss
  double kept = 0;              ///< sum of the weights of jets inside the truncation
  std::vector<float> row_loss;  ///< weight * loss; not finite where something went wrong
  std::vector<float> row_kept;  ///< weight, or 0
};

struct PassResult {
  double weight = 0;              ///< sum of the weights
  std::vector<HeadResult> heads;  ///< in the tape's order
};

/// What a head's loss is divided by: the batch's weight, or the kept jets' weight.
struct PassOptions {
  std::vector<Divisor> divisors;  ///< one a head
};

/// A contiguous piece of the parameter arena.
struct Range {
  std::int64_t begin = 0, end = 0;
};

/// Runs tapes on one device and holds the working memory that takes. Parameters, gradients and
/// optimizer states are Buffers of that device; batches and results are host memory.
class Execution {
 public:
  virtual ~Execution() = default;

  /// Forward and backward of a whole batch. gradients() then holds the gradient of
  /// sum over heads of (sum of weight * loss) / divisor; slices without gradient are not touched.
  virtual PassResult const& train(Tape const& tape, HostBatch const& batch,
                                  PassOptions const& options, Buffer const& parameters) = 0;
  virtual Buffer& gradients() = 0;

  /// Losses only, with a tape finished without training.
  virtual PassResult const& evaluate(Tape const& tape, HostBatch const& batch,
                                     Buffer const& parameters) = 0;

  /// Values of `outputs`, entries of a tape without loss, into host matrices [rows, cols].
  virtual void predict(Tape const& tape, ConstMat features, Buffer const& parameters,
                       std::vector<Id> const& outputs, std::vector<Mat> const& into) = 0;

  /// One optimizer update of `ranges` from gradients().
  virtual void update(OptimizerStep const& step, std::vector<Range> const& ranges,
                      Buffer& parameters, std::vector<Buffer>& states) = 0;

  /// average += (1 - decay) (parameters - average) over `ranges`.
  virtual void average(float decay, std::vector<Range> const& ranges, Buffer const& parameters,
                       Buffer& averages) = 0;

  /// Sum of squares and count of non-finite values of gradients() over `ranges`.
  virtual NormResult gradient_norm(std::vector<Range> const& ranges) = 0;

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

/// Entries of `tape` that are heads with a loss, in order.
std::vector<Id> loss_entries(Tape const& tape);

}  // namespace jetcal
