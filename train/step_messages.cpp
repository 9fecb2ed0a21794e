#include "train/step_messages.hpp"

#include <cmath>
#include <limits>
#include <sstream>

namespace jetcal::train {
namespace {

// Jets that a message names.
constexpr std::int64_t kNamedJets = 5;

}  // namespace

int head_of(StepConfig const& step, std::size_t h) {
  return step.energy.has_value() ? static_cast<int>(h) : 1;
}

char const* head_name(int head) { return head == 0 ? "energy" : "mass"; }

std::string place_text(StepConfig const& step, Position const& position) {
  std::ostringstream text;
  text << "step " << position.step + 1 << " '" << step.name << "', epoch " << position.epoch + 1
       << ", batch " << position.batch + 1;
  return text.str();
}

std::string non_finite_text(PassResult const& result, StepConfig const& step,
                            Batches const& batches) {
  std::ostringstream text;
  for (std::size_t h = 0; h < result.heads.size(); ++h) {
    HeadResult const& head = result.heads[h];
    if (std::isfinite(head.loss)) { continue; }
    std::ostringstream named;
    std::int64_t bad = 0;
    std::int64_t const rows = std::ssize(head.row_loss);
    for (std::int64_t r = 0; r < rows; ++r) {
      if (std::isfinite(head.row_loss[static_cast<std::size_t>(r)])) { continue; }
      if (bad < kNamedJets) { named << (bad == 0 ? "" : ", ") << batches.where(r); }
      ++bad;
    }
    text << "the " << head_name(head_of(step, h)) << " head's loss is not finite for " << bad
         << " of " << rows << " jets (" << named.str() << (bad > kNamedJets ? ", ..." : "") << ")";
    return text.str();
  }
  text << result.norm.non_finite
       << " elements of the gradient are not finite although every loss is";
  return text.str();
}

std::string collapse_text(int head, double share, StepPlan const& plan,
                          CollapseConfig const& config) {
  std::ostringstream text;
  text << "the " << head_name(head) << " head keeps " << share
       << " of the jets inside its truncation, on " << config.batches
       << " batches in a row (expected " << plan.guard->expected(head) << ")";
  return text.str();
}

std::vector<std::string> starved_warnings(EpochSums const& sums, StepPlan const& plan,
                                          Position const& position, data::BinGrid const& bins) {
  std::vector<std::string> warnings;
  for (int head = 0; head < 2; ++head) {
    double const expected = plan.guard->expected(head);
    std::string const starved = starved_bins(sums, head, expected, bins);
    if (starved.empty()) { continue; }
    std::ostringstream text;
    text << "step " << position.step + 1 << ", epoch " << position.epoch + 1 << ": the "
         << head_name(head) << " head keeps less than half of the expected " << expected << " in "
         << starved << ". Jets outside its truncation have no gradient";
    warnings.push_back(text.str());
  }
  return warnings;
}

Progress progress_of(PassResult const& result, StepPlan const& plan, Position const& position,
                     std::int64_t steps) {
  Progress p;
  p.step = position.step + 1;
  p.steps = steps;
  p.epoch = position.epoch + 1;
  p.epochs =
      (plan.length.updates + plan.length.updates_per_epoch - 1) / plan.length.updates_per_epoch;
  p.update = position.update;
  p.updates = plan.length.updates;
  double const nan = std::numeric_limits<double>::quiet_NaN();
  p.loss_energy = p.loss_mass = p.kept_energy = p.kept_mass = nan;
  for (std::size_t h = 0; h < result.heads.size(); ++h) {
    double const loss = result.heads[h].loss / result.weight;
    double const kept = result.heads[h].kept / result.weight;
    bool const energy = head_of(*plan.config, h) == 0;
    (energy ? p.loss_energy : p.loss_mass) = loss;
    (energy ? p.kept_energy : p.kept_mass) = kept;
  }
  return p;
}

}  // namespace jetcal::train
