#pragma once

#include <memory>
#include <vector>

#include "kernels/cuda_bins.cuh"
#include "kernels/cuda_responses.cuh"
#include "kernels/cuda_update.cuh"
#include "kernels/cuda_working_memory.cuh"
#include "kernels/kernel_chooser.cuh"

namespace jetcal::cuda {

/// A pass over a batch, and what is done with its gradient: everything that what is enqueued for it
/// depends on. Numbers that change from update to update are in the slot instead.
struct Pass {
  enum class Kind { evaluation, training, update };
  Kind kind = Kind::evaluation;
  std::int64_t tape = 0;  ///< Tape::id()
  BatchShape shape;
  std::size_t slot = 0;
  bool binned = false;                       ///< adds to the sums of bins
  ResponseEntries responses = kNoResponses;  ///< whose histograms it adds to
  float const* parameters = nullptr;
  std::vector<Divisor> divisors = {};  ///< none: an evaluation
  UpdateArenas update = {};            ///< of an update

  bool operator==(Pass const&) const = default;
};

/// Enqueues what passes are made of on a device's stream, always the same for the same pass, so
/// that it can be captured. Predictions go back to the host on a stream of their own.
class PassQueue {
 public:
  PassQueue(Context& context, ExecutionOptions const& options, KernelChooser const& chooser,
            WorkingMemory& memory, DeviceBins& bins, DeviceResponses& responses)
      : context_(context),
        options_(options),
        chooser_(chooser),
        memory_(memory),
        bins_(bins),
        responses_(responses) {}

  /// The whole of `pass`; `heads` are the loss_entries() of its tape.
  void enqueue(Pass const& pass, Tape const& tape, std::vector<Id> const& heads);

  /// Parameters as predictions with them want them.
  void prepare_prediction(Tape const& tape, float const* parameters);
  /// The values of `outputs`, entries of a tape without loss, for the features in `slot`, and their
  /// way back.
  void enqueue_prediction(Slot& slot, BatchShape const& shape, Tape const& tape,
                          float const* parameters, std::vector<Id> const& outputs);

 private:
  cudaStream_t stream() const { return context_.stream(); }
  std::unique_ptr<Backend> backend_of(Lanes const& lanes, LaneArenas const& arenas) const;
  void prepare(Backend const& backend, Tape const& tape, float const* parameters);
  void sum_heads(Tape const& tape, Tape::Workspace const& work, std::vector<Id> const& heads,
                 Lanes const& lanes);
  void enqueue_gradient(std::vector<Range> const& ranges, LaneArenas const& arenas,
                        Lanes const& lanes);

  Context& context_;
  ExecutionOptions const& options_;
  KernelChooser const& chooser_;
  WorkingMemory& memory_;
  DeviceBins& bins_;
  DeviceResponses& responses_;
  Stream downloads_ = make_stream();
};

}  // namespace jetcal::cuda
