#include "data/normalisation.hpp"

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "data/norm_dict.hpp"

namespace jetcal::data {
namespace {

struct Affine {
  double scale = 0;
  double offset = 0;
};

double number(Json const& object, char const* key, std::string const& where) {
  JETCAL_REQUIRE(object.is_object() && object.contains(key) && object[key].is_number(), ConfigError,
                 where << ": has no number '" << key << "' (must have one)");
  return object[key].get<double>();
}

void append(Normalisation& out, std::string const& name, Affine affine, std::string const& where) {
  auto const scale = static_cast<float>(affine.scale);
  auto const offset = static_cast<float>(affine.offset);
  JETCAL_REQUIRE(std::isfinite(scale) && std::isfinite(offset) && scale != 0, ConfigError,
                 where << ": '" << name << "' has scale " << affine.scale << " and offset "
                       << affine.offset << " (must be finite in float32, the scale not 0)");
  out.names.push_back(name);
  out.scale.push_back(scale);
  out.offset.push_back(offset);
}

std::vector<std::string> keys_of(std::map<std::string, Affine> const& entries) {
  std::vector<std::string> names;
  for (auto const& entry : entries) { names.push_back(entry.first); }
  return names;
}

std::map<std::string, Affine> read_scale_offset(Json const& json, std::string const& where) {
  std::map<std::string, Affine> entries;
  JETCAL_REQUIRE(json["inputs"].is_array(), ConfigError,
                 where << ": 'inputs' is " << brief(json["inputs"]) << " (must be a list)");
  for (Json const& input : json["inputs"]) {
    JETCAL_REQUIRE(input.is_object() && input.contains("name") && input["name"].is_string(),
                   ConfigError, where << ": input " << brief(input) << " has no name");
    auto const name = input["name"].get<std::string>();
    std::string const at = where + ": input '" + name + "'";
    Affine const affine{number(input, "scale", at), number(input, "offset", at)};
    JETCAL_REQUIRE(entries.emplace(name, affine).second, ConfigError, at << " appears twice");
  }
  return entries;
}

std::map<std::string, Affine> read_norm_dict(Json const& json, std::string const& where,
                                             std::set<std::string> const& wanted) {
  std::map<std::string, Affine> entries;
  JETCAL_REQUIRE(json["jets"].is_object(), ConfigError,
                 where << ": 'jets' is " << brief(json["jets"]) << " (must be an object)");
  for (auto const& [name, value] : json["jets"].items()) {
    if (wanted.count(name) == 0) { continue; }
    std::string const at = where + ": jets/" + name;
    double const mean = number(value, "mean", at);
    double const std_deviation = number(value, "std", at);
    JETCAL_REQUIRE(std::isfinite(std_deviation) && std_deviation > 0, ConfigError,
                   at << " has std " << std_deviation << " (must be above 0)");
    entries[name] = {1 / std_deviation, -mean / std_deviation};
  }
  return entries;
}

}  // namespace

void append_range(Normalisation& normalisation, std::string const& name, float lo, float hi) {
  JETCAL_REQUIRE(lo < hi, DataError,
                 "feature '" << name << "': its 0.1 % and 99.9 % quantiles over the training jets "
                             << "are both " << lo << " (must differ). A constant feature teaches "
                             << "nothing: remove it");
  double const width = static_cast<double>(hi) - lo;
  append(normalisation, name, {2 / width, -(static_cast<double>(hi) + lo) / width},
         "normalisation");
}

std::string normalisation_text(Normalisation const& normalisation, NormalisationForm form) {
  Json json;
  for (std::size_t i = 0; i < normalisation.names.size(); ++i) {
    double const scale = normalisation.scale[i];
    double const offset = normalisation.offset[i];
    if (form == NormalisationForm::scale_offset) {
      json["inputs"].push_back(
          {{"name", normalisation.names[i]}, {"offset", offset}, {"scale", scale}});
    } else {
      JETCAL_REQUIRE(scale > 0, ConfigError,
                     "normalisation: scale of '" << normalisation.names[i] << "' is " << scale
                                                 << " (must be above 0 to have a std)");
      json["jets"][normalisation.names[i]] = {{"mean", -offset / scale}, {"std", 1 / scale}};
    }
  }
  return json.dump(2) + '\n';
}

Normalisation parse_normalisation(std::string const& text, std::vector<std::string> const& features,
                                  std::string const& where) {
  Json const json = looks_like_json(text) ? parse_json(text, where) : parse_norm_dict(text, where);
  bool const is_scale_offset = json.is_object() && json.contains("inputs");
  JETCAL_REQUIRE(is_scale_offset || (json.is_object() && json.contains("jets")), ConfigError,
                 where << ": has neither 'inputs' nor 'jets' (must be {\"inputs\": [{\"name\", "
                       << "\"offset\", \"scale\"}]} or {\"jets\": {name: {\"mean\", \"std\"}}})");
  std::set<std::string> const wanted(features.begin(), features.end());
  auto const entries =
      is_scale_offset ? read_scale_offset(json, where) : read_norm_dict(json, where, wanted);
  Normalisation out;
  for (std::string const& feature : features) {
    auto const found = entries.find(feature);
    JETCAL_REQUIRE(found != entries.end(), ConfigError,
                   where << ": has no feature '" << feature
                         << "' (it has: " << joined(keys_of(entries)) << ")");
    append(out, feature, found->second, where);
  }
  for (auto const& entry : entries) {
    JETCAL_REQUIRE(wanted.count(entry.first) > 0, ConfigError,
                   where << ": has '" << entry.first
                         << "', which is no feature (features: " << joined(features) << ")");
  }
  return out;
}

Normalisation read_normalisation(std::filesystem::path const& path,
                                 std::vector<std::string> const& features) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  JETCAL_REQUIRE(file.good(), ConfigError, path.string() << ": cannot be read");
  return parse_normalisation(text.str(), features, path.string());
}

void require_matching(Normalisation const& normalisation,
                      std::vector<FeatureConfig> const& features, std::string const& where) {
  std::size_t const n = normalisation.names.size();
  JETCAL_REQUIRE(
      n == features.size() && normalisation.scale.size() == n && normalisation.offset.size() == n,
      ConfigError,
      where << ": normalisation of " << n << " features (must be " << features.size()
            << ", as there are features)");
  for (std::size_t i = 0; i < n; ++i) {
    JETCAL_REQUIRE(normalisation.names[i] == features[i].name, ConfigError,
                   where << ": normalisation " << i << " is of '" << normalisation.names[i]
                         << "' but the feature is '" << features[i].name << "' (must agree)");
    JETCAL_REQUIRE(std::isfinite(normalisation.scale[i]) && normalisation.scale[i] != 0 &&
                       std::isfinite(normalisation.offset[i]),
                   ConfigError,
                   where << ": '" << normalisation.names[i] << "' has scale "
                         << normalisation.scale[i] << " and offset " << normalisation.offset[i]
                         << " (must be finite, the scale not 0)");
  }
}

}  // namespace jetcal::data
