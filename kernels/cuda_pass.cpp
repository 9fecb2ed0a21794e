#include "kernels/cuda_pass.cuh"

#include <algorithm>

#include "kernels/cuda_backend.cuh"
#include "kernels/reduce.cuh"

namespace jetcal::cuda {

void PassQueue::enqueue(Pass const& pass, Tape const& tape, std::vector<Id> const& heads) {
  Slot& slot = memory_.slots[pass.slot];
  DeviceBatch const batch = slot.on_device(pass.shape);
  Results* const results = memory_.results();
  Lanes const lanes(pass.shape.rows, options_.lanes);
  bool const evaluates = pass.kind == Pass::Kind::evaluation;
  LaneArenas const arenas = evaluates ? LaneArenas{} : memory_.lane_arenas();
  auto const backend = backend_of(lanes, arenas);
  PassArguments arguments;
  arguments.rows = pass.shape.rows;
  arguments.inputs = {batch.features, batch.targets, batch.weights};
  arguments.parameters = pass.parameters;
  arguments.prepared = memory_.prepared.data();
  arguments.gradients = arenas.first;
  arguments.scalars = results->scales;
  Tape::Workspace work = memory_.workspace(pass.shape.rows);

  prepare(*backend, tape, pass.parameters);
  sum_rows(stream(), {{batch.weights.data}}, lanes, memory_.lane_sums(), results->totals);
  if (std::count(pass.divisors.begin(), pass.divisors.end(), Divisor::kept) > 0) {
    tape.forward(*backend, work, arguments);  // once more, to know what to divide by
    sum_heads(tape, work, heads, lanes);
  }
  for (std::size_t h = 0; h < pass.divisors.size(); ++h) {
    bool const kept = pass.divisors[h] == Divisor::kept;
    inverse_or_zero(stream(), results->totals + (kept ? 2 + 2 * h : 0), results->scales + h);
  }
  tape.forward(*backend, work, arguments);
  sum_heads(tape, work, heads, lanes);
  if (pass.binned) { bins_.add(stream(), tape, work, heads, batch); }
  if (pass.responses != kNoResponses) {
    responses_.count(stream(), pass.responses, tape, work, batch);
  }
  for (std::size_t h = 0; h < heads.size() && pass.kind == Pass::Kind::training; ++h) {
    Head const& head = std::get<Head>(tape[heads[h]].op);
    Mat const saved = tape.saved(heads[h], work, lanes.rows);
    slot.download_rows(h, head.row_loss(saved), lanes.rows, stream());
  }
  std::vector<Range> const ranges = trained_ranges(tape);
  if (!evaluates) {
    tape.backward(*backend, work, arguments);
    enqueue_gradient(ranges, arenas, lanes);
  }
  if (pass.kind == Pass::Kind::update) {
    refuse_non_finite(stream(), results->totals + 1, static_cast<int>(heads.size()), &results->norm,
                      &results->refused);
    for (Range const& range : ranges) {
      update(stream(), pass.update, batch.constants, range, arenas.first, &results->refused);
    }
  }
  slot.download(results, stream());
}

void PassQueue::prepare_prediction(Tape const& tape, float const* parameters) {
  prepare(*backend_of({1, 1}, {}), tape, parameters);
}

void PassQueue::enqueue_prediction(Slot& slot, BatchShape const& shape, Tape const& tape,
                                   float const* parameters, std::vector<Id> const& outputs) {
  PassArguments arguments;
  arguments.rows = shape.rows;
  arguments.inputs = {slot.on_device(shape).features};
  arguments.parameters = parameters;
  arguments.prepared = memory_.prepared.data();
  Tape::Workspace work = memory_.workspace(shape.rows);
  tape.forward(*backend_of({shape.rows, 1}, {}), work, arguments);
  std::vector<ConstMat> values;
  for (Id const id : outputs) { values.push_back(tape.value(id, work, shape.rows)); }
  slot.download(values, shape, stream(), downloads_.get());
}

std::unique_ptr<Backend> PassQueue::backend_of(Lanes const& lanes, LaneArenas const& arenas) const {
  return make_cuda_backend(options_.precision, stream(), lanes, arenas, chooser_.kernels());
}

void PassQueue::prepare(Backend const& backend, Tape const& tape, float const* parameters) {
  if (options_.precision != Precision::fp32) { require_stored(tape); }
  for (Id id = 0; id < tape.size(); ++id) {
    std::visit(
        [&](auto const& op) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
            backend.prepare(op, tape.layout(), parameters,
                            memory_.prepared.data() + tape[id].prepared_at);
          }
        },
        tape[id].op);
  }
}

void PassQueue::sum_heads(Tape const& tape, Tape::Workspace const& work,
                          std::vector<Id> const& heads, Lanes const& lanes) {
  RowArrays arrays;  // the batch's weight is known
  for (std::size_t h = 0; h < heads.size(); ++h) {
    Head const& head = std::get<Head>(tape[heads[h]].op);
    Mat const saved = tape.saved(heads[h], work, lanes.rows);
    arrays.of[1 + 2 * h] = head.row_loss(saved);
    arrays.of[2 + 2 * h] = head.row_kept(saved);
  }
  sum_rows(stream(), arrays, lanes, memory_.lane_sums(), memory_.results()->totals);
}

void PassQueue::enqueue_gradient(std::vector<Range> const& ranges, LaneArenas const& arenas,
                                 Lanes const& lanes) {
  NormResult* const norm = &memory_.results()->norm;
  clear_norm(stream(), norm);
  for (Range const& range : ranges) {
    sum_lanes(stream(), arenas, lanes.count, range.begin, range.end);
    add_squared_norm(stream(), arenas.first + range.begin, range.end - range.begin,
                     memory_.norm_parts(), norm);
  }
}

}  // namespace jetcal::cuda
