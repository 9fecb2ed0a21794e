#include <cmath>
#include <system_error>

#include "engine/errors.hpp"
#include "engine/sealed_file.hpp"
#include "validate/report.hpp"
#include "validate/summary.hpp"

namespace jetcal::validate {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json number(std::optional<double> const& value) { return value ? number(*value) : Json(nullptr); }

// An axis that is not binned has no borders.
Json borders(data::BinGrid::Range const& range) {
  return Json::array({number(range.lo), number(range.hi)});
}

Json ratio(std::optional<double> const& after, std::optional<double> const& before) {
  return after && before && *before != 0 ? number(*after / *before) : Json(nullptr);
}

Json bin_json(BinResult const& bin, bool bins_mass) {
  ResponsePoint const& p = bin.point;
  Json out;
  out["variable"] = name(bin.variable);
  out["sample"] = bin.sample;
  out["calibration"] = bin.calibration;
  out["pt_true"] = borders(bin.range.pt_true_gev);
  out["abs_eta_true"] = borders(bin.range.abs_eta_true);
  if (bins_mass) { out["mass_true"] = borders(bin.range.mass_true_gev); }
  out["jets"] = p.jets;
  out["effective_entries"] = number(p.effective_entries);
  out["mode"] = number(p.mode);
  out["mode_error"] = number(p.mode_error);
  out["iqr68_over_mode"] = number(p.iqr68_over_mode);
  out["iqr68_over_mode_error"] = number(p.iqr68_over_mode_error);
  out["method"] = name(p.method);
  out["half_sample_mode"] = number(p.half_sample_mode);
  out["median"] = number(p.median);
  out["iqr68"] = number(p.iqr68);
  out["half_iqr68_over_mode"] =
      p.iqr68_over_mode ? number(0.5 * *p.iqr68_over_mode) : Json(nullptr);
  out["chi2_per_ndf"] = number(p.chi2_per_ndf);
  out["underflow"] = number(p.underflow);
  out["overflow"] = number(p.overflow);
  out["not_finite"] = bin.not_finite;
  out["mode_before"] = number(bin.mode_before);
  out["iqr68_over_mode_before"] = number(bin.iqr68_over_mode_before);
  out["iqr68_over_mode_ratio"] = ratio(p.iqr68_over_mode, bin.iqr68_over_mode_before);
  return out;
}

Json summary_json(Summary const& s, Results const& results, bool bins_mass) {
  Json out;
  out["sample"] = s.sample;
  out["variable"] = name(s.variable);
  out["calibration"] = s.calibration;
  out["bins"] = s.bins;
  out["jets"] = s.jets;
  out["bins_without_mode"] = s.bins_without_mode;
  out["bins_left_out"] = s.bins_left_out;
  out["within"] = Json::array();
  for (ClosureShare const& share : s.shares) {
    Json entry;
    entry["limit"] = share.limit;
    entry["bins"] = number(share.bins);
    entry["bins_with_errors"] = number(share.bins_with_errors);
    entry["jets"] = number(share.jets);
    out["within"].push_back(std::move(entry));
  }
  out["iqr68_over_mode_ratio"] = number(s.iqr68_ratio);
  out["worst"] = Json::array();
  for (std::size_t const at : s.worst) {
    BinResult const& bin = results.bins[at];
    Json entry;
    entry["pt_true"] = borders(bin.range.pt_true_gev);
    entry["abs_eta_true"] = borders(bin.range.abs_eta_true);
    if (bins_mass) { entry["mass_true"] = borders(bin.range.mass_true_gev); }
    entry["jets"] = bin.point.jets;
    entry["mode"] = number(bin.point.mode);
    entry["mode_error"] = number(bin.point.mode_error);
    out["worst"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace

Json to_json(Results const& results) {
  bool const bins_mass = data::BinGrid(results.settings.bins).bins_mass();
  Json out;
  out["settings"] = settings_table().write(results.settings);
  out["calibrations"] = results.calibrations;
  out["samples"] = Json::array();
  for (SampleCounts const& counts : results.samples) {
    Json entry;
    entry["sample"] = counts.sample;
    entry["jets"] = counts.jets;
    entry["outside_bins"] = counts.outside_bins;
    entry["below_mass_cut"] = counts.below_mass_cut;
    entry["not_finite"] = counts.not_finite;
    out["samples"].push_back(std::move(entry));
  }
  out["summary"] = Json::array();
  for (Summary const& s : summarise(results)) {
    out["summary"].push_back(summary_json(s, results, bins_mass));
  }
  out["bins"] = Json::array();
  for (BinResult const& bin : results.bins) { out["bins"].push_back(bin_json(bin, bins_mass)); }
  return out;
}

void write_results(Results const& results, std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  JETCAL_REQUIRE(!error && std::filesystem::is_directory(folder), DataError,
                 folder.string() << ": cannot be made ("
                                 << (error ? error.message() : "is no directory")
                                 << "). Choose another --out");
  write_atomically(folder / "validation.txt", to_text(results));
  write_atomically(folder / "validation.json", to_json(results).dump(1) + "\n");
}

}  // namespace jetcal::validate
