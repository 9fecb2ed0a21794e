#include "kernels/cuda_update.cuh"

#include <cstring>

#include "kernels/average.hpp"
#include "kernels/optimizers.cuh"

namespace jetcal::cuda {
namespace {

/// Where an update's constants are on the device, if they are a Step's.
template <class Step>
Step const* constants_if(UpdateArenas const& arenas, UpdateConstants const* constants) {
  bool const is = arenas.optimizer == OptimizerStep(Step()).index();
  return is ? reinterpret_cast<Step const*>(constants->step) : nullptr;
}

}  // namespace

UpdateConstants constants_of(Update const& update) {
  UpdateConstants constants;
  std::visit(
      [&](auto const& step) {
        static_assert(sizeof step <= sizeof constants.step);
        std::memcpy(constants.step, &step, sizeof step);
      },
      update.step);
  if (update.averages != nullptr) { constants.average_rate = average_rate(update.average_decay); }
  return constants;
}

UpdateArenas arenas_of(Update const& update) {
  std::size_t const n_states = optimizer_states(update.step).size();
  JETCAL_REQUIRE(update.states.size() == n_states, ShapeError,
                 "update: " << update.states.size() << " states (must be " << n_states << ")");
  UpdateArenas arenas{update.step.index(), update.parameters.data()};
  for (Buffer& state : update.states) { arenas.states.push_back(state.data()); }
  if (update.averages != nullptr) { arenas.averages = update.averages->data(); }
  return arenas;
}

void update(cudaStream_t stream, UpdateArenas const& arenas, UpdateConstants const* constants,
            Range const& range, float const* gradients, int const* refused) {
  auto const state = [&](std::size_t i) { return arenas.states[i] + range.begin; };
  float* const p = arenas.parameters + range.begin;
  float const* const g = gradients + range.begin;
  std::int64_t const n = range.end - range.begin;
  if (auto const* const radam = constants_if<RadamStep>(arenas, constants)) {
    radam_update(stream, p, state(0), state(1), g, n, radam, refused);
  } else if (auto const* const diffgrad = constants_if<DiffgradStep>(arenas, constants)) {
    diffgrad_update(stream, p, state(0), state(1), state(2), g, n, diffgrad, refused);
  } else if (auto const* const adam = constants_if<AdamStep>(arenas, constants)) {
    adam_update(stream, p, state(0), state(1), g, n, adam, refused);
  } else {
    sgd_update(stream, p, state(0), g, n, constants_if<SgdStep>(arenas, constants), refused);
  }
  if (arenas.averages != nullptr) {
    average_update(stream, arenas.averages + range.begin, p, n, &constants->average_rate, refused);
  }
}

}  // namespace jetcal::cuda
