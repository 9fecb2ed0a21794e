#pragma once

#include <array>
#include <vector>

#include "kernels/cuda_context.cuh"
#include "kernels/cuda_slot.cuh"

namespace jetcal::cuda {

/// While the host looks at one batch's results the device has the next one.
constexpr std::size_t kSlots = 2;

/// The device's memory that passes over batches take. It grows with the largest tape and batch.
class WorkingMemory {
 public:
  WorkingMemory(Context& context, std::int64_t lanes);

  /// Whether a pass of `tape` over such a batch finds all it needs.
  bool has_room(Tape const& tape, BatchShape const& shape);

  /// Makes room for it, all at once: what is too small is given back before more is asked for. With
  /// nothing in flight, and nothing that knows addresses.
  ///
  /// Errors    DeviceError, which says how large a batch can be, if that is more than is free
  void grow(Tape const& tape, BatchShape const& shape);

  std::int64_t bytes() const;

  Results* results() { return reinterpret_cast<Results*>(results_.data()); }
  double* lane_sums() { return reinterpret_cast<double*>(lane_sums_.data()); }
  NormResult* norm_parts() { return reinterpret_cast<NormResult*>(norm_parts_.data()); }
  LaneArenas lane_arenas() { return {gradients.data(), other_lanes_.data(), gradients.size()}; }

  Buffer workspace;  ///< of Tape::Workspace
  Buffer prepared;   ///< parameters as Backend::prepare leaves them
  Buffer gradients;  ///< lane 0, where the sum over the lanes ends; an arena
  std::array<Slot, kSlots> slots;

 private:
  /// A buffer of so many floats, and so many for each row of the batch.
  struct Need {
    Buffer* buffer = nullptr;
    std::int64_t fixed = 0, per_row = 0;
    std::int64_t floats(std::int64_t rows) const { return fixed + per_row * rows; }
    bool too_small(std::int64_t rows) const { return buffer->size() < floats(rows); }
  };
  std::vector<Need> needs(Tape const& tape, BatchShape const& shape);
  bool has_other_gradients(Tape const& tape) const;
  void require_memory(std::vector<Need> const& all, std::int64_t rows) const;

  Context& context_;
  std::int64_t lanes_;
  Buffer other_lanes_, lane_sums_, norm_parts_, results_;
};

}  // namespace jetcal::cuda
