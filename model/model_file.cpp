#include "model/model_file.hpp"

#include <cmath>

#include "engine/hdf5_io.hpp"
#include "engine/sealed_file.hpp"
#include "model/config_schema.hpp"

namespace jetcal::model {
namespace {

constexpr char kKind[] = "model";
constexpr char kFormat[] = "jetcal-model 1";

std::vector<std::string> feature_names(Json const& recipe, std::string const& where) {
  auto const features = recipe.find("features");
  JETCAL_REQUIRE(features != recipe.end() && features->is_array(), ConfigError,
                 where << ": its recipe has no list 'features'");
  std::vector<std::string> names;
  for (Json const& feature : *features) {
    JETCAL_REQUIRE(feature.is_object() && feature.contains("name") && feature["name"].is_string(),
                   ConfigError, where << ": a feature of its recipe has no name");
    names.push_back(feature["name"].get<std::string>());
  }
  return names;
}

void check_inputs(InputScaling const& inputs, Json const& recipe, std::string const& where) {
  std::vector<std::string> const features = feature_names(recipe, where);
  JETCAL_REQUIRE(inputs.names == features, DataError,
                 where << ": normalises " << joined(inputs.names) << " (its recipe's features are "
                       << joined(features) << ")");
  std::size_t const n = features.size();
  JETCAL_REQUIRE(
      inputs.units.size() == n && inputs.scale.size() == n && inputs.offset.size() == n, DataError,
      where << ": has " << inputs.units.size() << " units, " << inputs.scale.size()
            << " scales and " << inputs.offset.size() << " offsets (must be " << n << " each)");
  for (std::size_t i = 0; i < n; ++i) {
    JETCAL_REQUIRE(
        std::isfinite(inputs.scale[i]) && inputs.scale[i] != 0 && std::isfinite(inputs.offset[i]),
        DataError,
        where << ": feature '" << features[i] << "' has scale " << inputs.scale[i] << " and offset "
              << inputs.offset[i] << " (both must be finite, and the scale not 0)");
  }
}

void write_annotation(hdf5::Writer& root, AnnotationConfig const& annotation) {
  if (!annotation.enabled) { return; }
  root.group("annotation", [&](hdf5::Writer& group) {
    group.doubles("centres", annotation.centres);
    group.doubles("widths", annotation.widths);
    group.attribute("feature", annotation.feature);
    group.attribute("symmetric", std::int64_t{annotation.symmetric});
  });
}

void check_annotation(hdf5::Reader const& root, AnnotationConfig const& annotation,
                      std::string const& where) {
  bool same = root.has("annotation") == annotation.enabled;
  if (same && annotation.enabled) {
    hdf5::Reader const group = root.group("annotation");
    same = group.doubles("centres") == annotation.centres &&
           group.doubles("widths") == annotation.widths &&
           group.text_attribute("feature") == annotation.feature &&
           group.integer_attribute("symmetric") == std::int64_t{annotation.symmetric};
  }
  JETCAL_REQUIRE(same, DataError, where << ": /annotation is not the annotation of its recipe");
}

}  // namespace

void write_scaling(hdf5::Writer& root, InputScaling const& inputs) {
  root.group("normalisation", [&](hdf5::Writer& group) {
    auto const n = static_cast<std::int64_t>(inputs.names.size());
    group.texts("names", inputs.names);
    group.texts("units", inputs.units);
    group.floats("scale", inputs.scale, {n});
    group.floats("offset", inputs.offset, {n});
  });
}

InputScaling read_scaling(hdf5::Reader const& root) {
  hdf5::Reader const group = root.group("normalisation");
  return {group.texts("names"), group.texts("units"), group.float_list("scale"),
          group.float_list("offset")};
}

void write_model(std::filesystem::path const& path, ModelFile const& file, Layout const& layout,
                 std::vector<float> const& arena) {
  std::string const where = path.string();
  NetworkConfig const network = network_config(file.recipe, where);
  check_inputs(file.inputs, file.recipe, where);
  auto const image = hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
    root.attribute("format", std::string(kFormat));
    root.attribute("code_version", file.code_version);
    root.attribute("recipe", file.recipe.dump());
    root.attribute("provenance", file.provenance.dump());
    write_scaling(root, file.inputs);
    write_annotation(root, network.annotation);
    root.group("parameters", [&](hdf5::Writer& group) { write_arena(group, layout, arena); });
  });
  // What was made is read before it replaces anything: a file that this cannot read is not written.
  require_finite(read_matrices(hdf5::Reader(image, where).group("parameters")), where);
  write_sealed(path, kKind, image);
}

ModelFile read_model(std::filesystem::path const& path) {
  std::string const where = path.string();
  hdf5::Reader const root(read_sealed(path, kKind), where);
  std::string const format = root.text_attribute("format");
  JETCAL_REQUIRE(format == kFormat, DataError,
                 where << ": has format '" << format << "' (this jetcal reads '" << kFormat
                       << "'). Use the jetcal that wrote it");
  ModelFile file;
  try {
    file.code_version = root.text_attribute("code_version");
    file.recipe = parse_json(root.text_attribute("recipe"), where);
    file.provenance = parse_json(root.text_attribute("provenance"), where);
    file.network = network_config(file.recipe, where);
    file.inputs = read_scaling(root);
    check_inputs(file.inputs, file.recipe, where);
    check_annotation(root, file.network.annotation, where);
  } catch (ConfigError const& e) {
    throw DataError(std::string(e.what()) + ". Use the jetcal that wrote it");
  }
  file.parameters = read_matrices(root.group("parameters"));
  require_finite(file.parameters, where);
  return file;
}

}  // namespace jetcal::model
