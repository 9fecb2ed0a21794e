#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/bins.hpp"
#include "data/features.hpp"
#include "data/setup.hpp"
#include "data/shard_set.hpp"

namespace jetcal::data {

/// What becomes of a jet. Of several reasons to refuse one, the last of these counts.
enum class JetStatus : std::uint8_t {
  training,
  held_out,
  bad_response,  ///< r <= 0
  bad_weight,    ///< negative or not finite
  bad_target,    ///< r is not finite
  bad_feature    ///< not finite
};
inline constexpr std::size_t kJetStatuses = 6;

/// The jets of one block as columns, in the order of the file, features before the affine
/// normalisation.
struct JetColumns {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::vector<std::vector<float>> features;     ///< one column a feature
  std::array<std::vector<float>, 2> responses;  ///< r_E, r_m; 1 without such a target
  std::vector<float> weights;                   ///< 1 without such a field
  std::vector<std::int32_t> bins;
  std::vector<JetStatus> status;

  RawRows raw;  ///< scratch from here on
  std::array<std::vector<double>, 3> values;
  std::vector<std::int64_t> groups;
};

/// The rows of one status, in order.
std::vector<std::int32_t> rows_with(JetColumns const& jets, JetStatus status);

/// Reads blocks of a shard set as jets. One object serves several threads, each with its own
/// JetColumns.
class JetColumnReader {
 public:
  /// Errors    ConfigError: features, targets or bins that make no sense; DataError: a field that
  /// is
  ///           missing, has no unit or one that does not convert, a group field that is no integer
  JetColumnReader(ShardSet const& shards, LoaderSetup const& setup);

  /// Reads block `i`. Errors: those of ShardSet::read
  void read(std::int64_t i, JetColumns& out) const;

  std::size_t n_features() const { return maps_.size(); }
  bool has_weights() const { return weight_.has_value(); }
  FeatureMap const& feature(std::size_t f) const { return maps_[f]; }
  BinGrid const& bins() const { return grid_; }
  std::string where(std::int64_t row) const { return shards_.where(row); }

  /// Why a jet is refused: "feature 'D2', log(D2), is -inf for D2 = 0". Reads its block again.
  std::string fault(std::int64_t row) const;

  /// Bytes that a thread needs at most for one read().
  std::int64_t read_bytes() const;

 private:
  struct Target {
    std::string reco, truth;
    UnitFactor truth_to_reco;
  };
  struct BinAxis {
    std::string field;
    UnitFactor factor;
  };

  void read_values(std::int64_t shard, std::string const& field, JetColumns& out,
                   std::size_t which) const;
  void read_targets(std::int64_t shard, JetColumns& out) const;
  void read_bins(std::int64_t shard, JetColumns& out) const;
  void set_status(std::int64_t shard, JetColumns& out) const;

  ShardSet const& shards_;
  SplitRule split_;
  std::vector<FeatureMap> maps_;
  std::array<std::optional<Target>, 2> targets_;
  std::optional<std::string> weight_;
  BinGrid grid_;
  std::array<std::optional<BinAxis>, 3> axes_;
};

}  // namespace jetcal::data
