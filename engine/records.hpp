#pragma once

#include <cstdint>

#include "engine/host_device.hpp"
#include "engine/random.hpp"

namespace jetcal {

/// A jet as consecutive 32-bit words, so that one drawn at random lies in a few cache lines (or
/// sectors of a device's memory): features, two targets, the weight if there is one, the bin.
struct RecordForm {
  std::int64_t features = 0;
  bool weighted = false;

  JETCAL_HOST_DEVICE std::int64_t target_at() const { return features; }
  JETCAL_HOST_DEVICE std::int64_t weight_at() const { return features + 2; }
  JETCAL_HOST_DEVICE std::int64_t bin_at() const { return features + (weighted ? 3 : 2); }
  JETCAL_HOST_DEVICE std::int64_t words() const { return bin_at() + 1; }
  std::int64_t bytes() const { return 4 * words(); }

  bool operator==(RecordForm const&) const = default;
};

/// Records in the host's memory, one every `stride` words.
struct RecordsView {
  RecordForm form;
  std::uint32_t const* words = nullptr;
  std::int64_t rows = 0;
  std::int64_t stride = 0;
};

/// In which order `rows` records come that lie from `origin` on: permuted, or as they lie where the
/// permutation is one of nothing.
struct RecordOrder {
  std::int64_t origin = 0;
  std::int64_t rows = 0;
  Permutation permutation;

  JETCAL_HOST_DEVICE bool permuted() const { return permutation.size() > 0; }

  /// The record at a position, 0 <= position < rows.
  JETCAL_HOST_DEVICE std::int64_t place(std::int64_t position) const {
    auto const p = static_cast<std::uint64_t>(position);
    return origin + static_cast<std::int64_t>(permuted() ? permutation(p) : p);
  }
};

}  // namespace jetcal
