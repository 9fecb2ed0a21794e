#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace jetcal {

/// A fixed team of worker threads that share out numbered tasks. Which thread takes which task is
/// left open, so a result may depend on a task's number but never on its worker.
class ThreadPool {
 public:
  /// `threads` >= 1 workers, the calling thread among them. Errors: ConfigError for fewer.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(ThreadPool const&) = delete;
  ThreadPool& operator=(ThreadPool const&) = delete;

  int size() const;

  /// Calls work(task, worker) for every task in 0 .. tasks-1, 0 <= worker < size(), and returns
  /// when all are done. An exception of a task is thrown here after the others have finished (the
  /// first by task number); tasks not yet started are then left out.
  void run(std::int64_t tasks, std::function<void(std::int64_t task, int worker)> const& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The processors this program may use (its affinity mask), at least 1.
int available_threads();

}  // namespace jetcal
