#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "data/batch.hpp"

namespace jetcal::data {

/// Something that has rows in an order.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  /// Rows first .. first + count - 1 of its order into rows 0 .. of the batch. Asked for in rising
  /// order, each once.
  virtual void fill(std::int64_t first, std::int64_t count, Batch& batch) = 0;

  /// Called from another thread: fill may stop early, its batch is thrown away.
  virtual void cancel() {}
};

/// A thread that fills batches ahead of their use.
class BatchQueue {
 public:
  static constexpr std::int64_t kBatches = 3;  ///< two that wait, one being filled

  /// Batches first_batch, first_batch + 1, ... of `batch_size` rows out of `rows`, the last one
  /// smaller.
  BatchQueue(std::unique_ptr<BatchSource> source, std::int64_t rows, std::int64_t n_features,
             std::int64_t batch_size, std::int64_t first_batch);
  ~BatchQueue();
  BatchQueue(BatchQueue const&) = delete;
  BatchQueue& operator=(BatchQueue const&) = delete;

  /// The next batch, in exchange for the memory of `batch`. False after the last.
  ///
  /// Errors    what the source threw, now and ever after
  bool next(Batch& batch);

 private:
  void run(std::int64_t rows, std::int64_t n_features, std::int64_t batch_size,
           std::int64_t first_batch);

  std::unique_ptr<BatchSource> source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Batch, kBatches> ring_;
  std::int64_t filled_ = 0;
  std::int64_t taken_ = 0;
  bool done_ = false;
  bool stop_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace jetcal::data
