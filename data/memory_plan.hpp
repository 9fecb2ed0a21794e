#pragma once

#include <cstdint>
#include <string>

#include "data/config.hpp"

namespace jetcal::data {

/// What decides how much memory a loader needs.
struct MemoryNeeds {
  std::int64_t rows = 0;           ///< of all shards
  std::int64_t largest_block = 0;  ///< rows that are read together at most
  std::int64_t features = 0;
  std::int64_t record_bytes = 0;  ///< of one jet in memory
  std::int64_t read_bytes = 0;    ///< of one thread that unpacks blocks
  std::int64_t largest_batch = 0;
};

/// How a loader keeps to its budget. Everything that enters the order of the jets (mode and window)
/// depends on the recipe and the shards only, not on the number of threads.
struct MemoryPlan {
  bool resident = false;
  std::int64_t window_rows = 0;  ///< streaming: two windows of so many rows at most
  int threads = 1;               ///< as many as asked for, if their scratch memory fits
  std::int64_t budget_bytes = 0;
  std::int64_t needed_bytes = 0;  ///< at most, with `threads` threads

  /// Resident: all jets, and at the same time either the scan or the batches under way. Streaming:
  /// at most half of the budget for two windows, the other half for unpacking and batches; the scan
  /// before.
  ///
  /// Errors    ConfigError if the mode asked for does not fit: what it needs, and what streaming
  ///           would
  static MemoryPlan make(LoaderConfig const& config, MemoryNeeds const& needs, int threads);
};

/// Memory of the batches of a pass: those that wait, the one being filled, the caller's.
std::int64_t batches_bytes(std::int64_t batch_size, std::int64_t features);

/// "1.5 GiB", "37 MiB".
std::string memory_text(std::int64_t bytes);

}  // namespace jetcal::data
