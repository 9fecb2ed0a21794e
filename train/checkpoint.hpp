#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/json.hpp"
#include "engine/layout.hpp"
#include "model/model_file.hpp"

namespace jetcal::train {

/// The whole state of a run between two updates: with it a run goes on to the same bits.
///
/// File      sealed HDF5: /parameters/NAME and /normalisation as in a model, /state/ARENA/NAME as
///           parameters, /sums/NAME float64; root attributes format, code_version, recipe, position
///           and provenance (JSON)
struct Checkpoint {
  Json recipe;                       ///< resolved
  Json position = Json::object();    ///< where in the schedule: step, epoch, batch, counters, ...
  Json provenance = Json::object();  ///< seed, precision, instruction set, ...
  std::string code_version;
  model::InputScaling inputs;
  std::vector<float> parameters;  ///< padded, as the layout says; so are the arenas
  std::vector<std::pair<std::string, std::vector<float>>> arenas;  ///< optimizer states, average
  std::vector<std::pair<std::string, std::vector<double>>> sums;   ///< of the epoch so far
};

/// Writes a checkpoint atomically. Non-finite sums are kept as they are.
///
/// Errors    ShapeError for an arena of another size; ConfigError for a number in position or
///           provenance that is not finite, which JSON cannot hold; DataError for parameters that
///           are not finite, or if the file cannot be written: an older file of that name is then
///           untouched
void write_checkpoint(std::filesystem::path const& path, Checkpoint const& checkpoint,
                      Layout const& layout);

/// Reads a checkpoint after checking that no bit of the file changed. Arenas and sums come sorted
/// by name.
///
/// Errors    DataError, beginning with the file's name
Checkpoint read_checkpoint(std::filesystem::path const& path, Layout const& layout);

/// The same without parameters, arenas and sums: no layout is needed. Checks the whole file.
Checkpoint read_checkpoint_header(std::filesystem::path const& path);

/// FOLDER/checkpoint_000000012345.h5, of a run's 12345 updates.
std::filesystem::path checkpoint_path(std::filesystem::path const& folder, std::int64_t updates);

/// The checkpoints in a folder, newest (most updates) first; none if there is no such folder.
std::vector<std::filesystem::path> list_checkpoints(std::filesystem::path const& folder);

/// The newest checkpoint that is whole.
struct LatestCheckpoint {
  std::optional<std::filesystem::path> path;
  std::vector<std::filesystem::path> damaged;  ///< newer ones that are not
  std::vector<std::string> complaints;         ///< what is wrong with each of them
};
LatestCheckpoint find_latest(std::filesystem::path const& folder);

/// Renames damaged checkpoints to NAME.damaged, so that they neither count nor come up again.
void set_damaged_aside(LatestCheckpoint const& latest);

/// Removes all but the `keep` newest checkpoints of a folder.
void prune_checkpoints(std::filesystem::path const& folder, std::int64_t keep);

}  // namespace jetcal::train
