#include "train/resident_jets.hpp"

#include <algorithm>
#include <vector>

#include "data/memory_plan.hpp"
#include "train/held_out.hpp"
#include "train/step_plan.hpp"

namespace jetcal::train {
namespace {

// Parameters, their average and three optimizer states, and a step's start to go back to.
constexpr std::int64_t kArenas = 9;
// What a card's driver, graphs and libraries take as they go.
constexpr std::int64_t kDriverBytes = std::int64_t{256} << 20;

}  // namespace

bool make_jets_resident(Recipe const& recipe, model::Network const& network,
                        data::Loader const& loader, Execution& execution, Listener& listener) {
  if (execution.device().kind == Device::Kind::cpu) { return false; }
  std::string const where = "device " + execution.device().name() + ": ";
  if (!loader.resident()) {
    listener.note(where + "batches are copied to it (a streaming loader's)");
    return false;
  }
  std::vector<StepPlan> plans;
  for (std::size_t step = 0; step < recipe.schedule.size(); ++step) {
    plans.push_back(step_plan(recipe, static_cast<std::int64_t>(step), network, loader));
  }
  std::vector<PlannedPass> passes;
  for (StepPlan const& plan : plans) {
    std::int64_t const rows = std::min(plan.config->batch_size, loader.training_rows());
    passes.push_back({plan.training->tape, rows});
    std::int64_t const held_out = std::min(kHeldOutBatch, loader.validation_rows());
    passes.push_back({plan.evaluation->tape, held_out});
  }
  RecordsView const jets = loader.records();
  auto const arena_bytes = network.layout().size() * static_cast<std::int64_t>(sizeof(float));
  bool const fits = execution.make_resident(jets, passes, kArenas * arena_bytes + kDriverBytes);
  std::string const size = data::memory_text(jets.rows * jets.form.bytes());
  listener.note(where + (fits ? "all " + std::to_string(jets.rows) + " jets in its memory, " + size
                              : "batches are copied to it (all jets would need " + size +
                                    " beside the working memory)"));
  return fits;
}

}  // namespace jetcal::train
