#include "data/scan.hpp"

#include <xxhash.h>

#include <cstdio>
#include <sstream>

namespace jetcal::data {
namespace {

struct Refusal {
  JetStatus status;
  char const* what;
  char const* must;
  char const* policy_key;
};

constexpr Refusal kRefusals[] = {
    {JetStatus::bad_feature, "a feature that is not finite", "features must be finite",
     "data.non_finite"},
    {JetStatus::bad_target, "a target that is not finite", "targets must be finite",
     "data.non_finite"},
    {JetStatus::bad_weight, "a weight that is negative or not finite", "weights must be at least 0",
     "data.non_finite"},
    {JetStatus::bad_response, "a response reco / truth that is not above 0",
     "responses must be above 0", "data.non_positive_response"},
};

template <class T>
void hash_column(XXH3_state_t* hash, std::vector<T> const& column) {
  XXH3_64bits_update(hash, column.data(), column.size() * sizeof(T));
}

}  // namespace

Scan::Scan(std::int64_t blocks) : hash_(XXH3_createState()) {
  XXH3_64bits_reset(hash_);
  training_rows_.reserve(static_cast<std::size_t>(blocks));
  held_out_rows_.reserve(static_cast<std::size_t>(blocks));
}

Scan::~Scan() { XXH3_freeState(hash_); }

void Scan::add(JetColumns const& jets) {
  std::array<std::int64_t, kJetStatuses> counts{};
  for (std::size_t r = 0; r < jets.status.size(); ++r) {
    auto const status = static_cast<std::size_t>(jets.status[r]);
    if (counts_[status] + counts[status] == 0) {
      first_rows_[status] = jets.first_row + static_cast<std::int64_t>(r);
    }
    ++counts[status];
  }
  for (std::size_t s = 0; s < kJetStatuses; ++s) { counts_[s] += counts[s]; }
  training_rows_.push_back(counts[static_cast<std::size_t>(JetStatus::training)]);
  held_out_rows_.push_back(counts[static_cast<std::size_t>(JetStatus::held_out)]);

  for (auto const& column : jets.features) { hash_column(hash_, column); }
  for (auto const& column : jets.responses) { hash_column(hash_, column); }
  hash_column(hash_, jets.weights);
  hash_column(hash_, jets.bins);
  hash_column(hash_, jets.status);
}

void Scan::check(JetColumnReader const& reader, ShardSet const& shards,
                 DataConfig const& config) const {
  for (Refusal const& refusal : kRefusals) {
    auto const policy = refusal.status == JetStatus::bad_response ? config.non_positive_response
                                                                  : config.non_finite;
    if (policy == NonFinitePolicy::drop || count(refusal.status) == 0) { continue; }
    std::int64_t const first = first_rows_[static_cast<std::size_t>(refusal.status)];
    throw DataError(shards.where(first) + ": " + reader.fault(first) + " (" + refusal.must + "; " +
                    std::to_string(count(refusal.status)) + " of " + std::to_string(shards.rows()) +
                    " jets have " + refusal.what + "). Mend the shards, or set " +
                    refusal.policy_key + " to \"drop\"");
  }
  JETCAL_REQUIRE(count(JetStatus::training) > 0, DataError,
                 "data.train: none of " << shards.rows() << " jets is left to train ("
                                        << count(JetStatus::held_out)
                                        << " are held out, the rest refused)");
}

std::vector<std::string> Scan::notes(JetColumnReader const& reader, ShardSet const& shards) const {
  std::vector<std::string> lines;
  for (Refusal const& refusal : kRefusals) {
    if (count(refusal.status) == 0) { continue; }
    std::int64_t const first = first_rows_[static_cast<std::size_t>(refusal.status)];
    lines.push_back("dropped " + std::to_string(count(refusal.status)) + " of " +
                    std::to_string(shards.rows()) + " jets, which have " + refusal.what +
                    "; the first is " + shards.where(first) + ": " + reader.fault(first));
  }
  return lines;
}

std::string Scan::digest() const {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(hash_)));
  return digits;
}

}  // namespace jetcal::data
