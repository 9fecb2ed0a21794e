#include "engine/threads.hpp"

#include <sched.h>

#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/errors.hpp"

namespace jetcal {

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable start, done;
  std::vector<std::thread> threads;
  std::function<void(std::int64_t, int)> const* work = nullptr;
  std::int64_t tasks = 0;
  std::int64_t next = 0;
  std::uint64_t generation = 0;
  int busy = 0;
  bool stop = false;
  std::exception_ptr error;
  std::int64_t error_task = 0;

  // Takes tasks until none is left. The lock is held between tasks only.
  void take(std::unique_lock<std::mutex>& lock, int worker) {
    while (next < tasks) {
      std::int64_t const task = next++;
      auto const& call = *work;
      lock.unlock();
      std::exception_ptr caught;
      try {
        call(task, worker);
      } catch (...) { caught = std::current_exception(); }
      lock.lock();
      if (caught != nullptr && task < error_task) {
        error = caught;
        error_task = task;
        next = tasks;
      }
    }
  }

  void serve(int worker) {
    std::unique_lock lock(mutex);
    for (std::uint64_t seen = 0;;) {
      start.wait(lock, [&] { return stop || generation != seen; });
      if (stop) { return; }
      seen = generation;
      take(lock, worker);
      if (--busy == 0) { done.notify_one(); }
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  JETCAL_REQUIRE(threads >= 1, ConfigError,
                 "--threads: " << threads << " threads (must be at least 1)");
  for (int worker = 1; worker < threads; ++worker) {
    state_->threads.emplace_back([this, worker] { state_->serve(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard const lock(state_->mutex);
    state_->stop = true;
  }
  state_->start.notify_all();
  for (std::thread& thread : state_->threads) { thread.join(); }
}

int ThreadPool::size() const { return static_cast<int>(state_->threads.size()) + 1; }

void ThreadPool::run(std::int64_t tasks,
                     std::function<void(std::int64_t task, int worker)> const& work) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.work = &work;
  s.tasks = tasks;
  s.next = 0;
  s.error = nullptr;
  s.error_task = std::numeric_limits<std::int64_t>::max();
  if (tasks > 1 && !s.threads.empty()) {
    s.busy = static_cast<int>(s.threads.size());
    ++s.generation;
    s.start.notify_all();
  }
  s.take(lock, 0);
  s.done.wait(lock, [&] { return s.busy == 0; });
  s.work = nullptr;
  if (s.error != nullptr) { std::rethrow_exception(s.error); }
}

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) { return 1; }
  int const n = CPU_COUNT(&set);
  return n < 1 ? 1 : n;
}

}  // namespace jetcal
