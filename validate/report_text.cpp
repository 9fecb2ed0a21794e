#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "validate/report.hpp"
#include "validate/summary.hpp"

namespace jetcal::validate {
namespace {

constexpr std::size_t kGroupWidth = 39;  // of a calibration's columns

std::string shortened(std::string const& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 2) + "..";
}

std::string range_text(data::BinGrid::Range const& range, int digits) {
  if (!std::isfinite(range.lo)) { return "all"; }
  return fmt::format("{:.{}f} - {:.{}f}", range.lo, digits, range.hi, digits);
}

std::string measured(std::optional<double> const& value, std::optional<double> const& error) {
  if (!value) { return "-"; }
  if (!error) { return fmt::format("{:.4f}", *value); }
  return fmt::format("{:.4f} +- {:.4f}", *value, *error);
}

std::string bin_text(data::BinGrid::Bin const& bin) {
  std::string text = "pT_true " + range_text(bin.pt_true_gev, 0) + " GeV, |eta_true| " +
                     range_text(bin.abs_eta_true, 1);
  if (std::isfinite(bin.mass_true_gev.lo)) {
    text += ", m_true " + range_text(bin.mass_true_gev, 0) + " GeV";
  }
  return text;
}

std::string percent(double share) { return fmt::format("{:5.1f} %", 100 * share); }

std::string summary_text(Results const& results) {
  std::vector<Summary> const summaries = summarise(results);
  Settings const& settings = results.settings;
  std::string text = fmt::format(
      "Closure |mode - 1| in bins with at least {} jets (mass: true mass above {:g} GeV).\n"
      "Share of bins within 1, 1.5 and 5 %; the same with {:g} statistical errors allowed for; "
      "share\n"
      "of their jets. IQR68/mode: mean over the bins of after / before, weighted with their "
      "jets.\n\n",
      settings.min_jets, settings.mass_true_min_gev, settings.errors_allowed);
  text +=
      fmt::format("{:16} {:8} {:24} {:>5}  {:^23}  {:^23}  {:^23}  {:>10}\n", "sample", "variable",
                  "calibration", "bins", "bins within", "with errors", "by jets", "IQR ratio");
  text += std::string(16 + 1 + 8 + 1 + 24 + 1 + 5, ' ');
  for (int column = 0; column < 3; ++column) {
    text += " ";
    for (double const limit : kClosureLimits) { text += fmt::format(" {:>5g} %", 100 * limit); }
  }
  text += "\n";
  for (Summary const& s : summaries) {
    text += fmt::format("{:16} {:8} {:24} {:>5}", shortened(s.sample, 16), name(s.variable),
                        shortened(s.calibration, 24), s.bins);
    for (auto const column :
         {&ClosureShare::bins, &ClosureShare::bins_with_errors, &ClosureShare::jets}) {
      text += " ";
      for (ClosureShare const& share : s.shares) { text += " " + percent(share.*column); }
      if (s.shares.empty()) { text += fmt::format(" {:^23}", "-"); }
    }
    text += fmt::format("  {:>10}\n", s.iqr68_ratio ? fmt::format("{:.3f}", *s.iqr68_ratio) : "-");
  }
  text += "\nWorst bins\n";
  for (Summary const& s : summaries) {
    for (std::size_t const at : s.worst) {
      BinResult const& bin = results.bins[at];
      text += fmt::format("{:16} {:8} {:24} {}: mode {}, {} jets\n", shortened(s.sample, 16),
                          name(s.variable), shortened(s.calibration, 24), bin_text(bin.range),
                          measured(bin.point.mode, bin.point.mode_error), bin.point.jets);
    }
  }
  return text;
}

std::string counts_text(Results const& results) {
  std::string text = "\nJets\n";
  for (SampleCounts const& c : results.samples) {
    text += fmt::format(
        "{:16} {} jets; {} outside the bins; {} with a true mass below the cut (energy only); "
        "{} with a true pT, eta or mass that is not finite\n",
        shortened(c.sample, 16), c.jets, c.outside_bins, c.below_mass_cut, c.not_finite);
  }
  return text;
}

// The calibrations of one sample and variable side by side: `first` is the first bin of the first.
std::string bins_text(Results const& results, std::size_t first, std::size_t bins) {
  BinResult const& head = results.bins[first];
  bool const bins_mass = data::BinGrid(results.settings.bins).bins_mass();
  std::string const formula =
      head.variable == Variable::energy ? "r = E / E_true" : "r = m / m_true";
  std::string text = fmt::format("\n{}, {}: mode of {} and IQR68 / mode (IQR68 = q84 - q16)\n",
                                 head.sample, name(head.variable), formula);
  std::string const mass_head = bins_mass ? fmt::format("{:>14}", "m_true [GeV]") : "";
  std::string const indent(14 + 12 + 10 + mass_head.size(), ' ');
  text += indent;
  for (std::string const& calibration : results.calibrations) {
    text += fmt::format("   {:^{}}", shortened(calibration, kGroupWidth), kGroupWidth);
  }
  text += fmt::format("\n{:>14}{:>12}{}{:>10}", "pT_true [GeV]", "|eta_true|", mass_head, "jets");
  for (std::size_t k = 0; k < results.calibrations.size(); ++k) {
    text += fmt::format("   {:>18}  {:>19}", "mode", "IQR68/mode");
  }
  text += "\n";
  for (std::size_t b = 0; b < bins; ++b) {
    BinResult const& none = results.bins[first + b];
    text += fmt::format("{:>14}{:>12}", range_text(none.range.pt_true_gev, 0),
                        range_text(none.range.abs_eta_true, 1));
    if (bins_mass) { text += fmt::format("{:>14}", range_text(none.range.mass_true_gev, 0)); }
    text += fmt::format("{:>10}", none.point.jets);
    for (std::size_t k = 0; k < results.calibrations.size(); ++k) {
      ResponsePoint const& p = results.bins[first + k * bins + b].point;
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
  std::string text = summary_text(results) + counts_text(results);
  std::size_t const tables = results.samples.size() * 2;
  std::size_t const calibrations = results.calibrations.size();
  if (tables == 0 || calibrations == 0) { return text; }
  std::size_t const bins = results.bins.size() / tables / calibrations;
  for (std::size_t table = 0; table < tables; ++table) {
    text += bins_text(results, table * calibrations * bins, bins);
  }
  auto const fallback = [](BinResult const& b) {
    return b.point.method == ModeMethod::half_sample;
  };
  if (std::any_of(results.bins.begin(), results.bins.end(), fallback)) {
    text += "\nh: no Gaussian could be fitted; the half-sample mode is given\n";
  }
  return text;
}

}  // namespace jetcal::validate
