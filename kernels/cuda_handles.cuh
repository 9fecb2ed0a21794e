#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace jetcal::cuda {

// Handles of the CUDA runtime that give back what they name, once they go. What that may report is
// an earlier call's error, told there.

struct Destroy {
  void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
  void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
  void operator()(cudaGraphExec_t graph) const { static_cast<void>(cudaGraphExecDestroy(graph)); }
  void operator()(std::byte* pinned) const { static_cast<void>(cudaFreeHost(pinned)); }
};
using Stream = std::unique_ptr<CUstream_st, Destroy>;
using Event = std::unique_ptr<CUevent_st, Destroy>;
using Graph = std::unique_ptr<CUgraphExec_st, Destroy>;

/// Host memory that does not move, so that copies of it run beside kernels.
using Pinned = std::unique_ptr<std::byte[], Destroy>;

// Errors of all of these: DeviceError.
Stream make_stream();
Event make_event();
Pinned make_pinned(std::size_t bytes);

/// What is enqueued on `after` from now on waits for what is on `before` so far. `event` is theirs
/// until the next call.
void follow(cudaStream_t before, Event const& event, cudaStream_t after);

/// What `enqueue` enqueues on `stream`, and on streams that follow it and that it follows again,
/// as one graph. Nothing of it is executed. Errors: what `enqueue` throws.
Graph capture(cudaStream_t stream, std::function<void()> const& enqueue);

}  // namespace jetcal::cuda
