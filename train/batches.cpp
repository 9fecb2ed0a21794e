#include "train/batches.hpp"

#include <algorithm>

#include "train/run_setup.hpp"

namespace jetcal::train {

void Batches::start_epoch(std::int64_t step, std::int64_t epoch, std::int64_t batch_size,
                          std::int64_t first_batch) {
  validation_ = false;
  if (resident_) {
    start_order(loader_.training_order(step, epoch), batch_size, first_batch);
  } else {
    loader_.start_epoch(step, epoch, batch_size, first_batch);
  }
}

void Batches::start_validation(std::int64_t batch_size) {
  validation_ = true;
  if (resident_) {
    start_order(loader_.held_out_order(), batch_size, 0);
  } else {
    loader_.start_validation(batch_size);
  }
}

void Batches::start_order(RecordOrder const& order, std::int64_t batch_size,
                          std::int64_t first_batch) {
  order_ = order;
  batch_size_ = batch_size;
  position_ = first_batch * batch_size;
}

std::optional<JetBatch> Batches::next() {
  Entry& entry = at(in_flight_);
  if (resident_) {
    std::int64_t const rows = std::min(batch_size_, order_.rows - position_);
    if (rows <= 0) { return std::nullopt; }
    entry.resident = {order_, position_, rows};
    position_ += rows;
    return entry.resident;
  }
  bool const found = validation_ ? loader_.next_validation(entry.host) : loader_.next(entry.host);
  if (!found) { return std::nullopt; }
  return host_batch(entry.host, loader_.n_features());
}

std::int64_t Batches::finish() {
  Entry const& entry = at(0);
  ++oldest_;
  --in_flight_;
  return resident_ ? entry.resident.rows : entry.host.rows;
}

JetBatch Batches::finished() const {
  if (resident_) { return last().resident; }
  return host_batch(last().host, loader_.n_features());
}

std::string Batches::where(std::int64_t row) const {
  if (!resident_) { return loader_.where(last().host.row_numbers[static_cast<std::size_t>(row)]); }
  std::int64_t const record = last().resident.order.place(last().resident.first + row);
  return loader_.where(loader_.row_number(record));
}

}  // namespace jetcal::train
