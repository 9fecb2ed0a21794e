#include "train/collapse_guard.hpp"

#include "kernels/loss.hpp"

namespace jetcal::train {

CollapseGuard::CollapseGuard(CollapseConfig const& config, StepConfig const& step)
    : config_(config) {
  if (step.energy.has_value()) { expected_[0] = expected_kept_fraction(step.energy->truncation); }
  if (step.mass.has_value()) { expected_[1] = expected_kept_fraction(step.mass->truncation); }
}

bool CollapseGuard::collapsed(int head, double kept_share) {
  auto const h = static_cast<std::size_t>(head);
  counts_[h] = kept_share < config_.fraction * expected_[h] ? counts_[h] + 1 : 0;
  return config_.batches > 0 && counts_[h] >= config_.batches;
}

}  // namespace jetcal::train
