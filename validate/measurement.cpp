#include "validate/measurement.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "engine/errors.hpp"

namespace jetcal::validate {
namespace {

double effective_entries(Sample const& sample) {
  auto const weights = jet_weights(sample, {});
  if (weights.empty()) { return static_cast<double>(sample.jets.jets()); }
  double sum = 0, squares = 0;
  for (float const w : weights) {
    auto const weight = static_cast<double>(w);
    sum += weight;
    squares += weight * weight;
  }
  return squares > 0 ? sum * sum / squares : 0;
}

/// The 0.1 % and 99.9 % quantiles that show how the jets of a sample were selected.
struct Extent {
  double pt_low, pt_high, abs_eta_high, mass_low;
};

Extent extent(Sample const& sample) {
  auto abs_eta = sample.jets.column(sample.columns.eta_true);
  for (float& eta : abs_eta) { eta = std::abs(eta); }
  SortedSample const pt = finite_sample(sample.jets.column(sample.columns.pt_true));
  SortedSample const mass = finite_sample(sample.jets.column(sample.columns.mass_true));
  auto const quantile = [](SortedSample const& values, double p) {
    return values.size() == 0 ? 0.0 : values.quantile(p);
  };
  return {quantile(pt, 0.001), quantile(pt, 0.999), quantile(finite_sample(abs_eta), 0.999),
          quantile(mass, 0.001)};
}

/// Says so where two samples that are compared were selected differently.
void warn_of_selection(Sample const& a, Sample const& b, std::vector<std::string>& warnings) {
  Extent const x = extent(a), y = extent(b);
  auto const apart = [](double p, double q, double share, double least) {
    return std::abs(p - q) > least + share * std::max(std::abs(p), std::abs(q));
  };
  if (!apart(x.pt_low, y.pt_low, 0.1, 1) && !apart(x.pt_high, y.pt_high, 0.2, 1) &&
      !apart(x.abs_eta_high, y.abs_eta_high, 0, 0.15) && !apart(x.mass_low, y.mass_low, 0.2, 1)) {
    return;
  }
  auto const words = [](Sample const& s, Extent const& e) {
    std::ostringstream text;
    text.precision(4);
    text << "'" << s.name << "' has jets of true pT " << e.pt_low << " to " << e.pt_high
         << " GeV, |eta| up to " << e.abs_eta_high << ", mass from " << e.mass_low << " GeV";
    return text.str();
  };
  warnings.push_back("samples that are compared seem to be selected differently: " + words(a, x) +
                     "; " + words(b, y) + " (0.1 % and 99.9 % quantiles)");
}

/// Makes the tables of a validation, test by test.
class Measurement {
 public:
  Measurement(std::vector<Sample> const& samples, Results& results, ThreadPool& threads)
      : samples_(samples), results_(results), settings_(results.settings), threads_(threads) {
    context_ = {results.calibrations, settings_.mass_true_min_gev, settings_.mode};
  }

  void closure() {
    table(settings_.closure());
    results_.estimator_bias = estimator_bias(settings_.mode);
  }

  void slices() {
    if (!settings_.wants(Test::slices)) { return; }
    for (TableSpec const& spec : settings_.slices) { table(spec, Test::slices); }
  }

  void labels(Test test, Label label, Quantity quantity, std::vector<double> const& edges,
              std::vector<JetGroup> const& groups) {
    if (!settings_.wants(test)) { return; }
    TableSpec spec;
    spec.name = name(test);
    spec.axes = {{quantity, edges}};
    spec.groups = groups;
    spec.compare = true;
    for (JetGroup& group : spec.groups) { group.label = label; }
    ResponseTable made{spec, {}, {}, {}};
    for (Sample const& sample : samples_) {
      if (!has(sample, name(label), test)) { continue; }
      measure_sample(sample, context_, threads_, made);
      if (test != Test::topologies) { continue; }
      for (auto& d : response_distributions(sample, spec, context_)) {
        if (d.jets > 0) { results_.distributions.push_back(std::move(d)); }
      }
    }
    if (!made.rows.empty()) { results_.tables.push_back(std::move(made)); }
  }

  void pileup() {
    if (!settings_.wants(Test::pileup)) { return; }
    for (auto const& [quantity, edges] : {std::pair{Quantity::npv, &settings_.pileup.npv},
                                          std::pair{Quantity::mu, &settings_.pileup.mu}}) {
      TableSpec spec;
      spec.name = "pileup_" + std::string(name(quantity));
      spec.axes = {{quantity, *edges},
                   {Quantity::energy_true, settings_.pileup.energy_true},
                   {Quantity::abs_eta_true, settings_.pileup.abs_eta_true}};
      std::size_t const before = results_.tables.size();
      table(spec, Test::pileup);
      if (results_.tables.size() == before) { continue; }
      for (PileupSlope& slope : pileup_slopes(results_.tables.back())) {
        results_.pileup.push_back(std::move(slope));
      }
    }
  }

  void spectrum() {
    if (!settings_.wants(Test::spectrum)) { return; }
    TableSpec spec;
    spec.name = "spectrum";
    spec.axes = {{Quantity::pt_true, settings_.spectrum_pt_true}};
    spec.groups = {{"as simulated", Label::none, {}, std::nullopt, false},
                   {"flat in energy", Label::none, {}, std::nullopt, true}};
    table(spec, Test::spectrum);
    for (Sample const& sample : samples_) {
      for (auto& s : energy_spectra(sample, spec)) { results_.spectra.push_back(std::move(s)); }
    }
  }

  void compare_samples() {
    if (!settings_.wants(Test::samples)) { return; }
    if (settings_.compare_samples.empty()) {
      results_.skipped.push_back({"samples", "",
                                  "no two samples of one process were named "
                                  "(--compare-samples A,B)"});
      return;
    }
    for (auto const& [first, second] : settings_.compare_samples) {
      Sample const& a = find(first);
      Sample const& b = find(second);
      warn_of_selection(a, b, results_.warnings);
    }
    // The closure's table holds what is compared.
    auto const& rows = results_.closure().rows;
    for (auto const& [first, second] : settings_.compare_samples) {
      for (TableRow const& a : rows) {
        if (a.sample != first) { continue; }
        for (TableRow const& b : rows) {
          if (b.sample != second || b.variable != a.variable || b.calibration != a.calibration ||
              !same(a.range, b.range)) {
            continue;
          }
          SampleDifference d{a.variable, a.calibration, first, second, a.range, {}, {}};
          if (a.point.mode && b.point.mode) {
            d.mode = *b.point.mode - *a.point.mode;
            d.mode_error = std::hypot(*a.point.mode_error, *b.point.mode_error);
          }
          results_.sample_differences.push_back(std::move(d));
        }
      }
    }
  }

  void widths() {
    if (!settings_.wants(Test::widths)) { return; }
    for (Sample const& sample : samples_) {
      measure_widths(sample, settings_.closure(), context_, threads_, results_.widths);
    }
    if (results_.widths.rows.empty()) {
      results_.skipped.push_back({"widths", "", "no calibration predicts widths"});
    }
  }

  TableContext const& context() const { return context_; }

 private:
  static bool same(std::vector<Range> const& a, std::vector<Range> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](Range const& x, Range const& y) { return x.lo == y.lo && x.hi == y.hi; });
  }

  Sample const& find(std::string const& wanted) const {
    std::vector<std::string> names;
    for (Sample const& sample : samples_) {
      if (sample.name == wanted) { return sample; }
      names.push_back(sample.name);
    }
    throw ConfigError("compare_samples: there is no sample '" + wanted + "' (there are " +
                      joined(names) + ")");
  }

  // Has the sample what a test needs? If not, the results say so.
  bool has(Sample const& sample, std::string_view what, Test test) {
    auto const missing = sample.missing.find(std::string(what));
    if (missing == sample.missing.end()) { return true; }
    results_.skipped.push_back({std::string(name(test)), sample.name, missing->second});
    return false;
  }

  void table(TableSpec const& spec, std::optional<Test> test = std::nullopt) {
    ResponseTable made{spec, {}, {}, {}};
    for (Sample const& sample : samples_) {
      bool complete = true;
      for (Axis const& axis : spec.axes) {
        complete = complete && (!test || has(sample, name(axis.quantity), *test));
      }
      if (complete) { measure_sample(sample, context_, threads_, made); }
    }
    if (!made.rows.empty()) { results_.tables.push_back(std::move(made)); }
  }

  std::vector<Sample> const& samples_;
  Results& results_;
  Settings const& settings_;
  ThreadPool& threads_;
  TableContext context_;
};

}  // namespace

void require_different(std::vector<std::string> const& names, char const* what) {
  std::set<std::string> seen;
  for (std::string const& name : names) {
    JETCAL_REQUIRE(
        seen.insert(name).second, ConfigError,
        "validation: " << what << " '" << name << "' is named twice (names must differ)");
  }
}

Results measure(std::vector<Sample> const& samples, std::vector<std::string> const& calibrations,
                Settings const& settings, ThreadPool& threads) {
  settings.require_valid();
  JETCAL_REQUIRE(!calibrations.empty() && calibrations.front() == kUncalibrated, ConfigError,
                 "validation: the first calibration must be '" << kUncalibrated << "'");
  require_different(calibrations, "the calibration");
  JETCAL_REQUIRE(!samples.empty(), ConfigError, "validation: no samples (needs at least one)");
  std::vector<std::string> names;
  for (Sample const& sample : samples) { names.push_back(sample.name); }
  require_different(names, "the sample");

  Results results;
  results.settings = settings;
  results.calibrations = calibrations;
  for (Sample const& sample : samples) {
    results.samples.push_back({sample.name,
                               {},
                               "all",
                               sample.jets.jets(),
                               effective_entries(sample),
                               sample.not_calibrated});
  }
  Measurement measurement(samples, results, threads);
  measurement.closure();
  measurement.slices();
  measurement.labels(Test::topologies, Label::topology, Quantity::pt_true,
                     settings.topology_pt_true, settings.topologies);
  measurement.labels(Test::flavours, Label::flavour, Quantity::energy_true,
                     settings.flavour_energy_true, settings.flavours);
  measurement.pileup();
  measurement.spectrum();
  measurement.compare_samples();
  measurement.widths();
  return results;
}

}  // namespace jetcal::validate
