// Execution of a launch: blocks in random order, several at a time.
#include "tests/emulator/execute/warp.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>

namespace emulator {
namespace {

/// More do not pay for small launches: each has a block of its own to set up.
constexpr u64 kMostThreads = 16;

std::vector<u64> random_order(u64 count, u64 seed) {
  std::vector<u64> order(count);
  std::iota(order.begin(), order.end(), u64(0));
  Random random(seed);
  for (u64 i = count; i > 1; --i) { std::swap(order[i - 1], order[random.below(i)]); }
  return order;
}

}  // namespace

void run_launch(Launch& launch) {
  u64 const count = launch.grid.count();
  std::vector<u64> const order = random_order(count, launch.seed);
  u64 wanted = settings().threads > 0 ? static_cast<u64>(settings().threads)
                                      : std::thread::hardware_concurrency();
  wanted = std::max<u64>(1, std::min({wanted, count, kMostThreads}));

  struct Worker {
    CounterTable counters;
    std::vector<Finding> findings;
    std::exception_ptr error;
  };
  std::vector<Worker> workers(wanted);
  std::atomic<u64> next{0};
  auto work = [&](Worker& worker) {
    try {
      Block block(launch);
      for (u64 i = next++; i < count; i = next++) {
        block.run(order[i]);
        // A launch that fails everywhere need not fail in a million blocks.
        if (block.findings.size() > 1000) { break; }
      }
      worker.counters = std::move(block.counters);
      worker.findings = std::move(block.findings);
    } catch (...) { worker.error = std::current_exception(); }
  };
  std::vector<std::thread> threads;
  for (u64 t = 1; t < wanted; ++t) { threads.emplace_back(work, std::ref(workers[t])); }
  work(workers[0]);
  for (std::thread& thread : threads) { thread.join(); }

  CounterTable counters(launch.kernel.code.size());
  std::vector<Finding> findings;
  for (Worker& worker : workers) {
    if (worker.error) { std::rethrow_exception(worker.error); }
    for (std::size_t i = 0; i < worker.counters.size(); ++i) {
      counters[i].add(worker.counters[i]);
    }
    for (Finding& finding : worker.findings) { findings.push_back(std::move(finding)); }
  }
  u64 read = 0, written = 0;
  launch.accesses.count_distinct(read, written);
  Counters::all().add_launch(launch.kernel, {std::move(counters), count, launch.block.count(),
                                             launch.dynamic_shared, read, written});
  Findings::all().add(std::move(findings));
}

}  // namespace emulator
