#include <limits>
#include <utility>

#include "data/config_schema.hpp"
#include "engine/errors.hpp"
#include "validate/mode_settings.hpp"
#include "validate/settings.hpp"

namespace jetcal::validate {
namespace {

schema::Codec<std::vector<double>> edges() { return schema::list_of(schema::number(), 2); }

schema::Codec<std::vector<std::int64_t>> codes() {
  constexpr std::int64_t kLargest = 1 << 24;  // exact in float32
  return schema::list_of(schema::integer(0, kLargest));
}

/// [low, high] in GeV.
schema::Codec<std::optional<Range>> mass_window() {
  auto const pair = schema::list_of(schema::number(schema::at_least(0)), 2);
  schema::Codec<Range> window;
  window.shape = pair.shape;
  window.read = [pair](Json const& json, Place const& place) {
    auto const ends = pair.read(json, place);
    if (ends.size() != 2 || !(ends[0] < ends[1])) {
      schema::refuse(json, place, "two rising numbers of GeV");
    }
    return Range{ends[0], ends[1]};
  };
  window.write = [](Range const& range) { return Json::array({range.lo, range.hi}); };
  return schema::or_null(window);
}

schema::Table<JetGroup> group_table(Label label) {
  schema::Table<JetGroup> table("Jets with a " + std::string(name(label)));
  table.key("name", &JetGroup::name, schema::non_empty_text(), "What results call them.")
      .required()
      .then([label](JetGroup& group) { group.label = label; });
  table.key("codes", &JetGroup::codes, codes(), "Values of the field; their signs do not matter.")
      .required();
  table.key("mass_true", &JetGroup::mass_true, mass_window(), "Window of the true mass [GeV].");
  return table;
}

schema::Table<Axis> axis_table() {
  schema::Table<Axis> table("An axis of a table");
  table
      .key("quantity", &Axis::quantity, schema::one_of(quantity_names()),
           "What jets are binned in; energies in GeV.")
      .required();
  table.key("edges", &Axis::edges, edges(), "Edges of the bins, rising.").required();
  return table;
}

schema::Table<TableSpec> slice_table() {
  schema::Table<TableSpec> table(
      "A table of response and resolution. Pictures show the first axis, a panel for each bin of "
      "the others");
  table.key("name", &TableSpec::name, schema::non_empty_text(), "What results call it.").required();
  table.key("axes", &TableSpec::axes, schema::list_of(schema::object(axis_table()), 1), "Its axes.")
      .required();
  table.key("compare", &TableSpec::compare, schema::boolean(),
            "Differences between calibrations, from the same jets.");
  return table;
}

schema::Table<FieldNames> fields_table() {
  schema::Table<FieldNames> table(
      "Fields beside the targets'. A sample without one is left out of the tests that need it");
  table.key("weight", &FieldNames::weight, schema::or_null(schema::text()),
            "Per-jet weights. null: those the first model was trained with; \"\": none.");
  table.key("npv", &FieldNames::npv, schema::non_empty_text(), "Reconstructed primary vertices.");
  table.key("mu", &FieldNames::mu, schema::non_empty_text(), "Collisions per bunch crossing.");
  table.key("topology", &FieldNames::topology, schema::non_empty_text(),
            "Code of what the jet contains.");
  table.key("flavour", &FieldNames::flavour, schema::non_empty_text(),
            "PDG code of the parton of highest energy.");
  return table;
}

schema::Table<PileupSettings> pileup_table() {
  schema::Table<PileupSettings> table("Slopes of the mode against pile-up");
  table.key("npv", &PileupSettings::npv, edges(), "Edges in NPV.");
  table.key("mu", &PileupSettings::mu, edges(), "Edges in mu.");
  table.key("energy_true", &PileupSettings::energy_true, edges(), "Edges in true energy [GeV].");
  table.key("abs_eta_true", &PileupSettings::abs_eta_true, edges(), "Edges in |eta_true|.");
  return table;
}

schema::Table<ImportanceSettings> importance_table() {
  schema::Table<ImportanceSettings> table("What the predictions depend on");
  table.key("jets", &ImportanceSettings::jets, schema::integer(1, 100000000),
            "Jets of the first sample that are looked at, chosen at random.");
  table.key("shift", &ImportanceSettings::shift, schema::number(schema::above(0)),
            "Shift of a feature, in standard deviations of its distribution after the transform.");
  table.key("pt_true", &ImportanceSettings::pt_true, edges(),
            "Bins of the gradients in true pT [GeV].");
  table.key("mass_true", &ImportanceSettings::mass_true, edges(), "and in true mass [GeV].");
  return table;
}

schema::Codec<std::vector<std::pair<std::string, std::string>>> sample_pairs() {
  auto const lists = schema::list_of(schema::list_of(schema::non_empty_text(), 2));
  schema::Codec<std::vector<std::pair<std::string, std::string>>> codec;
  codec.shape = lists.shape;
  codec.read = [lists](Json const& json, Place const& place) {
    std::vector<std::pair<std::string, std::string>> out;
    for (auto const& names : lists.read(json, place)) {
      if (names.size() != 2 || names[0] == names[1]) {
        schema::refuse(json, place, "a list of pairs of different samples");
      }
      out.emplace_back(names[0], names[1]);
    }
    return out;
  };
  codec.write = [](std::vector<std::pair<std::string, std::string>> const& pairs) {
    Json out = Json::array();
    for (auto const& [a, b] : pairs) { out.push_back(Json::array({a, b})); }
    return out;
  };
  return codec;
}

}  // namespace

schema::Table<Settings> settings_table() {
  schema::Table<Settings> table("A validation");
  auto bins = schema::object(data::bins_table());
  bins.when_absent.reset();  // the default bins
  table.key("bins", &Settings::bins, bins,
            "Bins of the closure in true pT, |eta| and mass; an axis that is not named here is not "
            "binned.");
  table.key("mass_true_min", &Settings::mass_true_min_gev, schema::number(schema::at_least(0)),
            "The mass is validated for jets of a true mass above this [GeV].");
  table.key("min_jets", &Settings::min_jets,
            schema::integer(1, std::numeric_limits<std::int64_t>::max()),
            "A bin counts in the summary from this many jets on.");
  table.key("errors_allowed", &Settings::errors_allowed, schema::number(schema::at_least(0)),
            "Statistical errors that the second set of shares in the summary allows for.");
  table.key("mode", &Settings::mode, schema::object(mode_table()), "The estimator of the mode.");
  table.key("fields", &Settings::fields, schema::object(fields_table()), "Names of fields.");
  table.key("tests", &Settings::tests, schema::list_of(schema::one_of(test_names())),
            "Tests beside the closure.");
  table.key("slices", &Settings::slices, schema::list_of(schema::object(slice_table())),
            "Tables of the test `slices`.");
  table.key("topologies", &Settings::topologies,
            schema::list_of(schema::object(group_table(Label::topology))),
            "Jets of the test `topologies`; other codes are left out and counted.");
  table.key("topology_pt_true", &Settings::topology_pt_true, edges(), "Its bins in true pT [GeV].");
  table.key("flavours", &Settings::flavours,
            schema::list_of(schema::object(group_table(Label::flavour))),
            "Jets of the test `flavours`.");
  table.key("flavours_without", &Settings::flavours_without, codes(),
            "Codes of jets without a flavour; any code not named here or there is an error.");
  table.key("flavour_energy_true", &Settings::flavour_energy_true, edges(),
            "Its bins in true energy [GeV].");
  table.key("spectrum_pt_true", &Settings::spectrum_pt_true, edges(),
            "Bins of the test `spectrum` in true pT [GeV], wide ones.");
  table.key("compare_samples", &Settings::compare_samples, sample_pairs(),
            "Pairs of samples of one process that the test `samples` compares.");
  table.key("pileup", &Settings::pileup, schema::object(pileup_table()), "The test `pileup`.");
  table.key("importance", &Settings::importance, schema::object(importance_table()),
            "The test `importance`.");
  table.check([](Settings const& s, Place const& place) {
    try {
      s.require_valid();
    } catch (ConfigError const& e) { throw ConfigError(place.text() + ": " + e.what()); }
  });
  return table;
}

}  // namespace jetcal::validate
