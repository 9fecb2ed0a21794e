// Streams, events and graphs.
#include "tests/emulator/runtime/queue.hpp"

#include "tests/emulator/counters.hpp"
#include "tests/emulator/runtime/abi.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <utility>

namespace emulator {

Queue& Queue::get() {
  static auto* queue = new Queue;  // used until the very end of the process
  return *queue;
}

Queue::Queue() : random_(settings().seed ^ 0x5deece66d) {}

Stream* Queue::stream(void* handle) {
  if (reinterpret_cast<u64>(handle) <= 1) { return &default_stream_; }
  auto const found = streams_.find(handle);
  return found == streams_.end() ? nullptr : found->second.get();
}

void* Queue::create_stream(bool blocking) {
  auto stream = std::make_unique<Stream>();
  stream->blocking = blocking;
  void* const handle = stream.get();
  streams_[handle] = std::move(stream);
  return handle;
}

bool Queue::destroy_stream(void* handle) { return streams_.erase(handle) == 1; }

Event* Queue::event(void* handle) {
  auto const found = events_.find(handle);
  return found == events_.end() ? nullptr : found->second.get();
}

void* Queue::create_event(bool timing) {
  auto event = std::make_unique<Event>();
  event->timing = timing;
  void* const handle = event.get();
  events_[handle] = std::move(event);
  return handle;
}

bool Queue::destroy_event(void* handle) { return events_.erase(handle) == 1; }

int Queue::enqueue(Stream& stream, Work work, int kind) {
  if (stream.capture) {
    Graph& graph = *stream.capture;
    graph.nodes.push_back({std::move(work), stream.capture_after, kind});
    stream.capture_after = {graph.nodes.size() - 1};
    return kSuccess;
  }
  bool const is_default = &stream == &default_stream_;
  if (is_default && std::any_of(streams_.begin(), streams_.end(), [](auto const& entry) {
        return entry.second->capture && entry.second->blocking;
      })) {
    return kErrorStreamCaptureImplicit;
  }
  auto operation = std::make_shared<Operation>();
  for (InFlight const& copy : work.copies) {
    operation->in_flight.push_back(PinnedMemory::get().begin(copy));
  }
  operation->work = std::move(work);
  operation->kind = kind;
  // Executed ones matter too: waiting for this one is waiting for them.
  auto follow = [&](OperationRef const& on) {
    if (on) { operation->after.push_back(on); }
  };
  follow(stream.last);
  if (is_default) {
    for (auto const& [handle, other] : streams_) {
      if (other->blocking) { follow(other->last); }
    }
  } else if (stream.blocking) {
    follow(default_stream_.last);
  }
  count_overlapping_copies(operation);
  stream.last = operation;
  pending_.push_back(operation);
  return kSuccess;
}

// Of a copy and a kernel that the host has waited for neither of, whatever has been executed: they
// may run beside each other if none comes after the other.
void Queue::count_overlapping_copies(OperationRef const& latest) const {
  constexpr int kKernels = 0, kCopy = 1;
  auto is_copy = [](Operation const& o) { return o.kind == kCopy && !o.in_flight.empty(); };
  if (latest->kind != kKernels && !is_copy(*latest)) { return; }
  std::set<OperationRef> const before = all_before(latest);
  auto count = [](Operation& copy) {
    if (!std::exchange(copy.overlapping, true)) {
      Counters::all().add_call(Call::overlapping_copy);
    }
  };
  auto compare = [&](OperationRef const& other) {
    if (before.count(other) != 0) { return; }
    if (latest->kind == kKernels && is_copy(*other)) { count(*other); }
    if (other->kind == kKernels && is_copy(*latest)) { count(*latest); }
  };
  std::for_each(pending_.begin(), pending_.end(), compare);
  std::for_each(unknown_.begin(), unknown_.end(), compare);
}

int Queue::record(Event& event, Stream& stream) {
  if (stream.capture) {
    event.capture = stream.capture;
    event.capture_after = stream.capture_after;
    return kSuccess;
  }
  event.capture.reset();
  int const error = enqueue(stream, {"an event", [] {}, {}}, 5);
  if (error == kSuccess) { event.recorded = stream.last; }
  return error;
}

int Queue::wait(Stream& stream, Event const& event) {
  if (event.capture) {
    if (!stream.capture) {  // the stream joins the capture
      if (&stream == &default_stream_) { return kErrorStreamCaptureImplicit; }
      stream.capture = event.capture;
      stream.capture_origin = false;
      stream.capture_after.clear();
    } else if (stream.capture != event.capture) {
      return kErrorStreamCaptureIsolation;
    }
    for (std::size_t const node : event.capture_after) {
      if (std::find(stream.capture_after.begin(), stream.capture_after.end(), node) ==
          stream.capture_after.end()) {
        stream.capture_after.push_back(node);
      }
    }
    return kSuccess;
  }
  if (stream.capture) { return kErrorStreamCaptureIsolation; }
  if (!event.recorded) { return kSuccess; }
  int const error = enqueue(stream, {"a wait for an event", [] {}, {}}, 5);
  if (error == kSuccess) { stream.last->after.push_back(event.recorded); }
  return error;
}

void Queue::execute(OperationRef const& operation) {
  pending_.erase(std::find(pending_.begin(), pending_.end(), operation));
  operation->done = true;
  operation->work.run();
  operation->work.run = nullptr;
  unknown_.insert(operation);
}

std::vector<OperationRef> Queue::ready() const {
  std::vector<OperationRef> list;
  for (OperationRef const& operation : pending_) {
    bool const free = std::all_of(operation->after.begin(), operation->after.end(),
                                  [](OperationRef const& o) { return o->done; });
    if (free) { list.push_back(operation); }
  }
  return list;
}

std::set<OperationRef> Queue::all_before(OperationRef const& operation) {
  std::set<OperationRef> before;
  std::vector<OperationRef> open = operation->after;
  while (!open.empty()) {
    OperationRef const next = open.back();
    open.pop_back();
    if (!before.insert(next).second) { continue; }
    open.insert(open.end(), next->after.begin(), next->after.end());
  }
  return before;
}

// Any order the dependencies allow; half of the time nothing that is not needed is executed.
void Queue::execute_until(OperationRef const& operation) {
  bool const only_needed = random_.below(2) == 0;
  std::set<OperationRef> needed = all_before(operation);
  needed.insert(operation);
  while (!operation->done) {
    std::vector<OperationRef> candidates = ready();
    if (only_needed) {
      candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                      [&](OperationRef const& o) { return needed.count(o) == 0; }),
                       candidates.end());
    }
    execute(candidates[random_.below(candidates.size())]);
  }
}

// The host has waited for it, and so for everything before it.
void Queue::known(OperationRef const& operation) {
  std::vector<OperationRef> open = {operation};
  while (!open.empty()) {
    OperationRef const next = open.back();
    open.pop_back();
    for (u64 const id : next->in_flight) { PinnedMemory::get().end(id); }
    next->in_flight.clear();
    open.insert(open.end(), next->after.begin(), next->after.end());
    next->after.clear();
    unknown_.erase(next);
  }
}

void Queue::synchronise(OperationRef const& operation) {
  if (!operation) { return; }
  execute_until(operation);
  known(operation);
}

void Queue::synchronise(Stream& stream) {
  synchronise(stream.last);
  if (&stream ==
      &default_stream_) {  // the default stream waits for the others as work of its own would
    for (auto const& [handle, other] : streams_) {
      if (other->blocking) { synchronise(other->last); }
    }
  }
}

void Queue::synchronise_all() {
  drain();
  while (!unknown_.empty()) { known(*unknown_.begin()); }
}

void Queue::drain() {
  while (!pending_.empty()) {
    std::vector<OperationRef> const candidates = ready();
    execute(candidates[random_.below(candidates.size())]);
  }
}

void Queue::abandon() {
  for (OperationRef const& operation : std::exchange(pending_, {})) {
    operation->done = true;
    unknown_.insert(operation);
  }
  while (!unknown_.empty()) { known(*unknown_.begin()); }
  for (auto const& [handle, stream] : streams_) { stream->capture.reset(); }
}

bool Queue::query(OperationRef const& operation) {
  let_time_pass();
  if (!operation) { return true; }
  // A program may wait in a loop of queries: in the end it is done.
  if (!operation->done && random_.below(4) == 0) { execute_until(operation); }
  if (!operation->done) { return false; }
  known(operation);
  return true;
}

void Queue::let_time_pass() {
  if (pending_.empty() || random_.below(4) != 0) { return; }
  u64 const many = u64(1) << random_.below(5);
  for (u64 i = 0; i < many && !pending_.empty(); ++i) {
    std::vector<OperationRef> const candidates = ready();
    execute(candidates[random_.below(candidates.size())]);
  }
}

int Queue::begin_capture(Stream& stream, bool relaxed) {
  if (&stream == &default_stream_) { return kErrorStreamCaptureUnsupported; }
  if (stream.capture) { return kErrorStreamCaptureUnmatched; }
  stream.capture = std::make_shared<Graph>();
  stream.capture->relaxed = relaxed;
  stream.capture_origin = true;
  stream.capture_after.clear();
  return kSuccess;
}

int Queue::end_capture(Stream& stream, std::shared_ptr<Graph>& graph) {
  if (!stream.capture) { return kErrorInvalidValue; }
  if (!stream.capture_origin) { return kErrorStreamCaptureUnmatched; }
  graph = std::move(stream.capture);
  stream.capture = nullptr;
  // Every node of a stream that joined must come before the end of the origin.
  std::vector<bool> joined(graph->nodes.size(), false);
  std::vector<std::size_t> open = stream.capture_after;
  while (!open.empty()) {
    std::size_t const node = open.back();
    open.pop_back();
    if (joined[node]) { continue; }
    joined[node] = true;
    open.insert(open.end(), graph->nodes[node].after.begin(), graph->nodes[node].after.end());
  }
  bool unjoined = false;
  for (auto const& [handle, other] : streams_) {
    if (other->capture != graph) { continue; }
    for (std::size_t const node : other->capture_after) { unjoined |= !joined[node]; }
    other->capture.reset();
    other->capture_after.clear();
  }
  stream.capture_after.clear();
  if (graph->invalid || unjoined) {
    int const error = graph->invalid ? kErrorStreamCaptureInvalidated : kErrorStreamCaptureUnjoined;
    graph.reset();
    return error;
  }
  return kSuccess;
}

bool Queue::spoils_capture() {
  bool spoilt = false;
  for (auto const& [handle, stream] : streams_) {
    if (stream->capture && !stream->capture->relaxed) { spoilt = stream->capture->invalid = true; }
  }
  return spoilt;
}

Work Queue::work_of(std::shared_ptr<Graph const> graph) {
  Work work;
  work.what = "a graph of " + std::to_string(graph->nodes.size()) + " nodes";
  for (Node const& node : graph->nodes) {
    work.copies.insert(work.copies.end(), node.work.copies.begin(), node.work.copies.end());
  }
  u64 const seed = random_.next();
  work.run = [graph, seed] {
    Random random(seed);
    std::vector<bool> done(graph->nodes.size(), false);
    for (std::size_t count = 0; count < graph->nodes.size(); ++count) {
      std::vector<std::size_t> candidates;
      for (std::size_t n = 0; n < graph->nodes.size(); ++n) {
        auto const& after = graph->nodes[n].after;
        if (!done[n] &&
            std::all_of(after.begin(), after.end(), [&](std::size_t a) { return done[a]; })) {
          candidates.push_back(n);
        }
      }
      std::size_t const chosen = candidates[random.below(candidates.size())];
      graph->nodes[chosen].work.run();
      done[chosen] = true;
    }
  };
  return work;
}

}  // namespace emulator
