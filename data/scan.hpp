#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/jet_columns.hpp"

struct XXH3_state_s;

namespace jetcal::data {

/// What one pass over all jets finds out: how many train and how many are held out, block by block,
/// which are refused and why, and a digest of everything that was read.
class Scan {
 public:
  explicit Scan(std::int64_t blocks);
  ~Scan();
  Scan(Scan const&) = delete;
  Scan& operator=(Scan const&) = delete;

  /// Blocks come in order, each once.
  void add(JetColumns const& jets);

  /// Applies the policies of the recipe to what was refused.
  ///
  /// Errors    DataError: jets refused under the policy `error`, with their number, the first and
  ///           what is wrong with it; no jet left to train
  void check(JetColumnReader const& reader, ShardSet const& shards, DataConfig const& config) const;

  /// Lines for the user: what was dropped and why.
  std::vector<std::string> notes(JetColumnReader const& reader, ShardSet const& shards) const;

  std::vector<std::int64_t> const& training_rows() const { return training_rows_; }
  std::vector<std::int64_t> const& held_out_rows() const { return held_out_rows_; }
  std::int64_t count(JetStatus status) const { return counts_[static_cast<std::size_t>(status)]; }

  /// 16 hexadecimal digits.
  std::string digest() const;

 private:
  std::vector<std::int64_t> training_rows_;  // of each block
  std::vector<std::int64_t> held_out_rows_;
  std::array<std::int64_t, kJetStatuses> counts_{};
  std::array<std::int64_t, kJetStatuses> first_rows_{};
  XXH3_state_s* hash_;
};

}  // namespace jetcal::data
