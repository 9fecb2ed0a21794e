#pragma once

#include <cstdint>

#include "engine/device.hpp"
#include "kernels/cuda_handles.cuh"
#include "kernels/cuda_resident.cuh"
#include "kernels/cuda_update.cuh"
#include "kernels/execution.hpp"
#include "kernels/reduce.cuh"

namespace jetcal::cuda {

/// A head has two numbers a row, the batch one: as many heads as RowArrays has room for.
constexpr std::size_t kMostHeads = 3;

/// What the kernels leave on the device for the host, and for each other.
struct Results {
  double totals[kMostRowArrays];  ///< weight; loss and kept of each head
  NormResult norm;
  float scales[kMostHeads];  ///< 1 / divisor of each head
  int refused;               ///< this update or one before it was not made
};

/// Targets of a record.
constexpr std::int64_t kRecordTargets = 2;

/// The form of a batch.
struct BatchShape {
  std::int64_t rows = 0;
  std::int64_t features = 0, targets = 0;  ///< columns
  std::int64_t outputs = 0;                ///< columns that come back of a prediction

  /// Features, targets, weight, bin.
  std::int64_t input_floats() const { return rows * (padded(features) + targets + 2); }
  std::int64_t output_floats() const { return rows * outputs; }
  bool operator==(BatchShape const&) const = default;
};

/// A batch on the device.
struct DeviceBatch {
  UpdateConstants const* constants = nullptr;
  Mat features, targets, weights;
  std::int32_t* bins = nullptr;
  float* outputs = nullptr;
};

/// The way of a batch to the device and of its results back. While a batch is on that way its slot
/// must be left alone; several slots let batches follow each other closely.
class Slot {
 public:
  Slot() : done(make_event()), uploaded_(make_event()), packed_(make_event()) {}

  static constexpr std::int64_t kConstantFloats = 64;
  /// What `device` needs for a batch.
  static std::int64_t device_floats(BatchShape const& shape) {
    return kConstantFloats + shape.input_floats() + shape.output_floats();
  }

  /// Pinned memory for a batch of the host's (if it is `of_host`), the results, the rows of
  /// `heads_by_row` heads, and outputs. True if it had to be found, so that addresses have changed.
  bool reserve_pinned(BatchShape const& shape, bool of_host, std::size_t heads_by_row);

  /// Copies the batch to pinned memory and from there, on `copies`, to the device; `stream` waits.
  /// A batch to predict has neither targets nor weights.
  void upload(HostBatch const& batch, UpdateConstants const& constants, cudaStream_t copies,
              cudaStream_t stream);
  /// The same where a kernel on `copies` gathers the batch.
  void gather(ResidentJets const& jets, ResidentBatch const& batch,
              UpdateConstants const& constants, cudaStream_t copies, cudaStream_t stream);
  /// Where it is then.
  DeviceBatch on_device(BatchShape const& shape);

  /// Enqueues the way back: of a head's row_loss and, right behind it, row_kept; of the results.
  void download_rows(std::size_t head, float const* row_loss, std::int64_t rows,
                     cudaStream_t stream);
  void download(Results const* results, cudaStream_t stream);
  /// Of the outputs of a prediction: packed behind what `stream` computes, then beside it, on
  /// `copies`; `done` is behind that.
  void download(std::vector<ConstMat> const& outputs, BatchShape const& shape, cudaStream_t stream,
                cudaStream_t copies);
  /// What has come back, once `done` has happened.
  void read(std::size_t heads, PassResult& result) const;
  void read_rows(std::int64_t rows, PassResult& result) const;
  void read(std::vector<Mat> const& outputs) const;

  Buffer device;  ///< constants, features, targets, weights, bins, as in pinned memory; outputs
  Event done;     ///< to be recorded behind everything that uses the slot

 private:
  /// A head's row_loss and row_kept in pinned memory.
  float* rows_of(std::size_t head, std::int64_t rows) const;

  Event uploaded_, packed_;
  Pinned input_, output_;
  std::size_t input_bytes_ = 0, output_bytes_ = 0;
};

}  // namespace jetcal::cuda
