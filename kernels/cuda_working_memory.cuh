#pragma once

#include <array>
#include <vector>

#include "kernels/cuda_context.cuh"
#include "kernels/cuda_slot.cuh"
#include "kernels/storage.hpp"

namespace jetcal::cuda {

/// While the host looks at one batch's results the device has the next one.
constexpr std::size_t kSlots = 2;

/// The device's memory that passes over batches take. It grows with the largest tape and batch.
class WorkingMemory {
 public:
  WorkingMemory(Context& context, std::int64_t lanes, Precision precision);

  /// Whether a pass of `tape` over such a batch finds all it needs.
  bool has_room(Tape const& tape, BatchShape const& shape);

  /// Makes room for it, all at once: what is too small is given back before more is asked for. With
  /// nothing in flight, and nothing that knows addresses. `beside` bytes stay free.
  ///
  /// Errors    DeviceError, which says how large a batch can be, if that is more than is free
  void grow(Tape const& tape, BatchShape const& shape, std::int64_t beside = 0);

  /// shape.rows or, if a pass over so many does not fit, as many as do.
  std::int64_t rows_that_fit(Tape const& tape, BatchShape const& shape);

  std::int64_t bytes() const;

  Results* results() { return reinterpret_cast<Results*>(results_.data()); }
  double* lane_sums() { return reinterpret_cast<double*>(lane_sums_.data()); }
  NormResult* norm_parts() { return reinterpret_cast<NormResult*>(norm_parts_.data()); }
  LaneArenas lane_arenas() { return {gradients.data(), other_lanes_.data(), gradients.size()}; }
  Tape::Workspace workspace(std::int64_t rows) {
    return {workspace_.data(), rows, false, stored_bytes(precision_)};
  }

  Buffer prepared;   ///< parameters as Backend::prepare leaves them
  Buffer gradients;  ///< lane 0, where the sum over the lanes ends; an arena
  std::array<Slot, kSlots> slots;

 private:
  /// So many floats in a buffer.
  struct Need {
    Buffer* buffer = nullptr;
    std::int64_t floats = 0;
    bool too_small() const { return buffer->size() < floats; }
  };
  std::vector<Need> needs(Tape const& tape, BatchShape const& shape, Precision precision);
  /// What bytes() would be after such a pass.
  std::int64_t bytes_for(Tape const& tape, BatchShape const& shape, Precision precision);
  bool has_other_gradients(Tape const& tape) const;
  void require_memory(Tape const& tape, BatchShape const& shape, std::int64_t beside);
  /// The most rows of a batch that fit into so many bytes, up to four times those of `shape`.
  std::int64_t most_rows(Tape const& tape, BatchShape shape, Precision precision,
                         std::int64_t bytes);

  Context& context_;
  std::int64_t lanes_;
  Precision precision_;
  Buffer workspace_, other_lanes_, lane_sums_, norm_parts_, results_;
};

}  // namespace jetcal::cuda
