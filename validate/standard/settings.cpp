#include "validate/standard/settings.hpp"

#include <cmath>
#include <limits>

#include "validate/mode_settings.hpp"

namespace jetcal::validate::standard {
namespace {

constexpr std::int64_t kMany = std::numeric_limits<std::int64_t>::max();

// Edges that rise, two or more; or none where that is allowed.
schema::Codec<std::vector<double>> edges(schema::Interval allowed, bool may_be_empty) {
  auto codec = schema::list_of(schema::number(allowed));
  codec.read = [read = codec.read, may_be_empty](Json const& json, Place const& place) {
    auto values = read(json, place);
    bool good = values.size() >= 2 || (may_be_empty && values.empty());
    for (std::size_t i = 1; i < values.size(); ++i) { good = good && values[i - 1] < values[i]; }
    if (!good) {
      schema::refuse(json, place,
                     may_be_empty ? "edges in rising order, two or more, or none"
                                  : "edges in rising order, two or more");
    }
    return values;
  };
  return codec;
}

schema::Table<Fields> fields_table() {
  schema::Table<Fields> table("Fields of the shards");
  auto const add = [&](char const* name, std::string Fields::*member, char const* doc) {
    table.key(name, member, schema::non_empty_text(), doc);
  };
  add("energy", &Fields::energy, "Reconstructed energy.");
  add("mass", &Fields::mass, "Reconstructed mass.");
  add("pt", &Fields::pt, "Reconstructed pT; only its unit matters, when jets are calibrated.");
  add("eta", &Fields::eta, "Pseudorapidity in the detector: what the bins of eta are in.");
  add("truth_energy", &Fields::truth_energy, "True energy.");
  add("truth_mass", &Fields::truth_mass, "True mass.");
  return table;
}

schema::Table<EnergySettings> energy_table() {
  using S = EnergySettings;
  schema::Table<S> table("The energy scale");
  table.key("signed_eta", &S::signed_eta, schema::boolean(),
            "Bins of eta from -`eta_max` to `eta_max`; otherwise of its absolute value.");
  table.key("eta_max", &S::eta_max, schema::number({0, 10, false, true}),
            "End of the last bin of eta, which also serves jets beyond.");
  table.key("eta_step", &S::eta_step, schema::number({0, 10, false, true}),
            "Width of the bins of eta; `eta_max` must be a multiple of it.");
  table.key("edges", &S::edges_gev, edges(schema::above(0), true),
            "Edges of the bins of E_true [GeV]; none: every `log_step` of ln E.");
  table.key("log_step", &S::log_step, schema::number({0, 10, false, true}),
            "Width of those bins, in ln E.");
  table.key("min_jets", &S::min_jets, schema::integer(50, kMany),
            "A bin of E_true with fewer jets is merged with its neighbour; a bin of eta with "
            "fewer takes the correction of the nearest one.");
  table.key("spline_intervals", &S::spline_intervals, schema::integer(1, 200),
            "Intervals of the spline through the modes.");
  table.key("penalty", &S::penalty, schema::or_null(schema::number(schema::above(0))),
            "Penalty on its second differences, in units of the weight of the points; null: by "
            "generalised cross validation.");
  table.key("nodes", &S::nodes, schema::integer(2, 10000),
            "Nodes of the inverted table in each bin of eta.");
  table.key("min_pt", &S::min_pt_gev, schema::number(schema::at_least(0)),
            "Below E = `min_pt` cosh(eta of the bin's middle) [GeV], or below the table if it "
            "begins higher, `low_energy` says what the correction is.");
  table.key("low_energy", &S::low_energy,
            schema::one_of<LowEnergy>({{"freeze", LowEnergy::freeze},
                                       {"linear", LowEnergy::linear},
                                       {"quadratic", LowEnergy::quadratic}}),
            "`freeze`: as there; `linear`: on with the slope in E there; `quadratic`: on with "
            "that slope, to `minimum_response` at E = 0.");
  table
      .key("minimum_response", &S::minimum_response, schema::number({0, 10, false, true}),
           "Response at E = 0.")
      .only("`low_energy` quadratic",
            [](S const& s) { return s.low_energy == LowEnergy::quadratic; });
  table.key("iterations", &S::iterations, schema::integer(0, 100),
            "Refinements by the closure in the bins it was derived in, at most.");
  table.key(
      "closure", &S::closure, schema::number(schema::above(0)),
      "They end when the mode of the calibrated response is this close to 1 in each of them.");
  table.check([](S const& s, Place const& place) {
    double const bins = s.eta_max / s.eta_step;
    JETCAL_REQUIRE(bins > 0.5 && std::abs(bins - std::round(bins)) < 1e-6 * bins && bins < 1e4,
                   ConfigError,
                   place.text() << ": eta_max is " << s.eta_max << " and eta_step " << s.eta_step
                                << " (must be a multiple of it, at most 10000 times)");
  });
  return table;
}

schema::Table<MassSettings> mass_table() {
  using S = MassSettings;
  schema::Table<S> table("The mass scale");
  table.key("energy_edges", &S::energy_edges_gev, edges(schema::above(0), true),
            "Edges of the bins of E_true [GeV]; none: every `energy_log_step` of ln E.");
  table.key("energy_log_step", &S::energy_log_step, schema::number({0, 10, false, true}),
            "Width of those bins, in ln E; merged below 4 x `min_jets` jets.");
  table.key("abs_eta_edges", &S::abs_eta_edges, edges({0, 10}, false),
            "Edges of the bins of |eta|; beyond the last the mass is not corrected.");
  table.key("ratio_log_step", &S::ratio_log_step, schema::number({0, 10, false, true}),
            "Width of the bins of ln(m_true / E_true).");
  table.key("min_true_mass", &S::min_true_mass_gev, schema::number(schema::above(0)),
            "Only jets of a true mass from this on are used [GeV]. Lighter ones get the correction "
            "of the lightest.");
  table.key("min_jets", &S::min_jets, schema::integer(50, kMany),
            "A bin with fewer jets is merged with its neighbour in ln(m / E); where a bin of E and "
            "|eta| has fewer, the nearest in E takes its place.");
  table.key("spline_intervals", &S::spline_intervals, schema::integer(1, 200),
            "Intervals of the spline in ln(m / E).");
  table.key("penalty", &S::penalty, schema::or_null(schema::number(schema::above(0))),
            "As for the energy.");
  table.key("node_step", &S::node_step, schema::number({0, 10, false, true}),
            "Distance of the inverted table's nodes in ln(m / E).");
  table.key("iterations", &S::iterations, schema::integer(0, 100),
            "Refinements by the closure in the bins it was derived in, at most.");
  table.key(
      "closure", &S::closure, schema::number(schema::above(0)),
      "They end when the mode of the calibrated response is this close to 1 in each of them.");
  return table;
}

}  // namespace

schema::Table<Settings> settings_table() {
  schema::Table<Settings> table("A standard calibration");
  table.key("fields", &Settings::fields, schema::object(fields_table()), "Fields of the shards.");
  table.key("units", &Settings::units, schema::map_of(schema::non_empty_text()),
            "Units of fields where the files declare none: field -> unit. An error where it "
            "contradicts a file.");
  table.key("energy", &Settings::energy, schema::object(energy_table()), "The energy scale.");
  table.key("mass", &Settings::mass, schema::object(mass_table()), "The mass scale.");
  table.key("mode", &Settings::mode, schema::object(mode_table()), "The estimator of the mode.");
  table.check([](Settings const& s, Place const& place) {
    try {
      s.mode.require_valid();
    } catch (ConfigError const& e) { throw ConfigError(place.text() + ": " + e.what()); }
  });
  return table;
}

}  // namespace jetcal::validate::standard
