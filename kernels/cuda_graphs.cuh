#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <vector>

#include "kernels/cuda_handles.cuh"
#include "kernels/cuda_slot.cuh"
#include "kernels/ops.hpp"

namespace jetcal::cuda {

/// A pass over a batch, and what is done with its gradient: everything that what is enqueued for it
/// depends on. Numbers that change from update to update are in the slot instead.
struct Pass {
  enum class Kind { evaluation, training, update };
  Kind kind = Kind::evaluation;
  std::int64_t tape = 0;  ///< Tape::id()
  BatchShape shape;
  std::size_t slot = 0;
  bool binned = false;  ///< adds to the sums of bins
  float const* parameters = nullptr;
  std::vector<Divisor> divisors = {};  ///< none: an evaluation
  // Of an update:
  std::size_t optimizer = 0;  ///< index of the alternative of OptimizerStep
  float* updated = nullptr;   ///< parameters
  std::vector<float*> states = {};
  float* averages = nullptr;  ///< none: no average is kept

  bool operator==(Pass const&) const = default;
};

/// Passes as CUDA graphs.
class Graphs {
 public:
  /// Has `stream` do what `enqueue` enqueues for `pass`. The first time it is enqueued as it is:
  /// kernels are loaded then, and libraries choose theirs, which a capture does not allow. From the
  /// second time on it is one graph. With JETCAL_CUDA_SYNC there are no graphs.
  void run(Pass const& pass, cudaStream_t stream, std::function<void()> const& enqueue);

  /// Forgets all of them: memory they use is about to move.
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Pass pass;
    Graph graph;  // none: was run once
  };
  std::list<Entry> entries_;  // last used first
};

}  // namespace jetcal::cuda
