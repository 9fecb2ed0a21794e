// Streams, events and graphs: what waits to be executed, in which order it may be, and what the
// host knows to have been.
//
// Nothing enqueued is executed before somebody must see it or chance says so; of what may be
// executed next any may be. So a program that relies on more order than it asked for goes wrong
// here.
#pragma once

#include "tests/emulator/memory/pinned_memory.hpp"
#include "tests/emulator/random.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace emulator {

struct Operation;
using OperationRef = std::shared_ptr<Operation>;

/// Something the device does.
struct Work {
  std::string what;
  std::function<void()> run;
  std::vector<InFlight> copies;  ///< host memory it reads or writes
};

struct Operation {
  Work work;
  int kind = 0;              ///< as Node's
  bool overlapping = false;  ///< a copy that has been counted as such
  std::vector<OperationRef> after;
  bool done = false;
  std::vector<u64> in_flight;  ///< of PinnedMemory, until the host has waited
};

/// A node of a graph; `after` are indices of earlier nodes.
struct Node {
  Work work;
  std::vector<std::size_t> after;
  int kind = 0;  ///< as in cudaGraphNodeType: 0 kernel, 1 memcpy, 2 memset, 3 host, 5 empty
};
struct Graph {
  std::vector<Node> nodes;
  bool relaxed = false;  ///< cudaStreamCaptureModeRelaxed: other calls may go on meanwhile
  bool invalid = false;
};

struct Stream {
  bool blocking = true;  ///< waits for the default stream and that for it
  OperationRef last;
  std::shared_ptr<Graph> capture;
  bool capture_origin = false;
  std::vector<std::size_t> capture_after;  ///< nodes the next one comes after
};

struct Event {
  OperationRef recorded;
  bool timing = true;
  std::shared_ptr<Graph> capture;
  std::vector<std::size_t> capture_after;
};

/// The device's queues. Every function expects the runtime's mutex to be held.
class Queue {
 public:
  static Queue& get();

  /// The stream of a handle: 0 and 1 are the default stream; nullptr if there is none.
  Stream* stream(void* handle);
  void* create_stream(bool blocking);
  bool destroy_stream(void* handle);
  Event* event(void* handle);
  void* create_event(bool timing);
  bool destroy_event(void* handle);

  /// Adds work to a stream (or to the graph it captures). A runtime error.
  int enqueue(Stream& stream, Work work, int kind);
  int record(Event& event, Stream& stream);
  int wait(Stream& stream, Event const& event);
  /// The host waits: executes what must be, ends the copies.
  void synchronise(OperationRef const& operation);
  void synchronise(Stream& stream);
  void synchronise_all();
  /// Executes everything, but the host does not know.
  void drain();
  /// Forgets everything that has not been executed: the device is lost.
  void abandon();
  /// True if the host may know that it is done.
  bool query(OperationRef const& operation);
  /// Something may happen between two calls of the program.
  void let_time_pass();

  int begin_capture(Stream& stream, bool relaxed);
  int end_capture(Stream& stream, std::shared_ptr<Graph>& graph);
  /// True, and the capture spoilt, if a stream captures: for calls that cannot be part of a graph.
  bool spoils_capture();
  /// The work of a launch of the whole graph.
  Work work_of(std::shared_ptr<Graph const> graph);

 private:
  Queue();
  void count_overlapping_copies(OperationRef const& latest) const;
  void execute(OperationRef const& operation);
  void execute_until(OperationRef const& operation);
  void known(OperationRef const& operation);
  /// Everything it comes after, until the host has waited for it.
  static std::set<OperationRef> all_before(OperationRef const& operation);
  std::vector<OperationRef> ready() const;

  Stream default_stream_;
  std::map<void*, std::unique_ptr<Stream>> streams_;
  std::map<void*, std::unique_ptr<Event>> events_;
  std::vector<OperationRef> pending_;  ///< not executed
  std::set<OperationRef> unknown_;     ///< executed, but the host has not waited
  Random random_;
};

}  // namespace emulator
