#include "validate/standard/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace jetcal::validate::standard {
namespace {

double share(std::vector<OwnBin> const& bins, double OwnBin::*mode, double within) {
  auto const n = std::count_if(bins.begin(), bins.end(),
                               [&](OwnBin const& bin) { return std::abs(bin.*mode - 1) < within; });
  return 100.0 * static_cast<double>(n) /
         static_cast<double>(std::max<std::size_t>(1, bins.size()));
}

double mean_deviation(std::vector<OwnBin> const& bins, double OwnBin::*mode) {
  double sum = 0;
  for (OwnBin const& bin : bins) { sum += std::abs(bin.*mode - 1); }
  return 100 * sum / static_cast<double>(std::max<std::size_t>(1, bins.size()));
}

std::string row(char const* variable, std::vector<OwnBin> const& bins) {
  std::string text = fmt::format("{:<8} {:>5}", variable, bins.size());
  for (double const within : {0.01, 0.02}) {
    text += fmt::format("  {:>7.1f} % {:>5.1f} %", share(bins, &OwnBin::before, within),
                        share(bins, &OwnBin::after, within));
  }
  return text + fmt::format("  {:>7.2f} % {:>5.2f} %\n", mean_deviation(bins, &OwnBin::before),
                            mean_deviation(bins, &OwnBin::after));
}

std::string worst(char const* variable, std::vector<OwnBin> bins, std::string const& eta) {
  std::size_t const n = std::min<std::size_t>(3, bins.size());
  std::partial_sort(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(n), bins.end(),
                    [](OwnBin const& a, OwnBin const& b) {
                      return std::abs(a.after - 1) > std::abs(b.after - 1);
                    });
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    OwnBin const& b = bins[i];
    text += fmt::format("  {:<6} {} {:.2f} .. {:.2f}, E {:.0f} .. {:.0f} GeV", variable, eta,
                        b.eta_low, b.eta_high, b.energy_low, b.energy_high);
    if (std::isfinite(b.ratio_low)) {
      text += fmt::format(", m/E {:.3f} .. {:.3f}", b.ratio_low, b.ratio_high);
    }
    text += fmt::format(": mode {:.4f} +- {:.4f} (before {:.4f}), {} jets\n", b.after, b.error,
                        b.before, b.jets);
  }
  return text;
}

std::string provenance(StandardFile const& file) {
  auto const count = [&](char const* key) { return file.provenance.value(key, std::int64_t{0}); };
  std::string text = fmt::format(
      "derived from {} of {} jets ({} held out, {} unusable, {} beyond the bins of eta; {} without "
      "a mass)\n",
      count("jets_used"), count("jets"), count("jets_held_out"), count("jets_unusable"),
      count("jets_beyond_eta"), count("jets_without_mass"));
  if (file.split.fraction > 0) {
    text += fmt::format("held out: a share of {} by {}, key {}\n", file.split.fraction,
                        file.split.group, file.split.key);
  }
  return text;
}

std::string neighbours(StandardFile const& file) {
  std::string text;
  auto const& from = file.energy.made_from;
  std::int64_t taken = 0;
  for (std::size_t b = 0; b < from.size(); ++b) {
    taken += from[b] != static_cast<std::int64_t>(b) ? 1 : 0;
  }
  if (taken > 0) {
    text += fmt::format("energy: {} of {} bins of eta have too few jets and serve as the nearest\n",
                        taken, from.size());
  }
  text += fmt::format(
      "mass: of {} bins of E and |eta| {} have too few jets and serve as the nearest; in {} the "
      "lightest jets are corrected as heavier ones\n",
      file.mass.lines, file.mass.filled, file.mass.shortened);
  return text;
}

}  // namespace

std::string summary(StandardFile const& file) {
  return provenance(file) +
         "\nmode of the response in the bins it was derived in\n"
         "                     within 1 %       within 2 %       mean |mode - 1|\n"
         "          bins   before   after   before   after   before   after\n" +
         row("energy", file.energy.bins) + row("mass", file.mass.bins) + "worst bins\n" +
         worst("energy", file.energy.bins, file.energy.scale.signed_eta() ? "eta" : "|eta|") +
         worst("mass", file.mass.bins, "|eta|") + neighbours(file);
}

}  // namespace jetcal::validate::standard
