#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "data/batch_queue.hpp"
#include "data/jet_columns.hpp"
#include "data/records.hpp"
#include "data/window_order.hpp"
#include "engine/random.hpp"

namespace jetcal::data {

/// Jets that lie in memory.
class ResidentSource : public BatchSource {
 public:
  ResidentSource(Records const& records, RecordOrder const& order)
      : records_(records), order_(order) {}

  void fill(std::int64_t first, std::int64_t count, Batch& batch) override;

 private:
  Records const& records_;
  RecordOrder order_;
};

/// Jets of one side read window by window; while one window is handed out, the next is read.
class StreamingSource : public BatchSource {
 public:
  struct Context {
    JetColumnReader const* reader = nullptr;
    Normalisation const* normalisation = nullptr;
    RecordForm form;
    JetStatus side = JetStatus::training;
    std::vector<std::int64_t> const* rows_of_block = nullptr;  ///< of that side
    std::array<Records, 2>* windows = nullptr;  ///< memory, kept from one source to the next
    int threads = 1;
  };

  StreamingSource(Context const& context, WindowOrder order);
  ~StreamingSource() override;

  void fill(std::int64_t first, std::int64_t count, Batch& batch) override;
  void cancel() override { cancelled_ = true; }

 private:
  void advance_to(std::int64_t window);
  void load(std::int64_t window, Records& out);

  Context context_;
  WindowOrder order_;
  Records *current_, *next_;
  std::vector<JetColumns> scratch_;  // one a thread
  std::int64_t window_ = -1;
  RecordOrder in_window_;
  std::atomic<bool> cancelled_ = false;
  std::future<void> loading_;  // window_ + 1 into *next_
};

}  // namespace jetcal::data
