#include "kernels/cuda_working_memory.cuh"

#include <algorithm>
#include <sstream>

#include "kernels/reduce.cuh"

namespace jetcal::cuda {
namespace {

std::int64_t bytes_of(std::int64_t floats) {
  return floats * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

WorkingMemory::WorkingMemory(Context& context, std::int64_t lanes, Precision precision)
    : context_(context),
      lanes_(lanes),
      precision_(precision),
      results_(context, Slot::kConstantFloats) {}

bool WorkingMemory::has_other_gradients(Tape const& tape) const {
  return tape.training() && gradients.size() != tape.layout().size();
}

bool WorkingMemory::has_room(Tape const& tape, BatchShape const& shape) {
  std::vector<Need> const all = needs(tape, shape, precision_);
  return !has_other_gradients(tape) &&
         std::none_of(all.begin(), all.end(), [](Need const& need) { return need.too_small(); });
}

std::vector<WorkingMemory::Need> WorkingMemory::needs(Tape const& tape, BatchShape const& shape,
                                                      Precision precision) {
  std::vector<Need> list = {
      {&workspace_, shape.rows * tape.floats_per_row(stored_bytes(precision))},
      {&prepared, tape.prepared_size()},
      {&lane_sums_, 2 * kMostRowArrays * lanes_},
  };
  for (Slot& slot : slots) { list.push_back({&slot.device, Slot::device_floats(shape)}); }
  if (tape.training()) {
    std::int64_t const floats = tape.layout().size();
    std::int64_t const parts = (floats + cpu::kNormChunk - 1) / cpu::kNormChunk;
    list.push_back({&gradients, floats});
    list.push_back({&other_lanes_, (Lanes(shape.rows, lanes_).count - 1) * floats});
    list.push_back({&norm_parts_, parts * std::int64_t{sizeof(NormResult) / sizeof(float)}});
  }
  return list;
}

void WorkingMemory::grow(Tape const& tape, BatchShape const& shape, std::int64_t beside) {
  if (has_other_gradients(tape)) {
    gradients = Buffer();
    other_lanes_ = Buffer();
  }
  require_memory(tape, shape, beside);
  std::vector<Need> all = needs(tape, shape, precision_);
  all.erase(
      std::remove_if(all.begin(), all.end(), [](Need const& need) { return !need.too_small(); }),
      all.end());
  for (Need const& need : all) { *need.buffer = Buffer(); }
  for (Need const& need : all) { *need.buffer = Buffer(context_, need.floats); }
  context_.synchronize();  // their zeros are written on its stream, batches on another one
}

std::int64_t WorkingMemory::bytes_for(Tape const& tape, BatchShape const& shape,
                                      Precision precision) {
  std::int64_t more = 0;
  for (Need const& need : needs(tape, shape, precision)) {
    more += std::max<std::int64_t>(0, need.floats - need.buffer->size());
  }
  return bytes() + bytes_of(more);
}

void WorkingMemory::require_memory(Tape const& tape, BatchShape const& shape, std::int64_t beside) {
  std::int64_t const free = std::max<std::int64_t>(0, context_.free_bytes() + bytes() - beside);
  std::int64_t const needed = bytes_for(tape, shape, precision_);
  if (needed <= free) { return; }
  std::ostringstream text;
  text << "device " << context_.device().name() << ": a batch of " << shape.rows << " jets needs "
       << (needed >> 20) << " MiB of working memory in " << name(precision_) << " (" << (free >> 20)
       << " MiB are free). Use a batch of at most " << most_rows(tape, shape, precision_, free)
       << " jets";
  if (precision_ != Precision::bf16) {
    text << " (" << most_rows(tape, shape, Precision::bf16, free) << " with --precision bf16)";
  }
  throw DeviceError(text.str() + ", fewer lanes, or --device cpu");
}

std::int64_t WorkingMemory::rows_that_fit(Tape const& tape, BatchShape const& shape) {
  if (has_room(tape, shape)) { return shape.rows; }
  std::int64_t const free = context_.free_bytes() + bytes();
  return std::min(shape.rows, most_rows(tape, shape, precision_, free));
}

std::int64_t WorkingMemory::most_rows(Tape const& tape, BatchShape shape, Precision precision,
                                      std::int64_t bytes) {
  std::int64_t fit = 0, do_not = shape.rows * 4;
  while (fit + 1 < do_not) {
    shape.rows = (fit + do_not) / 2;
    (bytes_for(tape, shape, precision) <= bytes ? fit : do_not) = shape.rows;
  }
  return fit;
}

std::int64_t WorkingMemory::bytes() const {
  std::int64_t floats = 0;
  for (Buffer const* const b :
       {&workspace_, &prepared, &gradients, &other_lanes_, &lane_sums_, &norm_parts_, &results_}) {
    floats += b->size();
  }
  for (Slot const& slot : slots) { floats += slot.device.size(); }
  return bytes_of(floats);
}

}  // namespace jetcal::cuda
