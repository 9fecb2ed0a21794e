#include "validate/mode_settings.hpp"

namespace jetcal::validate {
namespace {

// The schema counts in 64 bits.
schema::Table<ModeSettings>::Key& add_count(schema::Table<ModeSettings>& table, char const* name,
                                            int ModeSettings::*member, int low, char const* doc) {
  return table.key<std::int64_t>(
      name, [member](ModeSettings const& s) { return static_cast<std::int64_t>(s.*member); },
      [member](ModeSettings& s, std::int64_t v) { s.*member = static_cast<int>(v); },
      schema::integer(low, 100000), doc);
}

}  // namespace

schema::Table<ModeSettings> mode_table() {
  schema::Table<ModeSettings> table("How the mode of a response distribution is found");
  table.key("histogram_half_range", &ModeSettings::histogram_half_range,
            schema::number(schema::above(0)),
            "Reach of the histogram to either side of the median, in units of IQR68 / 2.");
  add_count(table, "histogram_bins", &ModeSettings::histogram_bins, 10,
            "Its bins; doubled until the fit's range has `min_bins_in_window`.");
  add_count(table, "min_bins_in_window", &ModeSettings::min_bins_in_window, 6,
            "Fewest bins in the fit's range.");
  add_count(table, "smoothing_window", &ModeSettings::smoothing_window, 1,
            "Bins of the Savitzky-Golay filter (odd; 1 is no smoothing).");
  add_count(table, "smoothing_order", &ModeSettings::smoothing_order, 0,
            "Degree of its polynomial.");
  table.key("fit_smoothed", &ModeSettings::fit_smoothed, schema::boolean(),
            "Fit the smoothed histogram; otherwise it only tells where the fit starts.");
  table.key("window_sd", &ModeSettings::window_sd, schema::number(schema::above(0)),
            "First range of the fit: mean +- this many standard deviations of the histogram.");
  table.key("window_sigma", &ModeSettings::window_sigma, schema::number(schema::above(0)),
            "Later ranges: fitted mean +- this many fitted sigmas.");
  add_count(table, "iterations", &ModeSettings::iterations, 0, "Fits after the first, at most.");
  table.key("tolerance", &ModeSettings::tolerance, schema::number(schema::above(0)),
            "They end when the mean moves by less.");
  table.key(
      "scale_error_by_chi2", &ModeSettings::scale_error_by_chi2, schema::boolean(),
      "Multiply errors by sqrt(chi2 / ndf) where that is above 1: larger than the statistical "
      "scatter where the distribution is no Gaussian.");
  table.key("min_effective_entries", &ModeSettings::min_effective_entries,
            schema::number(schema::above(0)), "With fewer, (sum w)^2 / sum w^2, there is no mode.");
  return table;
}

}  // namespace jetcal::validate
