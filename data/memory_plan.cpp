#include "data/memory_plan.hpp"

#include <algorithm>
#include <cstdio>

#include "data/batch.hpp"
#include "data/batch_queue.hpp"
#include "data/parallel.hpp"
#include "data/quantiles.hpp"
#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
// A window beyond this mixes no better: 512 chunks of 8,192 rows are drawn from the whole set.
constexpr std::int64_t kMostWindowRows = std::int64_t{1} << 22;
constexpr std::int64_t kFewestWindowBlocks = 4;

/// The budget in MiB that so many bytes need.
std::int64_t mib(std::int64_t bytes) { return (bytes + kMiB - 1) / kMiB; }

}  // namespace

std::int64_t batches_bytes(std::int64_t batch_size, std::int64_t features) {
  return (BatchQueue::kBatches + 1) * Batch::bytes(batch_size, features);
}

MemoryPlan MemoryPlan::make(LoaderConfig const& config, MemoryNeeds const& needs, int threads) {
  JETCAL_REQUIRE(config.memory_mib > 0 && config.memory_mib <= (std::int64_t{1} << 40), ConfigError,
                 "loader.memory_mib: is " << config.memory_mib << " (must be above 0)");
  MemoryPlan plan;
  plan.budget_bytes = config.memory_mib * kMiB;
  std::int64_t const batches =
      batches_bytes(std::min(needs.largest_batch, needs.rows), needs.features);
  std::int64_t const quantiles = QuantileFinder::bytes(static_cast<std::size_t>(needs.features));
  std::int64_t const one_reader = needs.read_bytes;

  std::int64_t const resident =
      needs.rows * needs.record_bytes + std::max(one_reader + quantiles, batches);
  std::int64_t const smallest_window =
      std::min(kFewestWindowBlocks * needs.largest_block, needs.rows);
  std::int64_t const streaming = std::max({4 * smallest_window * needs.record_bytes,
                                           2 * (one_reader + batches), one_reader + quantiles});
  bool const resident_fits = resident <= plan.budget_bytes;
  bool const streaming_fits = streaming <= plan.budget_bytes;
  JETCAL_REQUIRE(config.mode != LoaderMode::resident || resident_fits, ConfigError,
                 "loader.memory_mib: is "
                     << config.memory_mib << " but " << needs.rows << " jets in memory need "
                     << mib(resident) << ". Raise it, or set loader.mode to \"streaming\", which "
                     << "needs " << mib(streaming));
  plan.resident = config.mode == LoaderMode::resident ||
                  (config.mode == LoaderMode::automatic && resident_fits);
  JETCAL_REQUIRE(plan.resident || streaming_fits, ConfigError,
                 "loader.memory_mib: is "
                     << config.memory_mib << " but streaming needs " << mib(streaming)
                     << " (all jets in memory: " << mib(resident) << "). Raise it");

  // More threads than one only where their scratch memory fits beside the rest.
  auto const scan_bytes = [&](int t) { return ordered_slots(t) * one_reader + quantiles; };
  auto const total = [&](int t) {
    if (plan.resident) {
      return needs.rows * needs.record_bytes + std::max(scan_bytes(t), batches);
    }
    return std::max(scan_bytes(t),
                    2 * plan.window_rows * needs.record_bytes + t * one_reader + batches);
  };
  if (!plan.resident) {
    plan.window_rows = std::min({plan.budget_bytes / 4 / needs.record_bytes, kMostWindowRows,
                                 std::max<std::int64_t>(needs.rows, 1)});
    plan.window_rows = std::max({plan.window_rows, smallest_window});
  }
  plan.threads = std::max(threads, 1);
  while (plan.threads > 1 && total(plan.threads) > plan.budget_bytes) { --plan.threads; }
  plan.needed_bytes = total(plan.threads);
  return plan;
}

std::string memory_text(std::int64_t bytes) {
  char text[32];
  if (bytes >= 1024 * kMiB) {
    std::snprintf(text, sizeof text, "%.1f GiB",
                  static_cast<double>(bytes) / static_cast<double>(1024 * kMiB));
  } else {
    std::snprintf(text, sizeof text, "%lld MiB", static_cast<long long>(mib(bytes)));
  }
  return text;
}

}  // namespace jetcal::data
