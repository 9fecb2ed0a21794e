#include "kernels/cuda_graphs.cuh"

#include <algorithm>

#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {
namespace {

// Whole and last batches of training and evaluation in each slot are 8.
constexpr std::size_t kMostGraphs = 16;

}  // namespace

void Graphs::run(Pass const& pass, cudaStream_t stream, std::function<void()> const& enqueue) {
  if (waits_for_every_kernel()) { return enqueue(); }
  auto const found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](Entry const& entry) { return entry.pass == pass; });
  if (found == entries_.end()) {
    enqueue();
    entries_.push_front({pass, nullptr});
    if (entries_.size() > kMostGraphs) { entries_.pop_back(); }
    return;
  }
  entries_.splice(entries_.begin(), entries_, found);
  Graph& graph = entries_.front().graph;
  if (graph == nullptr) { graph = capture(stream, enqueue); }
  require_success(cudaGraphLaunch(graph.get(), stream), "the graph of a pass over a batch");
}

}  // namespace jetcal::cuda
