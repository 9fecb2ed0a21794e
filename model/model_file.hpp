#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/arena_io.hpp"
#include "engine/hdf5_io.hpp"
#include "engine/json.hpp"
#include "engine/layout.hpp"
#include "model/config.hpp"

namespace jetcal::model {

/// What the network's inputs are, one entry a feature, in the order of the inputs: the value, in
/// `units` and transformed as the recipe says, times scale plus offset.
struct InputScaling {
  std::vector<std::string> names;
  std::vector<std::string> units;
  std::vector<float> scale;
  std::vector<float> offset;
};

/// The group /normalisation {names, units, scale, offset} of models and checkpoints.
void write_scaling(hdf5::Writer& root, InputScaling const& inputs);
InputScaling read_scaling(hdf5::Reader const& root);

/// Everything a model file says. docs/model-file.md describes the format.
struct ModelFile {
  Json recipe;                       ///< resolved
  std::string code_version;          ///< of the program that wrote it
  Json provenance = Json::object();  ///< how it was made: seed, precision, jets, ...
  NetworkConfig network;             ///< the recipe's; filled by read_model()
  InputScaling inputs;
  StoredMatrices parameters;  ///< filled by read_model()
};

/// Writes parameters, a padded arena of `layout`, and everything else of `file` (its own
/// `parameters` and `network` are not looked at) as a sealed HDF5 file, atomically.
///
/// Errors    ConfigError for a recipe that does not describe a network, or inputs that are not its
///           features; DataError for values that are not finite, or if the file cannot be written
void write_model(std::filesystem::path const& path, ModelFile const& file, Layout const& layout,
                 std::vector<float> const& arena);

/// Reads a model after checking that no bit of the file changed, and checks all it says: inputs and
/// annotation are those of its recipe, everything is finite. That the parameters are those of the
/// network is to_arena()'s check.
///
/// Errors    DataError, beginning with the file's name
ModelFile read_model(std::filesystem::path const& path);

}  // namespace jetcal::model
