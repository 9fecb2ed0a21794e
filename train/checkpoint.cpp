#include "train/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/arena_io.hpp"
#include "engine/hdf5_io.hpp"
#include "engine/sealed_file.hpp"

namespace jetcal::train {
namespace {

namespace fs = std::filesystem;

constexpr char kKind[] = "checkpoint";
constexpr char kFormat[] = "jetcal-checkpoint 1";
constexpr std::string_view kPrefix = "checkpoint_";
constexpr std::string_view kSuffix = ".h5";
constexpr std::size_t kDigits = 12;

// JSON text has no NaN or infinity: it would come back as null.
void require_finite_numbers(Json const& json, std::string const& where) {
  if (json.is_structured()) {
    for (auto const& [key, value] : json.items()) {
      require_finite_numbers(value, where + '/' + key);
    }
  }
  JETCAL_REQUIRE(!json.is_number_float() || std::isfinite(json.get<double>()), ConfigError,
                 where << ": is " << json.get<double>() << " (must be finite)");
}

void check_format(hdf5::Reader const& root, std::string const& where) {
  std::string const format = root.text_attribute("format");
  JETCAL_REQUIRE(format == kFormat, DataError,
                 where << ": has format '" << format << "' (this jetcal reads '" << kFormat
                       << "'). Use the jetcal that wrote it");
}

Json json_attribute(hdf5::Reader const& root, std::string const& name, std::string const& where) {
  try {
    return parse_json(root.text_attribute(name), where + " @" + name);
  } catch (ConfigError const& e) { throw DataError(e.what()); }
}

Checkpoint header(hdf5::Reader const& root, std::string const& where) {
  check_format(root, where);
  Checkpoint out;
  out.recipe = json_attribute(root, "recipe", where);
  out.position = json_attribute(root, "position", where);
  out.provenance = json_attribute(root, "provenance", where);
  out.code_version = root.text_attribute("code_version");
  out.inputs = model::read_scaling(root);
  return out;
}

bool is_checkpoint_name(std::string const& name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() &&
         name.compare(0, kPrefix.size(), kPrefix) == 0 &&
         name.compare(kPrefix.size() + kDigits, kSuffix.size(), kSuffix) == 0 &&
         std::all_of(name.begin() + kPrefix.size(), name.begin() + kPrefix.size() + kDigits,
                     [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void write_checkpoint(fs::path const& path, Checkpoint const& checkpoint, Layout const& layout) {
  require_finite_numbers(checkpoint.position, path.string() + ": position");
  require_finite_numbers(checkpoint.provenance, path.string() + ": provenance");
  auto const image = hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
    root.attribute("format", std::string(kFormat));
    root.attribute("code_version", checkpoint.code_version);
    root.attribute("recipe", checkpoint.recipe.dump());
    root.attribute("position", checkpoint.position.dump());
    root.attribute("provenance", checkpoint.provenance.dump());
    model::write_scaling(root, checkpoint.inputs);
    root.group("parameters",
               [&](hdf5::Writer& group) { write_arena(group, layout, checkpoint.parameters); });
    root.group("state", [&](hdf5::Writer& state) {
      for (auto const& [name, arena] : checkpoint.arenas) {
        state.group(name, [&, &values = arena](hdf5::Writer& group) {
          write_arena(group, layout, values);
        });
      }
    });
    root.group("sums", [&](hdf5::Writer& group) {
      for (auto const& [name, values] : checkpoint.sums) { group.doubles(name, values); }
    });
  });
  // A state nobody can go on from is not written.
  require_finite(read_matrices(hdf5::Reader(image, path.string()).group("parameters")),
                 path.string());
  write_sealed(path, kKind, image);
}

Checkpoint read_checkpoint(fs::path const& path, Layout const& layout) {
  std::string const where = path.string();
  hdf5::Reader const root(read_sealed(path, kKind), where);
  Checkpoint out = header(root, where);
  StoredMatrices const parameters = read_matrices(root.group("parameters"));
  require_finite(parameters, where);
  out.parameters = to_arena(parameters, layout, where);
  hdf5::Reader const state = root.group("state");
  for (std::string const& name : state.names()) {
    out.arenas.emplace_back(
        name, to_arena(read_matrices(state.group(name)), layout, where + ": /state/" + name));
  }
  hdf5::Reader const sums = root.group("sums");
  for (std::string const& name : sums.names()) { out.sums.emplace_back(name, sums.doubles(name)); }
  return out;
}

Checkpoint read_checkpoint_header(fs::path const& path) {
  return header(hdf5::Reader(read_sealed(path, kKind), path.string()), path.string());
}

fs::path checkpoint_path(fs::path const& folder, std::int64_t updates) {
  JETCAL_REQUIRE(updates >= 0 && updates < 1'000'000'000'000, Error,
                 "checkpoint_path: " << updates << " updates (must be 0 to 10^12 - 1)");
  std::string digits = std::to_string(updates);
  digits.insert(0, kDigits - digits.size(), '0');
  return folder / std::string(kPrefix).append(digits).append(kSuffix);
}

std::vector<fs::path> list_checkpoints(fs::path const& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  if (!fs::exists(folder, error)) { return out; }
  fs::directory_iterator const entries(folder, error);
  JETCAL_REQUIRE(!error, DataError, folder.string() << ": cannot be listed: " << error.message());
  for (auto const& entry : entries) {
    if (is_checkpoint_name(entry.path().filename().string())) { out.push_back(entry.path()); }
  }
  // The number has a fixed width: the order of names is the order of updates.
  std::sort(out.rbegin(), out.rend());
  return out;
}

LatestCheckpoint find_latest(fs::path const& folder) {
  LatestCheckpoint out;
  for (fs::path const& path : list_checkpoints(folder)) {
    try {
      read_checkpoint_header(path);
      out.path = path;
      break;
    } catch (DataError const& e) {
      out.damaged.push_back(path);
      out.complaints.emplace_back(e.what());
    }
  }
  return out;
}

void set_damaged_aside(LatestCheckpoint const& latest) {
  for (fs::path const& path : latest.damaged) {
    std::error_code error;
    fs::path aside = path;
    aside += ".damaged";
    fs::rename(path, aside, error);
    JETCAL_REQUIRE(!error, DataError,
                   path.string() << ": is damaged and cannot be renamed: " << error.message());
  }
}

void prune_checkpoints(fs::path const& folder, std::int64_t keep) {
  JETCAL_REQUIRE(keep >= 1, Error, "prune_checkpoints: keep is " << keep << " (must be >= 1)");
  auto const all = list_checkpoints(folder);
  for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) {
    std::error_code error;
    fs::remove(all[i], error);
    JETCAL_REQUIRE(!error, DataError,
                   all[i].string() << ": cannot be removed: " << error.message());
  }
}

}  // namespace jetcal::train
