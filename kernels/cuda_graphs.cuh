#pragma once

#include <functional>
#include <list>

#include "kernels/cuda_handles.cuh"
#include "kernels/cuda_pass.cuh"

namespace jetcal::cuda {

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
