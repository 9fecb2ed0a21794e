#include "data/config_schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace jetcal::data {
namespace {

constexpr char kFloorName[] = "log_floor(";
constexpr char kTransforms[] = "`none`, `log`, `log_floor(x)` with x > 0, `abs`";

// Transform and floor of a text such as "log_floor(40)".
FeatureConfig parse_transform(std::string const& text, Place const& place) {
  FeatureConfig out;
  std::string const start = kFloorName;
  if (text == "none") {
    out.transform = Transform::none;
  } else if (text == "log") {
    out.transform = Transform::log;
  } else if (text == "abs") {
    out.transform = Transform::abs;
  } else {
    bool const form = text.size() > start.size() + 1 && text.compare(0, start.size(), start) == 0 &&
                      text.back() == ')';
    char const* const first = text.data() + std::min(start.size(), text.size());
    char const* const last = text.data() + text.size() - (form ? 1 : 0);
    auto const number = std::from_chars(first, last, out.floor);
    JETCAL_REQUIRE(form && number.ec == std::errc() && number.ptr == last &&
                       std::isfinite(out.floor) && out.floor > 0,
                   ConfigError,
                   place.text() << ": is '" << text << "' (must be none, log, abs or log_floor(x) "
                                << "with a number x > 0, as in log_floor(40)). Did you mean '"
                                << nearest(text, {"none", "log", "abs", "log_floor(40)"}) << "'?");
    out.transform = Transform::log_floor;
  }
  return out;
}

schema::Codec<FeatureConfig> transform_codec() {
  schema::Codec<FeatureConfig> codec;
  codec.shape = {"text", kTransforms, nullptr, ""};
  codec.read = [](Json const& json, Place const& place) {
    return parse_transform(schema::text().read(json, place), place);
  };
  codec.write = [](FeatureConfig const& f) { return Json(transform_text(f)); };
  return codec;
}

schema::Table<FeatureConfig> feature_table() {
  schema::Table<FeatureConfig> table(
      "One input of the network. The order of the list is the order of the inputs");
  table
      .key<std::string>(
          "field", [](FeatureConfig const& f) { return f.field; },
          [](FeatureConfig& f, std::string v) { f.name = f.field = v; }, schema::non_empty_text(),
          "Field of the dataset `jets`.")
      .required();
  table
      .key("name", &FeatureConfig::name, schema::non_empty_text(),
           "What the model file and messages call it; every feature has another.")
      .defaults("as `field`");
  table.key<FeatureConfig>(
      "transform", [](FeatureConfig const& f) { return f; },
      [](FeatureConfig& f, FeatureConfig v) {
        f.transform = v.transform;
        f.floor = v.floor;
      },
      transform_codec(),
      "Of the value in `unit`, before the normalisation to about [-1, 1]: v, ln v, ln max(v, x), "
      "or abs v. The x of `log_floor(x)` is in `unit`.");
  table.key("unit", &FeatureConfig::unit, schema::text(),
            "Unit the network sees: `MeV`, `GeV` and `TeV` convert into each other, any other must "
            "be the file's. Empty: the file's, whatever it is; a model is then only good for files "
            "in that unit. Dimensionless is `1`.");
  return table;
}

schema::Codec<std::vector<double>> edges() {
  schema::Codec<std::vector<double>> codec = schema::list_of(schema::number());
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    auto values = read(json, place);
    bool rising = values.size() != 1;
    for (std::size_t i = 1; i < values.size(); ++i) {
      rising = rising && values[i - 1] < values[i];
    }
    if (!rising) { schema::refuse(json, place, "bin edges in rising order, two or more, or none"); }
    return values;
  };
  return codec;
}

}  // namespace

std::string transform_text(FeatureConfig const& feature) {
  switch (feature.transform) {
    case Transform::none:
      return "none";
    case Transform::log:
      return "log";
    case Transform::abs:
      return "abs";
    case Transform::log_floor:
      return kFloorName + Json(feature.floor).dump() + ")";
  }
  throw Error("transform_text: no such transform");
}

schema::Codec<std::vector<FeatureConfig>> features_codec() {
  auto codec = schema::list_of(schema::object(feature_table()), 1);
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    auto features = read(json, place);
    std::set<std::string> names;
    for (std::size_t i = 0; i < features.size(); ++i) {
      JETCAL_REQUIRE(names.insert(features[i].name).second, ConfigError,
                     (place / i).text() << ": name '" << features[i].name
                                        << "' is taken by an earlier feature (names must differ)");
    }
    return features;
  };
  return codec;
}

schema::Codec<std::map<std::string, TargetConfig>> targets_codec() {
  using Targets = std::map<std::string, TargetConfig>;
  schema::Table<Targets> table("What the heads learn: the response reco / truth");
  for (std::string const head : {"energy", "mass"}) {
    schema::Table<Targets> fields(
        "Both fields are in one unit of energy, or in units that convert into each other");
    fields.key<std::string>(
        "reco", [head](Targets const& t) { return t.count(head) ? t.at(head).reco : head; },
        [head](Targets& t, std::string v) { t[head].reco = std::move(v); },
        schema::non_empty_text(), "Field with the reconstructed value.");
    fields.key<std::string>(
        "truth",
        [head](Targets const& t) { return t.count(head) ? t.at(head).truth : "truth_" + head; },
        [head](Targets& t, std::string v) { t[head].truth = std::move(v); },
        schema::non_empty_text(), "Field with the true value.");
    table.group(head, fields, "Of the head of this name.");
  }
  auto codec = schema::object(table);
  codec.read = [table](Json const& json, Place const& place) {
    return table.read(json, place,
                      {{"energy", {"energy", "truth_energy"}}, {"mass", {"mass", "truth_mass"}}});
  };
  return codec;
}

schema::Table<DataConfig> data_table() {
  auto const policy = schema::one_of<NonFinitePolicy>(
      {{"error", NonFinitePolicy::error}, {"drop", NonFinitePolicy::drop}});
  schema::Table<DataConfig> table("Where the jets come from and which of them train");
  table
      .key("train", &DataConfig::train, schema::list_of(schema::path_or_glob(), 1, true),
           "Shards: paths or globs, relative to the recipe's folder (in `--set`: to the working "
           "directory). They are read in sorted order.")
      .required();
  table.key("validation_fraction", &DataConfig::validation_fraction,
            schema::number({0, 1, true, false}),
            "Share of the groups held out for validation by a keyed hash of `group`. 0: every jet "
            "trains and validation metrics are null. The paper (arXiv:2311.08885) sets about 4 % "
            "aside.");
  table.key("group", &DataConfig::group, schema::non_empty_text(),
            "Integer field; jets with equal values stay on one side of the split.");
  table.key("split_key", &DataConfig::split_key, schema::unsigned_integer(),
            "Key of that hash. Not the seed: all seeds share the split.");
  table.key("weight", &DataConfig::weight, schema::or_null(schema::non_empty_text()),
            "Field of per-jet weights, honoured in loss, normalisation and validation. null: every "
            "jet counts 1.");
  table.key("units", &DataConfig::units, schema::map_of(schema::non_empty_text()),
            "Units of fields where the file declares none: field -> unit. An error where it "
            "contradicts the file.");
  table.key("non_finite", &DataConfig::non_finite, policy,
            "What to do with jets with a non-finite feature, target or weight.");
  table.key("non_positive_response", &DataConfig::non_positive_response, policy,
            "What to do with jets with a response reco / truth <= 0.");
  return table;
}

schema::Table<LoaderConfig> loader_table() {
  schema::Table<LoaderConfig> table("How jets are brought to the trainer");
  table.key("memory_mib", &LoaderConfig::memory_mib, schema::integer(1, std::int64_t{1} << 30),
            "Memory the loader may take, in MiB; a row of 21 features takes about 100 bytes.");
  table.key("mode", &LoaderConfig::mode,
            schema::one_of<LoaderMode>({{"auto", LoaderMode::automatic},
                                        {"resident", LoaderMode::resident},
                                        {"streaming", LoaderMode::streaming}}),
            "`resident`: all jets in memory, any order. `streaming`: whole chunks in permuted "
            "order, rows shuffled in a window. `auto`: resident if it fits `memory_mib`. The two "
            "give different orders of jets, hence different (equally good) results.");
  return table;
}

schema::Table<BinsConfig> bins_table() {
  schema::Table<BinsConfig> table(
      "Bins of the phase space that metrics are given in. Bin b of an axis holds edge b <= v < "
      "edge b+1; an axis without edges is not binned. arXiv:2311.08885, section 7.1, asks for "
      "losses in such bins; its own edges are not published");
  table.key("pt_true", &BinsConfig::pt_true, edges(), "Edges in true pT, GeV.");
  table.key("abs_eta_true", &BinsConfig::abs_eta_true, edges(), "Edges in abs of true eta.");
  table.key("mass_true", &BinsConfig::mass_true, edges(), "Edges in true mass, GeV.");
  table.key("pt_field", &BinsConfig::pt_field, schema::non_empty_text(), "Field of true pT.");
  table.key("eta_field", &BinsConfig::eta_field, schema::non_empty_text(), "Field of true eta.");
  table.key("mass_field", &BinsConfig::mass_field, schema::non_empty_text(), "Field of true mass.");
  return table;
}

schema::Table<KinematicsConfig> kinematics_table() {
  schema::Table<KinematicsConfig> table(
      "Fields besides the targets' that a calibrated jet is written with: "
      "pt_calibrated = sqrt(E^2 - m^2) / cosh(eta)");
  table.key("pt", &KinematicsConfig::pt, schema::non_empty_text(), "Transverse momentum.");
  table.key("eta", &KinematicsConfig::eta, schema::non_empty_text(), "Pseudorapidity.");
  return table;
}

InputConfig input_config(Json const& recipe, std::string const& where) {
  Document const document{where, ".", {}};
  Place const root(document);
  auto const part = [&](char const* key) -> Json const& {
    auto const found = recipe.find(key);
    JETCAL_REQUIRE(recipe.is_object() && found != recipe.end(), ConfigError,
                   where << ": its recipe has no key '" << key << "'");
    return *found;
  };
  return {data_table().read(part("data"), root / "data"),
          features_codec().read(part("features"), root / "features"),
          targets_codec().read(part("targets"), root / "targets"),
          kinematics_table().read(part("kinematics"), root / "kinematics"),
          bins_table().read(part("bins"), root / "bins")};
}

TargetConfig InputConfig::target(std::string const& head) const {
  auto const found = targets.find(head);
  return found == targets.end() ? TargetConfig{head, "truth_" + head} : found->second;
}

}  // namespace jetcal::data
