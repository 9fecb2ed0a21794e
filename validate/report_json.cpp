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

Json borders(Range const& range) { return Json::array({number(range.lo), number(range.hi)}); }

Json ratio(std::optional<double> const& after, std::optional<double> const& before) {
  return after && before && *before != 0 ? number(*after / *before) : Json(nullptr);
}

void add_point(ResponsePoint const& p, Json& out) {
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
}

/// The borders of a cell, each under its axis' name.
void add_range(TableSpec const& spec, std::vector<Range> const& range, Json& out) {
  for (std::size_t a = 0; a < spec.axes.size(); ++a) {
    out[std::string(name(spec.axes[a].quantity))] = borders(range[a]);
  }
}

Json row_json(TableSpec const& spec, TableRow const& row) {
  Json out;
  out["variable"] = name(row.variable);
  out["sample"] = row.sample;
  if (!row.group.empty()) { out["group"] = row.group; }
  out["calibration"] = row.calibration;
  add_range(spec, row.range, out);
  out["mean"] = Json::array();
  for (double const mean : row.mean) { out["mean"].push_back(number(mean)); }
  add_point(row.point, out);
  out["not_finite"] = row.not_finite;
  out["mode_before"] = number(row.mode_before);
  out["iqr68_over_mode_before"] = number(row.iqr68_over_mode_before);
  out["iqr68_over_mode_ratio"] = ratio(row.point.iqr68_over_mode, row.iqr68_over_mode_before);
  return out;
}

/// The closure's rows have the keys pt_true and abs_eta_true, binned or not.
Json bin_json(TableSpec const& spec, TableRow const& row) {
  Json out = row_json(spec, row);
  for (char const* const axis : {"pt_true", "abs_eta_true"}) {
    if (!out.contains(axis)) { out[axis] = Json::array({nullptr, nullptr}); }
  }
  return out;
}

Json comparison_json(TableSpec const& spec, ComparisonRow const& row) {
  Json out;
  out["variable"] = name(row.variable);
  out["sample"] = row.sample;
  if (!row.group.empty()) { out["group"] = row.group; }
  out["first"] = row.first;
  out["second"] = row.second;
  add_range(spec, row.range, out);
  out["jets"] = row.jets;
  out["mode_difference"] = number(row.difference.mode);
  out["mode_difference_error"] = number(row.difference.mode_error);
  out["iqr68_over_mode_ratio"] = number(row.difference.iqr68_ratio);
  out["iqr68_over_mode_ratio_error"] = number(row.difference.iqr68_ratio_error);
  return out;
}

Json counts_json(TableSpec const& spec, TableCounts const& c) {
  Json out;
  out["sample"] = c.sample;
  if (!c.group.empty()) { out["group"] = c.group; }
  out["jets"] = c.counts.jets;
  out["in_bins"] = c.counts.in_cells;
  out["below_mass_cut"] = c.counts.below_mass_cut;
  out["not_finite"] = c.counts.not_finite;
  out["outside"] = Json::object();
  for (std::size_t a = 0; a < spec.axes.size(); ++a) {
    out["outside"][std::string(name(spec.axes[a].quantity))] = {{"below", c.counts.outside[a][0]},
                                                                {"above", c.counts.outside[a][1]}};
  }
  return out;
}

Json summary_json(ResponseTable const& table, Summary const& s) {
  Json out;
  out["sample"] = s.sample;
  if (!s.group.empty()) { out["group"] = s.group; }
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
    TableRow const& row = table.rows[at];
    Json entry;
    add_range(table.spec, row.range, entry);
    entry["jets"] = row.point.jets;
    entry["mode"] = number(row.point.mode);
    entry["mode_error"] = number(row.point.mode_error);
    out["worst"].push_back(std::move(entry));
  }
  return out;
}

Json axes_json(std::vector<Axis> const& axes) {
  Json out = Json::array();
  for (Axis const& axis : axes) {
    Json entry;
    entry["quantity"] = name(axis.quantity);
    entry["unit"] = unit(axis.quantity);
    entry["edges"] = axis.edges;
    out.push_back(std::move(entry));
  }
  return out;
}

Json summaries_json(ResponseTable const& table, Settings const& settings) {
  Json out = Json::array();
  for (Summary const& s : summarise(table, settings)) { out.push_back(summary_json(table, s)); }
  return out;
}

Json comparison_summaries_json(ResponseTable const& table, Settings const& settings) {
  Json out = Json::array();
  for (ComparisonSummary const& c : compare(table, settings)) {
    Json entry;
    entry["sample"] = c.sample;
    if (!c.group.empty()) { entry["group"] = c.group; }
    entry["variable"] = name(c.variable);
    entry["first"] = c.first;
    entry["second"] = c.second;
    entry["bins"] = c.bins;
    entry["closer"] = c.closer;
    entry["narrower"] = c.narrower;
    entry["surely_narrower"] = c.surely_narrower;
    entry["iqr68_over_mode_ratio"] = number(c.iqr68_ratio);
    entry["iqr68_over_mode_ratio_error"] = number(c.iqr68_ratio_error);
    out.push_back(std::move(entry));
  }
  return out;
}

Json table_json(ResponseTable const& table, Settings const& settings) {
  Json out;
  out["name"] = table.spec.name;
  out["axes"] = axes_json(table.spec.axes);
  out["groups"] = Json::array();
  for (JetGroup const& group : table.spec.groups) {
    if (group.name.empty()) { continue; }
    Json entry;
    entry["name"] = group.name;
    if (group.label != Label::none) {
      entry["label"] = name(group.label);
      entry["codes"] = group.codes;
    }
    if (group.mass_true) { entry["mass_true"] = borders(*group.mass_true); }
    if (group.flat_energy) { entry["flat_energy"] = true; }
    out["groups"].push_back(std::move(entry));
  }
  out["counts"] = Json::array();
  for (TableCounts const& c : table.counts) { out["counts"].push_back(counts_json(table.spec, c)); }
  out["summary"] = summaries_json(table, settings);
  out["comparison_summary"] = comparison_summaries_json(table, settings);
  out["rows"] = Json::array();
  for (TableRow const& row : table.rows) { out["rows"].push_back(row_json(table.spec, row)); }
  out["comparisons"] = Json::array();
  for (ComparisonRow const& row : table.comparisons) {
    out["comparisons"].push_back(comparison_json(table.spec, row));
  }
  return out;
}

Json histogram_json(Histogram const& h) {
  Json out;
  out["low"] = h.low;
  out["high"] = h.high;
  out["content"] = h.content;
  out["squared_errors"] = h.square;
  out["underflow"] = h.underflow;
  out["overflow"] = h.overflow;
  return out;
}

Json pileup_json(PileupSlope const& s) {
  Json out;
  out["against"] = name(s.against);
  out["variable"] = name(s.variable);
  out["sample"] = s.sample;
  out["calibration"] = s.calibration;
  out["energy_true"] = s.energy_true ? borders(*s.energy_true) : Json(nullptr);
  out["abs_eta_true"] = borders(s.abs_eta_true);
  out["jets"] = s.jets;
  out["points"] = s.points;
  out["slope"] = number(s.slope);
  out["slope_error"] = number(s.slope_error);
  out["chi2_per_ndf"] = number(s.chi2_per_ndf);
  return out;
}

Json widths_json(Widths const& widths) {
  Json out;
  out["axes"] = axes_json(widths.axes);
  TableSpec spec;
  spec.axes = widths.axes;
  out["rows"] = Json::array();
  for (WidthRow const& w : widths.rows) {
    Json row;
    row["variable"] = name(w.variable);
    row["sample"] = w.sample;
    row["calibration"] = w.calibration;
    add_range(spec, w.range, row);
    row["jets"] = w.jets;
    row["predicted_iqr68"] = number(w.predicted_iqr68);
    row["found_iqr68"] = number(w.found_iqr68);
    row["found_iqr68_error"] = number(w.found_iqr68_error);
    row["predicted_over_found"] = ratio(w.predicted_iqr68, w.found_iqr68);
    row["pull_mode"] = number(w.pull_mode);
    row["pull_mode_error"] = number(w.pull_mode_error);
    row["pull_width"] = number(w.pull_width);
    row["pull_width_error"] = number(w.pull_width_error);
    out["rows"].push_back(std::move(row));
  }
  out["pulls"] = Json::array();
  for (PullDistribution const& p : widths.pulls) {
    Json entry;
    entry["variable"] = name(p.variable);
    entry["sample"] = p.sample;
    entry["calibration"] = p.calibration;
    entry["without_prediction"] = p.without_prediction;
    entry["histogram"] = histogram_json(p.histogram);
    out["pulls"].push_back(std::move(entry));
  }
  return out;
}

Json importance_json(FeatureImportance const& f) {
  Json out;
  out["calibration"] = f.calibration;
  out["variable"] = name(f.variable);
  out["feature"] = f.feature;
  out["standard_deviation"] = number(f.standard_deviation);
  out["shift_change"] = number(f.shift_change);
  out["shift_change_error"] = number(f.shift_change_error);
  out["permuted_change"] = number(f.permuted_change);
  out["permuted_iqr68_ratio"] = number(f.permuted_iqr68_ratio);
  out["gradients"] = Json::array();
  for (FeatureGradient const& g : f.gradients) {
    Json entry;
    entry["pt_true"] = borders(g.pt_true);
    entry["mass_true"] = borders(g.mass_true);
    entry["jets"] = g.jets;
    entry["mean"] = g.jets > 1 ? number(g.mean) : Json(nullptr);
    entry["mean_error"] = g.jets > 1 ? number(g.mean_error) : Json(nullptr);
    entry["magnitude"] = g.jets > 1 ? number(g.magnitude) : Json(nullptr);
    out["gradients"].push_back(std::move(entry));
  }
  return out;
}

Json samples_json(Results const& results) {
  Json out = Json::array();
  for (std::size_t s = 0; s < results.samples.size(); ++s) {
    SampleInfo const& info = results.samples[s];
    GroupCounts const& counts = results.closure().counts[s].counts;
    Json entry;
    entry["sample"] = info.sample;
    entry["files"] = info.files;
    entry["side"] = info.side;
    entry["jets"] = info.jets;
    entry["effective_entries"] = number(info.effective_entries);
    entry["outside_bins"] = counts.jets - counts.in_cells - counts.not_finite;
    entry["below_mass_cut"] = counts.below_mass_cut;
    entry["not_finite"] = counts.not_finite;
    entry["not_calibrated"] = info.not_calibrated;
    out.push_back(std::move(entry));
  }
  return out;
}

Json differences_json(Results const& results) {
  Json out = Json::array();
  for (SampleDifference const& d : results.sample_differences) {
    Json entry;
    entry["variable"] = name(d.variable);
    entry["calibration"] = d.calibration;
    entry["first"] = d.first;
    entry["second"] = d.second;
    add_range(results.closure().spec, d.range, entry);
    entry["mode_difference"] = number(d.mode);
    entry["mode_difference_error"] = number(d.mode_error);
    out.push_back(std::move(entry));
  }
  return out;
}

Json distributions_json(Results const& results) {
  Json out = Json::array();
  for (ResponseDistribution const& d : results.distributions) {
    Json entry;
    entry["variable"] = name(d.variable);
    entry["sample"] = d.sample;
    entry["group"] = d.group;
    entry["calibration"] = d.calibration;
    entry["jets"] = d.jets;
    entry["not_finite"] = d.not_finite;
    entry["histogram"] = histogram_json(d.histogram);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

Json to_json(Results const& results) {
  Json out;
  out["settings"] = settings_table().write(results.settings);
  out["calibrations"] = results.calibrations;
  out["warnings"] = results.warnings;
  out["samples"] = samples_json(results);
  out["summary"] = summaries_json(results.closure(), results.settings);
  ResponseTable const& closure = results.closure();
  out["bins"] = Json::array();
  for (TableRow const& row : closure.rows) { out["bins"].push_back(bin_json(closure.spec, row)); }
  out["tables"] = Json::array();
  for (ResponseTable const& t : results.tables) {
    out["tables"].push_back(table_json(t, results.settings));
  }
  out["sample_differences"] = differences_json(results);
  out["distributions"] = distributions_json(results);
  out["spectra"] = Json::array();
  for (EnergySpectrum const& s : results.spectra) {
    out["spectra"].push_back(
        {{"sample", s.sample}, {"group", s.group}, {"histogram", histogram_json(s.histogram)}});
  }
  out["pileup"] = Json::array();
  for (PileupSlope const& s : results.pileup) { out["pileup"].push_back(pileup_json(s)); }
  out["widths"] = widths_json(results.widths);
  out["importance"] = Json::array();
  for (FeatureImportance const& f : results.importance) {
    out["importance"].push_back(importance_json(f));
  }
  out["estimator_bias"] = Json::array();
  for (EstimatorBias const& b : results.estimator_bias) {
    out["estimator_bias"].push_back({{"density", b.density},
                                     {"mode", b.mode},
                                     {"method", name(b.method)},
                                     {"fitted_minus_mode", number(b.fitted - b.mode)},
                                     {"half_sample_minus_mode", number(b.half_sample - b.mode)}});
  }
  out["training"] = Json::array();
  for (TrainingCurve const& t : results.training) {
    out["training"].push_back({{"calibration", t.calibration}, {"epochs", t.epochs}});
  }
  out["skipped"] = Json::array();
  for (Skipped const& s : results.skipped) {
    out["skipped"].push_back({{"test", s.test}, {"sample", s.sample}, {"why", s.why}});
  }
  out["resources"] = {{"column_bytes_in_memory", results.bytes_in_memory},
                      {"column_bytes_in_file", results.bytes_in_file},
                      {"peak_memory_bytes", results.peak_memory},
                      {"seconds_reading", results.seconds_reading},
                      {"seconds_measuring", results.seconds_measuring}};
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
