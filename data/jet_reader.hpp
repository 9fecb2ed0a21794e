#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/config.hpp"
#include "data/features.hpp"
#include "data/shard_set.hpp"
#include "data/split.hpp"

namespace jetcal::data {

/// What one network sees of a jet.
struct NetworkInput {
  std::vector<FeatureConfig> features;
  Normalisation normalisation;  ///< of the features
};

/// What a program wants of jets that are not trained on.
struct JetReaderSetup {
  std::vector<std::string> files;            ///< paths or globs
  std::map<std::string, std::string> units;  ///< as DataConfig::units
  std::string where = "shards";              ///< who named the files, for messages
  std::vector<NetworkInput> inputs;          ///< of each network that is asked
  std::vector<std::string> columns;          ///< further fields, as numbers in the file's units
  bool rows = false;                         ///< the bytes of the rows too
  Side side = Side::all;
  SplitRule split;
};

/// The features of one network's input, for some jets.
struct NetworkRows {
  std::vector<float> features;       ///< [rows, padded(n_features)], normalised; 0 where not finite
  std::vector<std::uint8_t> finite;  ///< [rows], 1 if all features are finite
  std::int64_t n_features = 0;
};

/// Consecutive jets of one side.
struct JetBlock {
  std::int64_t rows = 0;
  std::vector<NetworkRows> inputs;           ///< one a network, in the setup's order
  std::vector<std::vector<double>> columns;  ///< [n_columns][rows]
  std::vector<std::uint8_t> row_bytes;       ///< [rows * shards().form().row_bytes] if asked for
  std::vector<std::int64_t> row_numbers;     ///< [rows], over the sorted files

  RawRows raw;  ///< scratch from here on
  std::vector<double> values;
  std::vector<float> transformed;
  std::vector<std::int64_t> groups;
  std::vector<std::int32_t> chosen;
};

/// Reads jets in the order of the files, in blocks of the files' chunks. read() may be called from
/// several threads at once, each with its own JetBlock.
class JetReader {
 public:
  /// Errors    DataError: as for ShardSet; a field that is missing, no number or without a unit;
  ///           ConfigError: a normalisation for other features, a side of a split that holds out
  ///           nothing
  explicit JetReader(JetReaderSetup const& setup);

  /// The same for shards that are open already.
  JetReader(JetReaderSetup const& setup, ShardSet shards);

  ShardSet const& shards() const { return shards_; }

  /// Blocks there are. Blocks may turn out empty when a side is asked for.
  std::int64_t blocks() const { return static_cast<std::int64_t>(shards_.blocks().size()); }

  /// Reads block `i`. Errors: those of ShardSet::read; DataError where rows are asked for and the
  /// block's shard orders its fields otherwise than the first
  void read(std::int64_t i, JetBlock& out) const;

  /// Reads all blocks on `threads` threads; `consume` gets those with jets, in order, on the
  /// calling thread. Errors: those of read() and of consume
  void for_each_block(int threads, std::function<void(JetBlock const&)> const& consume) const;

 private:
  void choose(std::int64_t i, JetBlock& out) const;
  void read_features(Shard const& shard, std::size_t network, JetBlock& out) const;

  JetReaderSetup setup_;
  ShardSet shards_;
  std::vector<std::vector<FeatureMap>> maps_;  // of each network
};

}  // namespace jetcal::data
