#include "kernels/cuda_handles.cuh"

#include <string>

#include "engine/errors.hpp"
#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {

Stream make_stream() {
  cudaStream_t stream = nullptr;
  require_success(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return Stream(stream);
}

Event make_event() {
  cudaEvent_t event = nullptr;
  require_success(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  return Event(event);
}

Pinned make_pinned(std::size_t bytes) {
  void* data = nullptr;
  cudaError_t const status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // the next call starts afresh
    throw DeviceError("the machine has no " + std::to_string(bytes >> 20) +
                      " MiB of memory that stays in place, for copies to and from the device. Use "
                      "a smaller batch");
  }
  require_success(status, "cudaMallocHost");
  return Pinned(static_cast<std::byte*>(data));
}

void follow(cudaStream_t before, Event const& event, cudaStream_t after) {
  require_success(cudaEventRecord(event.get(), before), "cudaEventRecord");
  require_success(cudaStreamWaitEvent(after, event.get(), 0), "cudaStreamWaitEvent");
}

Graph capture(cudaStream_t stream, std::function<void()> const& enqueue) {
  // Other threads of the program may go on using the device meanwhile.
  require_success(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                  "cudaStreamBeginCapture");
  cudaGraph_t captured = nullptr;
  try {
    enqueue();
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream, &captured));
    static_cast<void>(cudaGetLastError());
    if (captured != nullptr) { static_cast<void>(cudaGraphDestroy(captured)); }
    throw;
  }
  require_success(cudaStreamEndCapture(stream, &captured), "cudaStreamEndCapture");
  cudaGraphExec_t graph = nullptr;
  cudaError_t const status = cudaGraphInstantiate(&graph, captured, 0);
  static_cast<void>(cudaGraphDestroy(captured));
  require_success(status, "cudaGraphInstantiate");
  return Graph(graph);
}

}  // namespace jetcal::cuda
