#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.hpp"
#include "data/bins.hpp"
#include "data/config.hpp"
#include "data/setup.hpp"
#include "engine/records.hpp"

namespace jetcal::data {

/// Hands out the jets of a training, batch by batch.
///
/// Training jets come in an order that is a pure function of the recipe and (seed, step, epoch):
/// resident, a keyed permutation of all of them; streaming, a keyed permutation of the blocks and
/// one of the rows inside windows of several blocks. Any batch can be the first. Held-out jets come
/// in the order of the files. Threads do not enter.
///
/// One thread uses an object at a time.
class Loader {
 public:
  /// Opens the shards and reads every jet once to check and count it; without a known normalisation
  /// computes one from the training jets (a second pass when streaming).
  ///
  /// Errors    DataError, ConfigError: see ShardSet, JetColumnReader, MemoryPlan, Scan, and
  ///           require_matching for a known normalisation
  Loader(LoaderSetup const& setup, std::optional<Normalisation> known);
  ~Loader();
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  std::int64_t training_rows() const;
  std::int64_t validation_rows() const;
  std::int64_t n_features() const;
  bool resident() const;
  Normalisation const& normalisation() const;
  /// The unit the network sees each feature in: the recipe's, or else the file's.
  std::vector<std::string> feature_units() const;
  BinGrid const& bins() const;

  /// Lines for the user: what was opened, which mode and how much memory, what was dropped and why.
  std::vector<std::string> notes() const;

  /// "dijets_03.h5 row 123" for a number of Batch::row_numbers.
  std::string where(std::int64_t row_number) const;

  /// The shards' names, sizes and rows, for the record of a run.
  struct ShardInfo {
    std::string path;
    std::int64_t bytes = 0;
    std::int64_t rows = 0;
  };
  std::vector<ShardInfo> shards() const;

  /// 32 hexadecimal digits of the shards' form and of every value read: other data, other digits.
  std::string digest() const;

  /// The jets in memory, for a device that gathers batches itself: records 0 .. training_rows() - 1
  /// are the training jets, the held-out ones follow, both in the order of the files.
  ///
  /// Errors    Error unless resident()
  RecordsView records() const;

  /// In which order the batches of an epoch, and those of the held-out jets, take these records.
  RecordOrder training_order(std::int64_t step, std::int64_t epoch) const;
  RecordOrder held_out_order() const;

  /// Batch::row_numbers of a record. Errors: Error unless resident()
  std::int64_t row_number(std::int64_t record) const;

  /// Batches of an epoch, the last partial one included.
  std::int64_t training_batches(std::int64_t batch_size) const;

  /// Starts an epoch at its batch `first_batch` and ends whatever was under way.
  ///
  /// Errors    ConfigError: a batch size below 1 or beyond the memory budget, a first batch beyond
  ///           the last
  void start_epoch(std::int64_t step, std::int64_t epoch, std::int64_t batch_size,
                   std::int64_t first_batch);

  /// The next batch of the epoch, prepared by a thread of the loader's own; `batch`'s old memory is
  /// used again. False after the last.
  ///
  /// Errors    DataError for a shard that cannot be read; Error without start_epoch
  bool next(Batch& batch);

  /// The same for the held-out jets.
  void start_validation(std::int64_t batch_size);
  bool next_validation(Batch& batch);

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace jetcal::data
