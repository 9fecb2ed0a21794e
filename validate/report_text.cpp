#include <fmt/format.h>

#include <algorithm>

#include "validate/report.hpp"
#include "validate/summary.hpp"

namespace jetcal::validate {
namespace {

constexpr std::size_t kGroupWidth = 39;  // of a calibration's columns

std::string shortened(std::string const& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 2) + "..";
}

std::string range_text(Range const& range, int digits) {
  return fmt::format("{:.{}f} - {:.{}f}", range.lo, digits, range.hi, digits);
}

int digits(Quantity quantity) {
  bool const eta = quantity == Quantity::abs_eta_true || quantity == Quantity::eta_true;
  return eta ? 1 : 0;
}

std::string symbol(Quantity quantity) {
  switch (quantity) {
    case Quantity::pt_true:
      return "pT_true";
    case Quantity::eta_true:
      return "eta_true";
    case Quantity::abs_eta_true:
      return "|eta_true|";
    case Quantity::energy_true:
      return "E_true";
    case Quantity::mass_true:
      return "m_true";
    case Quantity::npv:
      return "NPV";
    case Quantity::mu:
      return "mu";
  }
  return "";
}

std::string measured(std::optional<double> const& value, std::optional<double> const& error) {
  if (!value) { return "-"; }
  if (!error) { return fmt::format("{:.4f}", *value); }
  return fmt::format("{:.4f} +- {:.4f}", *value, *error);
}

std::string cell_text(TableSpec const& spec, std::vector<Range> const& range) {
  std::string text;
  for (std::size_t a = 0; a < spec.axes.size(); ++a) {
    Quantity const quantity = spec.axes[a].quantity;
    text += (a > 0 ? ", " : "") + symbol(quantity) + " " + range_text(range[a], digits(quantity));
    if (unit(quantity) == "GeV") { text += " GeV"; }
  }
  return text;
}

std::string percent(double share) { return fmt::format("{:5.1f} %", 100 * share); }

/// The columns that every line of a summary begins with.
std::string summary_head(Summary const& s, bool groups) {
  std::string text = fmt::format("{:16} ", shortened(s.sample, 16));
  if (groups) { text += fmt::format("{:12} ", shortened(s.group, 12)); }
  return text + fmt::format("{:8} {:24}", name(s.variable), shortened(s.calibration, 24));
}

std::string summary_table(ResponseTable const& table, std::vector<Summary> const& summaries) {
  bool const groups = !table.spec.groups.front().name.empty();
  std::string text = fmt::format("{:16} ", "sample");
  if (groups) { text += fmt::format("{:12} ", "jets"); }
  std::string const indent(text.size() + 8 + 1 + 24 + 1 + 5, ' ');
  text += fmt::format("{:8} {:24} {:>5}  {:^23}  {:^23}  {:^23}  {:>10}\n", "variable",
                      "calibration", "bins", "bins within", "with errors", "by jets", "IQR ratio");
  text += indent;
  for (int column = 0; column < 3; ++column) {
    text += " ";
    for (double const limit : kClosureLimits) { text += fmt::format(" {:>5g} %", 100 * limit); }
  }
  text += "\n";
  for (Summary const& s : summaries) {
    if (groups && s.bins == 0) { continue; }
    text += summary_head(s, groups) + fmt::format(" {:>5}", s.bins);
    for (auto const column :
         {&ClosureShare::bins, &ClosureShare::bins_with_errors, &ClosureShare::jets}) {
      text += " ";
      for (ClosureShare const& share : s.shares) { text += " " + percent(share.*column); }
      if (s.shares.empty()) { text += fmt::format(" {:^23}", "-"); }
    }
    text += fmt::format("  {:>10}\n", s.iqr68_ratio ? fmt::format("{:.3f}", *s.iqr68_ratio) : "-");
  }
  return text;
}

/// Calibrations against each other; empty where there is nothing to compare.
std::string comparison_table(ResponseTable const& table, Settings const& settings) {
  std::string text;
  bool const groups = !table.spec.groups.front().name.empty();
  for (ComparisonSummary const& c : compare(table, settings)) {
    if (c.bins == 0) { continue; }
    if (text.empty()) {
      text = fmt::format("{:16} ", "sample");
      if (groups) { text += fmt::format("{:12} ", "jets"); }
      text += fmt::format("{:8} {:20} {:20} {:>5} {:>8} {:>9} {:>7}   {}\n", "variable", "first",
                          "second", "bins", "closer", "narrower", "surely",
                          "IQR68/mode, second / first");
    }
    text += fmt::format("{:16} ", shortened(c.sample, 16));
    if (groups) { text += fmt::format("{:12} ", shortened(c.group, 12)); }
    text +=
        fmt::format("{:8} {:20} {:20} {:>5} {:>8} {:>9} {:>7}   {}\n", name(c.variable),
                    shortened(c.first, 20), shortened(c.second, 20), c.bins, c.closer, c.narrower,
                    c.surely_narrower, measured(c.iqr68_ratio, c.iqr68_ratio_error));
  }
  return text;
}

std::string comparison_text(Results const& results) {
  std::string text;
  for (ResponseTable const& table : results.tables) {
    bool const shown = table.spec.name == "closure" || table.spec.name == name(Test::topologies);
    std::string const lines = shown ? comparison_table(table, results.settings) : "";
    if (!lines.empty()) { text += fmt::format("\n{}\n", table.spec.name) + lines; }
  }
  if (text.empty()) { return text; }
  return "\nCalibrations against each other, from the same jets: bins in which the second one's "
         "mode "
         "is closer\nto 1, its IQR68/mode smaller, and smaller by more than two errors of the "
         "difference\n" +
         text;
}

std::string summary_text(Results const& results) {
  Settings const& settings = results.settings;
  ResponseTable const& closure = results.closure();
  std::vector<Summary> const summaries = summarise(closure, settings);
  std::string text = fmt::format(
      "Closure |mode - 1| in bins with at least {} jets (mass: true mass above {:g} GeV).\n"
      "Share of bins within 1, 1.5 and 5 %; the same with {:g} statistical errors allowed for; "
      "share\n"
      "of their jets. IQR68/mode: mean over the bins of after / before, weighted with their "
      "jets.\n\n",
      settings.min_jets, settings.mass_true_min_gev, settings.errors_allowed);
  text += summary_table(closure, summaries);
  for (ResponseTable const& table : results.tables) {
    if (table.spec.name != name(Test::topologies)) { continue; }
    text += "\nTopologies: the same in bins of true pT, in windows of the true mass\n\n" +
            summary_table(table, summarise(table, settings));
  }
  text += "\nWorst bins\n";
  for (Summary const& s : summaries) {
    for (std::size_t const at : s.worst) {
      TableRow const& row = closure.rows[at];
      text += fmt::format("{} {}: mode {}, {} jets\n", summary_head(s, false),
                          cell_text(closure.spec, row.range),
                          measured(row.point.mode, row.point.mode_error), row.point.jets);
    }
  }
  return text;
}

std::string counts_text(Results const& results) {
  std::string text = "\nJets\n";
  for (TableCounts const& c : results.closure().counts) {
    text += fmt::format(
        "{:16} {} jets; {} outside the bins; {} with a true mass below the cut (energy only); "
        "{} with a true pT, eta or mass that is not finite\n",
        shortened(c.sample, 16), c.counts.jets,
        c.counts.jets - c.counts.in_cells - c.counts.not_finite, c.counts.below_mass_cut,
        c.counts.not_finite);
  }
  for (std::string const& warning : results.warnings) { text += "Warning: " + warning + "\n"; }
  for (Skipped const& s : results.skipped) {
    text += fmt::format("Test '{}' left out{}: {}\n", s.test,
                        s.sample.empty() ? "" : " for '" + s.sample + "'", s.why);
  }
  return text;
}

std::string bias_text(Results const& results) {
  std::string text =
      "\nBias of the estimators on densities of known mode (estimate - mode)\n"
      "density                                      fitted   half-sample\n";
  for (EstimatorBias const& b : results.estimator_bias) {
    text += fmt::format("{:42} {:>+8.4f} {:>+13.4f}\n", b.density, b.fitted - b.mode,
                        b.half_sample - b.mode);
  }
  return text;
}

std::string widths_text(Results const& results) {
  if (results.widths.rows.empty()) { return ""; }
  std::string text =
      "\nPredicted widths: IQR68 predicted / found and width of the pulls, means over the bins\n";
  auto const& rows = results.widths.rows;
  for (PullDistribution const& p : results.widths.pulls) {
    double ratio = 0, pull = 0, jets = 0;
    for (WidthRow const& w : rows) {
      bool const mine = w.variable == p.variable && w.sample == p.sample &&
                        w.calibration == p.calibration && w.jets >= results.settings.min_jets;
      if (!mine || !w.predicted_iqr68 || !(*w.found_iqr68 > 0)) { continue; }
      auto const n = static_cast<double>(w.jets);
      ratio += n * *w.predicted_iqr68 / *w.found_iqr68;
      pull += n * *w.pull_width;
      jets += n;
    }
    if (!(jets > 0)) { continue; }
    text += fmt::format("{:16} {:8} {:24} {:6.3f} {:6.3f}\n", shortened(p.sample, 16),
                        name(p.variable), shortened(p.calibration, 24), ratio / jets, pull / jets);
  }
  return text;
}

std::string resources_text(Results const& results) {
  if (results.peak_memory == 0) { return ""; }
  constexpr double kMib = 1024.0 * 1024.0;
  return fmt::format(
      "\nRead and calibrated in {:.1f} s, measured in {:.1f} s; peak memory {:.0f} MiB, of it "
      "{:.0f} "
      "MiB for the jets; {:.0f} MiB of jets in a file\n",
      results.seconds_reading, results.seconds_measuring,
      static_cast<double>(results.peak_memory) / kMib,
      static_cast<double>(results.bytes_in_memory) / kMib,
      static_cast<double>(results.bytes_in_file) / kMib);
}

/// The calibrations of one sample and variable side by side: `first` is the first row.
std::string rows_text(Results const& results, ResponseTable const& table, std::size_t first) {
  TableRow const& head = table.rows[first];
  auto const& axes = table.spec.axes;
  auto const cells = static_cast<std::size_t>(table.spec.cells());
  std::string const formula =
      head.variable == Variable::energy ? "r = E / E_true" : "r = m / m_true";
  std::string text = fmt::format("\n{}, {}: mode of {} and IQR68 / mode (IQR68 = q84 - q16)\n",
                                 head.sample, name(head.variable), formula);
  std::string columns;
  for (Axis const& axis : axes) {
    bool const gev = unit(axis.quantity) == "GeV";
    columns += fmt::format("{:>14}", symbol(axis.quantity) + (gev ? " [GeV]" : ""));
  }
  columns += fmt::format("{:>10}", "jets");
  text += std::string(columns.size(), ' ');
  for (std::string const& calibration : results.calibrations) {
    text += fmt::format("   {:^{}}", shortened(calibration, kGroupWidth), kGroupWidth);
  }
  text += "\n" + columns;
  for (std::size_t k = 0; k < results.calibrations.size(); ++k) {
    text += fmt::format("   {:>18}  {:>19}", "mode", "IQR68/mode");
  }
  text += "\n";
  for (std::size_t c = 0; c < cells; ++c) {
    TableRow const& none = table.rows[first + c];
    for (std::size_t a = 0; a < axes.size(); ++a) {
      text += fmt::format("{:>14}", range_text(none.range[a], digits(axes[a].quantity)));
    }
    text += fmt::format("{:>10}", none.point.jets);
    for (std::size_t k = 0; k < results.calibrations.size(); ++k) {
      ResponsePoint const& p = table.rows[first + k * cells + c].point;
      text += fmt::format("   {:>18}{} {:>19}", measured(p.mode, p.mode_error),
                          p.method == ModeMethod::half_sample ? "h" : " ",
                          measured(p.iqr68_over_mode, p.iqr68_over_mode_error));
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string to_text(Results const& results) {
  std::string text = summary_text(results) + comparison_text(results) + counts_text(results) +
                     widths_text(results) + bias_text(results) + resources_text(results);
  ResponseTable const& closure = results.closure();
  auto const block = static_cast<std::size_t>(closure.spec.cells()) * results.calibrations.size();
  for (std::size_t first = 0; first < closure.rows.size(); first += block) {
    text += rows_text(results, closure, first);
  }
  auto const fallback = [](TableRow const& row) {
    return row.point.method == ModeMethod::half_sample;
  };
  if (std::any_of(closure.rows.begin(), closure.rows.end(), fallback)) {
    text += "\nh: no Gaussian could be fitted; the half-sample mode is given\n";
  }
  return text;
}

}  // namespace jetcal::validate
