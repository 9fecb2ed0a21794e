#include "kernels/cuda_working_memory.cuh"

#include <algorithm>

#include "kernels/reduce.cuh"

namespace jetcal::cuda {
namespace {

std::int64_t bytes_of(std::int64_t floats) {
  return floats * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

WorkingMemory::WorkingMemory(Context& context, std::int64_t lanes)
    : context_(context), lanes_(lanes), results_(context, Slot::kConstantFloats) {}

bool WorkingMemory::has_other_gradients(Tape const& tape) const {
  return tape.training() && gradients.size() != tape.layout().size();
}

bool WorkingMemory::has_room(Tape const& tape, BatchShape const& shape) {
  std::vector<Need> const all = needs(tape, shape);
  return !has_other_gradients(tape) && std::none_of(all.begin(), all.end(), [&](Need const& need) {
    return need.too_small(shape.rows);
  });
}

std::vector<WorkingMemory::Need> WorkingMemory::needs(Tape const& tape, BatchShape const& shape) {
  std::vector<Need> list = {
      {&workspace, 0, tape.floats_per_row()},
      {&prepared, tape.prepared_size(), 0},
      {&lane_sums_, 2 * kMostRowArrays * lanes_, 0},
  };
  for (Slot& slot : slots) {
    list.push_back({&slot.device, Slot::kConstantFloats, shape.floats_per_row()});
  }
  if (tape.training()) {
    std::int64_t const floats = tape.layout().size();
    std::int64_t const parts = (floats + cpu::kNormChunk - 1) / cpu::kNormChunk;
    list.push_back({&gradients, floats, 0});
    list.push_back({&other_lanes_, (Lanes(shape.rows, lanes_).count - 1) * floats, 0});
    list.push_back({&norm_parts_, parts * std::int64_t{sizeof(NormResult) / sizeof(float)}, 0});
  }
  return list;
}

void WorkingMemory::grow(Tape const& tape, BatchShape const& shape) {
  if (has_other_gradients(tape)) {
    gradients = Buffer();
    other_lanes_ = Buffer();
  }
  std::vector<Need> all = needs(tape, shape);
  require_memory(all, shape.rows);
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&](Need const& need) { return !need.too_small(shape.rows); }),
            all.end());
  for (Need const& need : all) { *need.buffer = Buffer(); }
  for (Need const& need : all) { *need.buffer = Buffer(context_, need.floats(shape.rows)); }
  context_.synchronize();  // their zeros are written on its stream, batches on another one
}

void WorkingMemory::require_memory(std::vector<Need> const& all, std::int64_t rows) const {
  std::int64_t needed = 0, had = 0, fixed = 0, per_row = 0;
  for (Need const& need : all) {
    needed += bytes_of(std::max(need.floats(rows), need.buffer->size()));
    had += bytes_of(need.buffer->size());
    fixed += bytes_of(need.fixed);
    per_row += bytes_of(need.per_row);
  }
  std::int64_t const free = context_.free_bytes() + had;
  std::int64_t const fits = std::max<std::int64_t>(0, (free - fixed) / per_row);
  JETCAL_REQUIRE(needed <= free, DeviceError,
                 "device " << context_.device().name() << ": a batch of " << rows << " jets needs "
                           << (needed >> 20) << " MiB of working memory (" << (free >> 20)
                           << " MiB are free). Use a batch of at most " << fits
                           << " jets, fewer lanes, or --device cpu");
}

std::int64_t WorkingMemory::bytes() const {
  std::int64_t floats = 0;
  for (Buffer const* const b :
       {&workspace, &prepared, &gradients, &other_lanes_, &lane_sums_, &norm_parts_, &results_}) {
    floats += b->size();
  }
  for (Slot const& slot : slots) { floats += slot.device.size(); }
  return bytes_of(floats);
}

}  // namespace jetcal::cuda
