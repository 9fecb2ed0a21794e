#include "validate/closure.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

constexpr std::size_t kVariables = 2;

void require_distinct(std::vector<std::string> names, char const* what) {
  JETCAL_REQUIRE(!names.empty(), ConfigError, "validation: there is no " << what);
  std::sort(names.begin(), names.end());
  auto const twice = std::adjacent_find(names.begin(), names.end());
  JETCAL_REQUIRE(
      twice == names.end(), ConfigError,
      "validation: " << what << " '" << *twice << "' is given twice (names must differ)");
}

}  // namespace

std::string_view name(Variable variable) {
  return variable == Variable::energy ? "energy" : "mass";
}

ClosureAccumulator::ClosureAccumulator(Settings settings, std::vector<std::string> samples,
                                       std::vector<std::string> calibrations)
    : settings_(std::move(settings)), calibrations_(std::move(calibrations)) {
  settings_.require_valid();
  require_distinct(samples, "sample");
  require_distinct(calibrations_, "calibration");
  JETCAL_REQUIRE(calibrations_.front() == kUncalibrated, ConfigError,
                 "validation: the first calibration is '" << calibrations_.front() << "' (must be '"
                                                          << kUncalibrated << "')");
  grid_ = data::BinGrid(settings_.bins);
  for (std::string& sample : samples) {
    SampleCounts counts;
    counts.sample = std::move(sample);
    counts_.push_back(std::move(counts));
  }
  cells_.resize(counts_.size() * kVariables * static_cast<std::size_t>(grid_.count()));
  for (Cell& c : cells_) { c.responses.resize(calibrations_.size()); }
}

ClosureAccumulator::Cell const& ClosureAccumulator::cell(std::size_t sample, Variable variable,
                                                         std::int64_t bin) const {
  std::size_t const column = sample * kVariables + static_cast<std::size_t>(variable);
  return cells_[column * static_cast<std::size_t>(grid_.count()) + static_cast<std::size_t>(bin)];
}

ClosureAccumulator::Cell& ClosureAccumulator::cell(std::size_t sample, Variable variable,
                                                   std::int64_t bin) {
  return const_cast<Cell&>(std::as_const(*this).cell(sample, variable, bin));
}

void ClosureAccumulator::require_fits(std::size_t sample, JetBlock const& block) const {
  JETCAL_REQUIRE(sample < counts_.size(), ShapeError,
                 "validation: sample " << sample << " (there are " << counts_.size() << ")");
  JETCAL_REQUIRE(block.calibrations.size() == calibrations_.size(), ShapeError,
                 "validation: responses of " << block.calibrations.size()
                                             << " calibrations (must be " << calibrations_.size()
                                             << ")");
  std::size_t const jets = block.pt_true_gev.size();
  auto const require_length = [jets](std::size_t length, char const* column) {
    JETCAL_REQUIRE(length == jets, ShapeError,
                   "validation: column " << column << " has " << length << " jets (must be " << jets
                                         << " as pt_true)");
  };
  require_length(block.eta_true.size(), "eta_true");
  require_length(block.mass_true_gev.size(), "mass_true");
  if (!block.weights.empty()) { require_length(block.weights.size(), "weights"); }
  for (auto const& [energy, mass] : block.calibrations) {
    require_length(energy.size(), "energy response");
    require_length(mass.size(), "mass response");
  }
}

void ClosureAccumulator::add(std::size_t sample, JetBlock const& block) {
  require_fits(sample, block);
  std::size_t const jets = block.pt_true_gev.size();
  if (jets == 0) { return; }
  bool const weighted = !block.weights.empty();
  JETCAL_REQUIRE(weighted_.value_or(weighted) == weighted, DataError,
                 "validation: sample '" << counts_[sample].sample << "' has jets "
                                        << (weighted ? "with" : "without") << " weights, others "
                                        << "are " << (weighted ? "without" : "with")
                                        << " (all or none)");
  weighted_ = weighted;
  SampleCounts& counts = counts_[sample];
  for (std::size_t i = 0; i < jets; ++i, ++counts.jets) {
    float const weight = weighted ? block.weights[i] : 1.0f;
    JETCAL_REQUIRE(std::isfinite(weight) && weight >= 0, DataError,
                   "validation: sample '" << counts.sample << "' jet " << counts.jets
                                          << " has weight " << weight
                                          << " (must be finite and not negative)");
    double const pt = block.pt_true_gev[i];
    double const eta = block.eta_true[i];
    double const mass = block.mass_true_gev[i];
    if (!std::isfinite(pt) || !std::isfinite(eta) || !std::isfinite(mass)) {
      ++counts.not_finite;
      continue;
    }
    std::int64_t const bin = grid_.index(pt, std::abs(eta), mass);
    if (bin < 0) {
      ++counts.outside_bins;
      continue;
    }
    auto const collect = [&](Variable variable) {
      Cell& c = cell(sample, variable, bin);
      if (weighted) { c.weights.push_back(weight); }
      for (std::size_t k = 0; k < calibrations_.size(); ++k) {
        auto const& [energy, mass_response] = block.calibrations[k];
        c.responses[k].push_back(variable == Variable::energy ? energy[i] : mass_response[i]);
      }
    };
    collect(Variable::energy);
    if (mass > settings_.mass_true_min_gev) {
      collect(Variable::mass);
    } else {
      ++counts.below_mass_cut;
    }
  }
}

BinResult ClosureAccumulator::measure_cell(std::size_t sample, Variable variable,
                                           std::size_t calibration, std::int64_t bin) const {
  Cell const& c = cell(sample, variable, bin);
  BinResult result;
  result.variable = variable;
  result.sample = counts_[sample].sample;
  result.calibration = calibrations_[calibration];
  result.range = grid_.bin(bin);
  std::vector<float> values;
  std::vector<float> weights;
  std::vector<float> const& responses = c.responses[calibration];
  values.reserve(responses.size());
  weights.reserve(c.weights.size());
  for (std::size_t i = 0; i < responses.size(); ++i) {
    if (!std::isfinite(responses[i])) {
      ++result.not_finite;
      continue;
    }
    values.push_back(responses[i]);
    if (!c.weights.empty()) { weights.push_back(c.weights[i]); }
  }
  result.point = measure(SortedSample(std::move(values), std::move(weights)), settings_.mode);
  return result;
}

Results ClosureAccumulator::results(ThreadPool& threads) const {
  Results out;
  out.settings = settings_;
  out.calibrations = calibrations_;
  out.samples = counts_;
  auto const bins = static_cast<std::size_t>(grid_.count());
  std::size_t const calibrations = calibrations_.size();
  out.bins.resize(counts_.size() * kVariables * calibrations * bins);
  threads.run(static_cast<std::int64_t>(out.bins.size()), [&](std::int64_t task, int) {
    auto const at = static_cast<std::size_t>(task);
    std::size_t const table = at / bins / calibrations;
    out.bins[at] = measure_cell(table / kVariables, static_cast<Variable>(table % kVariables),
                                at / bins % calibrations, static_cast<std::int64_t>(at % bins));
  });
  for (std::size_t at = 0; at < out.bins.size(); ++at) {
    std::size_t const calibration = at / bins % calibrations;
    ResponsePoint const& before = out.bins[at - calibration * bins].point;
    out.bins[at].mode_before = before.mode;
    out.bins[at].iqr68_over_mode_before = before.iqr68_over_mode;
  }
  return out;
}

std::int64_t ClosureAccumulator::bytes() const {
  std::size_t floats = 0;
  for (Cell const& c : cells_) {
    floats += c.weights.capacity();
    for (auto const& column : c.responses) { floats += column.capacity(); }
  }
  return static_cast<std::int64_t>(floats * sizeof(float));
}

}  // namespace jetcal::validate
