#include "train/resident_jets.hpp"

#include <algorithm>
#include <vector>

#include "data/memory_plan.hpp"
#include "train/held_out.hpp"
#include "train/step_plan.hpp"

namespace jetcal::train {

bool make_jets_resident(Recipe const& recipe, model::Network const& network,
                        data::Loader const& loader, std::int64_t beside, Execution& execution,
                        Listener& listener) {
  if (execution.device().kind == Device::Kind::cpu) { return false; }
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
  beside += loader.bins().count() * static_cast<std::int64_t>(sizeof(BinSums));
  if (recipe.validation_every > 0) {
    beside += response_bins(recipe, {loader.bins().count(), true, true}).bytes();
  }
  execution.reserve(passes, beside);
  std::string const where = "device " + execution.device().name() + ": ";
  if (!loader.resident()) {
    listener.note(where + "batches are copied to it (a streaming loader's)");
    return false;
  }
  RecordsView const jets = loader.records();
  bool const fits = execution.make_resident(jets, beside);
  std::string const size = data::memory_text(jets.rows * jets.form.bytes());
  listener.note(where + (fits ? "all " + std::to_string(jets.rows) + " jets in its memory, " + size
                              : "batches are copied to it (all jets would need " + size +
                                    " beside the working memory)"));
  return fits;
}

}  // namespace jetcal::train
