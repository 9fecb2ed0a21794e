#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace jetcal::data {

/// Slots that for_each_ordered uses: how much memory it needs is the caller's business.
constexpr std::int64_t ordered_slots(int threads) { return threads > 1 ? threads + 2 : 1; }

/// produce(i, slot) for i = 0 .. n - 1 on `threads` threads, consume(i, slot) for each in order on
/// the calling thread: what consume does is the same for any number of threads.
///
/// Errors    the first exception of produce or consume, once all threads have stopped
template <class Slot, class Produce, class Consume>
void for_each_ordered(std::int64_t n, int threads, Produce produce, Consume consume) {
  std::vector<Slot> slots(static_cast<std::size_t>(ordered_slots(threads)));
  if (threads <= 1) {
    for (std::int64_t i = 0; i < n; ++i) {
      produce(i, slots[0]);
      consume(i, slots[0]);
    }
    return;
  }

  auto const n_slots = static_cast<std::int64_t>(slots.size());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::int64_t> produced(slots.size(), -1);  // the index that lies in each slot
  std::int64_t next = 0;
  std::int64_t consumed = 0;
  std::exception_ptr failure;

  auto const fail = [&] {
    std::lock_guard const lock(mutex);
    if (!failure) { failure = std::current_exception(); }
    changed.notify_all();
  };
  auto const work = [&] {
    try {
      for (;;) {
        std::unique_lock lock(mutex);
        if (next == n || failure) { return; }
        std::int64_t const i = next++;
        changed.wait(lock, [&] { return i < consumed + n_slots || failure; });
        if (failure) { return; }
        lock.unlock();
        auto const slot = static_cast<std::size_t>(i % n_slots);
        produce(i, slots[slot]);
        lock.lock();
        produced[slot] = i;
        changed.notify_all();
      }
    } catch (...) { fail(); }
  };

  std::vector<std::thread> workers;
  try {
    for (int t = 0; t < threads; ++t) { workers.emplace_back(work); }
    for (std::int64_t i = 0; i < n; ++i) {
      auto const slot = static_cast<std::size_t>(i % n_slots);
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return produced[slot] == i || failure; });
      if (failure) { break; }
      lock.unlock();
      consume(i, slots[slot]);
      lock.lock();
      consumed = i + 1;
      changed.notify_all();
    }
  } catch (...) { fail(); }
  for (std::thread& worker : workers) { worker.join(); }
  if (failure) { std::rethrow_exception(failure); }
}

/// work(i, thread) for i = 0 .. n - 1 on `threads` threads, in any order.
///
/// Errors    the first exception of work, once all threads have stopped
template <class Work>
void for_each_parallel(std::int64_t n, int threads, Work work) {
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  auto const run = [&](int thread) {
    try {
      for (std::int64_t i = next++; i < n; i = next++) { work(i, thread); }
    } catch (...) {
      std::lock_guard const lock(mutex);
      if (!failure) { failure = std::current_exception(); }
      next = n;
    }
  };
  std::vector<std::thread> workers;
  try {
    for (int t = 1; t < threads; ++t) { workers.emplace_back(run, t); }
  } catch (std::system_error const&) {}  // no more threads: those there are do the work
  run(0);
  for (std::thread& worker : workers) { worker.join(); }
  if (failure) { std::rethrow_exception(failure); }
}

}  // namespace jetcal::data
