#include "data/batch_queue.hpp"

#include <algorithm>
#include <utility>

namespace jetcal::data {

BatchQueue::BatchQueue(std::unique_ptr<BatchSource> source, std::int64_t rows,
                       std::int64_t n_features, std::int64_t batch_size, std::int64_t first_batch)
    : source_(std::move(source)),
      thread_([=, this] { run(rows, n_features, batch_size, first_batch); }) {}

BatchQueue::~BatchQueue() {
  {
    std::lock_guard const lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  source_->cancel();
  thread_.join();
}

void BatchQueue::run(std::int64_t rows, std::int64_t n_features, std::int64_t batch_size,
                     std::int64_t first_batch) {
  try {
    for (std::int64_t first = first_batch * batch_size; first < rows; first += batch_size) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return filled_ - taken_ < kBatches || stop_; });
      if (stop_) { return; }
      Batch& batch = ring_[static_cast<std::size_t>(filled_ % kBatches)];
      lock.unlock();
      std::int64_t const count = std::min(batch_size, rows - first);
      batch.resize(count, n_features);
      source_->fill(first, count, batch);
      lock.lock();
      ++filled_;
      changed_.notify_all();
    }
  } catch (...) {
    std::lock_guard const lock(mutex_);
    failure_ = std::current_exception();
  }
  std::lock_guard const lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

bool BatchQueue::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return taken_ < filled_ || done_; });
  if (taken_ < filled_) {
    std::swap(batch, ring_[static_cast<std::size_t>(taken_ % kBatches)]);
    ++taken_;
    changed_.notify_all();
    return true;
  }
  if (failure_) { std::rethrow_exception(failure_); }
  return false;
}

}  // namespace jetcal::data
