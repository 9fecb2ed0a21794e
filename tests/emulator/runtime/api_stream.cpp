// Streams, events and stream capture; graphs.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/runtime/api.hpp"

#include <map>
#include <memory>
#include <utility>

using namespace emulator;

namespace {

template <class F>
int with_event(void* handle, F f) {
  return api([&]() -> int {
    Event* const event = Queue::get().event(handle);
    return event == nullptr ? kErrorInvalidResourceHandle : f(*event);
  });
}

/// What cudaGraph_t and cudaGraphExec_t point to: a handle is its own name.
struct GraphHandle {
  std::shared_ptr<Graph> graph;
};
auto& graph_handles() {
  static auto* handles =
      new std::map<GraphHandle*, std::unique_ptr<GraphHandle>>;  // never destroyed
  return *handles;
}
GraphHandle* new_handle(std::shared_ptr<Graph> graph) {
  auto handle = std::make_unique<GraphHandle>(GraphHandle{std::move(graph)});
  GraphHandle* const name = handle.get();
  graph_handles()[name] = std::move(handle);
  return name;
}
/// The graph of a handle; nullptr if there is none.
std::shared_ptr<Graph> graph_of(GraphHandle* handle) {
  auto const found = graph_handles().find(handle);
  return found == graph_handles().end() ? nullptr : found->second->graph;
}

u64 clock_ms = 0;  // the emulator's time: it passes with events, and means nothing

}  // namespace

JETCAL_API int cudaStreamCreateWithFlags(void** stream, unsigned flags) {
  return api([&]() -> int {
    *stream = Queue::get().create_stream((flags & 1) == 0);
    return kSuccess;
  });
}
JETCAL_API int cudaStreamCreate(void** stream) { return cudaStreamCreateWithFlags(stream, 0); }
JETCAL_API int cudaStreamCreateWithPriority(void** stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
JETCAL_API int cudaStreamDestroy(void* stream) {
  return api([&]() -> int {
    return Queue::get().destroy_stream(stream) ? kSuccess : kErrorInvalidResourceHandle;
  });
}
JETCAL_API int cudaStreamSynchronize(void* handle) {
  Counters::all().add_call(Call::wait);
  return on_stream(handle, [](Stream& stream) -> int {
    if (Queue::get().spoils_capture()) { return kErrorStreamCaptureUnsupported; }
    Queue::get().synchronise(stream);
    return kSuccess;
  });
}
JETCAL_API int cudaStreamQuery(void* handle) {
  return on_stream(handle, [](Stream& stream) -> int {
    if (Queue::get().spoils_capture()) { return kErrorStreamCaptureUnsupported; }
    return Queue::get().query(stream.last) ? kSuccess : kErrorNotReady;
  });
}
JETCAL_API int cudaStreamWaitEvent(void* handle, void* event_handle, unsigned) {
  return on_stream(handle, [&](Stream& stream) -> int {
    Event* const event = Queue::get().event(event_handle);
    return event == nullptr ? kErrorInvalidResourceHandle : Queue::get().wait(stream, *event);
  });
}
JETCAL_API int cudaLaunchHostFunc(void* handle, void (*f)(void*), void* data) {
  return on_stream(handle, [&](Stream& stream) {
    return Queue::get().enqueue(stream, {"a host function", [=] { f(data); }, {}}, 3);
  });
}

JETCAL_API int cudaEventCreateWithFlags(void** event, unsigned flags) {
  return api([&]() -> int {
    *event = Queue::get().create_event((flags & 2) == 0);
    return kSuccess;
  });
}
JETCAL_API int cudaEventCreate(void** event) { return cudaEventCreateWithFlags(event, 0); }
JETCAL_API int cudaEventDestroy(void* event) {
  return api([&]() -> int {
    return Queue::get().destroy_event(event) ? kSuccess : kErrorInvalidResourceHandle;
  });
}
JETCAL_API int cudaEventRecordWithFlags(void* event_handle, void* handle, unsigned) {
  return with_event(event_handle, [&](Event& event) -> int {
    Stream* const stream = Queue::get().stream(handle);
    return stream == nullptr ? kErrorInvalidResourceHandle : Queue::get().record(event, *stream);
  });
}
JETCAL_API int cudaEventRecord(void* event, void* stream) {
  return cudaEventRecordWithFlags(event, stream, 0);
}
JETCAL_API int cudaEventSynchronize(void* handle) {
  Counters::all().add_call(Call::event_wait);
  return with_event(handle, [](Event& event) -> int {
    if (Queue::get().spoils_capture()) { return kErrorStreamCaptureUnsupported; }
    if (event.capture) { return kErrorCapturedEvent; }
    Queue::get().synchronise(event.recorded);
    return kSuccess;
  });
}
JETCAL_API int cudaEventQuery(void* handle) {
  return with_event(handle, [](Event& event) -> int {
    if (Queue::get().spoils_capture()) { return kErrorStreamCaptureUnsupported; }
    if (event.capture) { return kErrorCapturedEvent; }
    return Queue::get().query(event.recorded) ? kSuccess : kErrorNotReady;
  });
}
// There is no time on the emulator: every pair of events is a millisecond further apart than the
// last.
JETCAL_API int cudaEventElapsedTime(float* ms, void* begin_handle, void* end_handle) {
  return with_event(begin_handle, [&](Event& begin) -> int {
    Event* const end = Queue::get().event(end_handle);
    if (end == nullptr || !begin.timing || !end->timing || !begin.recorded || !end->recorded) {
      return kErrorInvalidResourceHandle;
    }
    if (!begin.recorded->done || !end->recorded->done) { return kErrorNotReady; }
    *ms = static_cast<float>(++clock_ms);
    return kSuccess;
  });
}

JETCAL_API int cudaStreamBeginCapture(void* handle, int mode) {
  return on_stream(handle,
                   [&](Stream& stream) { return Queue::get().begin_capture(stream, mode == 2); });
}
JETCAL_API int cudaStreamEndCapture(void* handle, GraphHandle** graph) {
  return on_stream(handle, [&](Stream& stream) -> int {
    std::shared_ptr<Graph> captured;
    *graph = nullptr;
    int const error = Queue::get().end_capture(stream, captured);
    if (error == kSuccess) { *graph = new_handle(captured); }
    return error;
  });
}
JETCAL_API int cudaStreamIsCapturing(void* handle, int* status) {
  return on_stream(handle, [&](Stream& stream) -> int {
    *status = !stream.capture ? 0 : stream.capture->invalid ? 2 : 1;
    return kSuccess;
  });
}

JETCAL_API int cudaGraphInstantiate(GraphHandle** executable, GraphHandle* handle,
                                    unsigned long long) {
  return api([&]() -> int {
    auto const graph = graph_of(handle);
    if (!graph) { return kErrorInvalidValue; }
    *executable = new_handle(std::make_shared<Graph>(*graph));
    return kSuccess;
  });
}
JETCAL_API int cudaGraphInstantiateWithFlags(GraphHandle** executable, GraphHandle* handle,
                                             unsigned long long flags) {
  return cudaGraphInstantiate(executable, handle, flags);
}
JETCAL_API int cudaGraphLaunch(GraphHandle* executable, void* stream_handle) {
  Counters::all().add_call(Call::graph_launch);
  return on_stream(stream_handle, [&](Stream& stream) -> int {
    auto const graph = graph_of(executable);
    if (!graph) { return kErrorInvalidValue; }
    return Queue::get().enqueue(stream, Queue::get().work_of(graph), 0);
  });
}
JETCAL_API int cudaGraphUpload(GraphHandle* executable, void* stream_handle) {
  return on_stream(stream_handle, [&](Stream&) -> int {
    return graph_of(executable) ? kSuccess : kErrorInvalidValue;
  });
}
JETCAL_API int cudaGraphDestroy(GraphHandle* handle) {
  return api(
      [&]() -> int { return graph_handles().erase(handle) == 1 ? kSuccess : kErrorInvalidValue; });
}
JETCAL_API int cudaGraphExecDestroy(GraphHandle* executable) {
  return cudaGraphDestroy(executable);
}
// Only the number of nodes: their handles are of no use without functions that take them.
JETCAL_API int cudaGraphGetNodes(GraphHandle* handle, void** nodes, size_t* count) {
  return api([&]() -> int {
    auto const graph = graph_of(handle);
    if (!graph || nodes != nullptr) { return graph ? kErrorNotSupported : kErrorInvalidValue; }
    *count = graph->nodes.size();
    return kSuccess;
  });
}
