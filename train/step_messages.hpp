#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/batches.hpp"
#include "train/metrics.hpp"
#include "train/run_files.hpp"
#include "train/step_plan.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// The head of a step's h-th loss: 0 energy, 1 mass.
int head_of(StepConfig const& step, std::size_t h);
char const* head_name(int head);

/// "step 2 'mdna', epoch 3, batch 14": where a run stands.
std::string place_text(StepConfig const& step, Position const& position);

/// Which losses of the batch that was finished last, of which jets, or how much of its gradient are
/// not finite. `result` has the rows.
std::string non_finite_text(PassResult const& result, StepConfig const& step,
                            Batches const& batches);

/// That a head keeps a share of its jets on which the guard ends a step.
std::string collapse_text(int head, double share, StepPlan const& plan,
                          CollapseConfig const& config);

/// A warning for each head that keeps too few jets in some bins; empty if there are none.
std::vector<std::string> starved_warnings(EpochSums const& sums, StepPlan const& plan,
                                          Position const& position, data::BinGrid const& bins);

/// What the listener is told after an update, times aside.
Progress progress_of(PassResult const& result, StepPlan const& plan, Position const& position,
                     std::int64_t steps);

}  // namespace jetcal::train
