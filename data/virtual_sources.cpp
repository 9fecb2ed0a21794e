#include "data/virtual_sources.hpp"

#include <cstdlib>
#include <filesystem>

#include "data/chunk.hpp"

namespace jetcal::data {
namespace {

namespace fs = std::filesystem;

std::string source_name(hid_t properties, std::size_t mapping,
                        ssize_t (*get)(hid_t, std::size_t, char*, std::size_t)) {
  ssize_t const length = get(properties, mapping, nullptr, 0);
  std::string text(length > 0 ? static_cast<std::size_t>(length) + 1 : 1, '\0');
  get(properties, mapping, text.data(), text.size());
  text.pop_back();
  return text;
}

/// Where the library looks for a source: as it is named, in HDF5_VDS_PREFIX, and beside the virtual
/// file. Empty if it is nowhere.
fs::path find_source(std::string const& name, fs::path const& virtual_file) {
  if (name == ".") { return virtual_file; }
  fs::path const source = name;
  std::vector<fs::path> candidates;
  if (char const* const prefix = std::getenv("HDF5_VDS_PREFIX")) {
    std::string folder = prefix;
    if (auto const at = folder.find("${ORIGIN}"); at != std::string::npos) {
      folder.replace(at, 9, virtual_file.parent_path().string());
    }
    candidates.push_back(fs::path(folder) / source);
  }
  candidates.push_back(virtual_file.parent_path() / source);  // `source` itself if it is absolute
  candidates.push_back(virtual_file.parent_path() / source.filename());
  candidates.push_back(source);
  for (fs::path const& candidate : candidates) {
    std::error_code ignored;
    if (fs::exists(candidate, ignored)) { return candidate; }
  }
  return {};
}

/// One past the last row that the mapping takes from its source for `rows` rows of the virtual
/// dataset; 0 if it takes however many there are.
std::int64_t rows_needed(hid_t properties, std::size_t mapping, std::int64_t rows) {
  Hid const space(H5Pget_virtual_srcspace(properties, mapping), H5Sclose);
  if (H5Sget_select_type(space) == H5S_SEL_ALL) { return rows; }
  hsize_t first = 0, last = 0;
  bool const bounded = H5Sget_simple_extent_ndims(space) == 1 &&
                       H5Sget_select_bounds(space, &first, &last) >= 0 && last < H5S_UNLIMITED - 1;
  return bounded ? static_cast<std::int64_t>(last) + 1 : 0;
}

void require_source(std::string const& file_name, std::string const& dataset, std::int64_t needed,
                    std::string const& path) {
  fs::path const found = find_source(file_name, path);
  JETCAL_REQUIRE(!found.empty(), DataError,
                 path << ": virtual dataset 'jets' needs '" << file_name
                      << "', which is not there (its rows would read as zeros)");
  Hid const file(H5Fopen(found.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  JETCAL_REQUIRE(file, DataError,
                 path << ": virtual dataset 'jets' needs '" << found.string()
                      << "', which cannot be opened (" << hdf5_reason() << ")");
  Hid const source(H5Dopen2(file, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  JETCAL_REQUIRE(source, DataError,
                 path << ": virtual dataset 'jets' needs the dataset '" << dataset << "' of '"
                      << found.string() << "', which is not there");
  Hid const space(H5Dget_space(source), H5Sclose);
  auto const rows = static_cast<std::int64_t>(H5Sget_simple_extent_npoints(space));
  JETCAL_REQUIRE(rows >= needed, DataError,
                 path << ": virtual dataset 'jets' needs " << needed << " rows of '"
                      << found.string() << "', which has " << rows
                      << " (the others would read as zeros)");
  Hid const source_properties(H5Dget_create_plist(source), H5Pclose);
  require_filters(source_properties, found.string());
}

}  // namespace

void require_virtual_sources(hid_t creation_properties, std::string const& path,
                             std::int64_t rows) {
  std::size_t mappings = 0;
  H5Pget_virtual_count(creation_properties, &mappings);
  std::int64_t mapped = 0;
  bool open_ended = false;
  for (std::size_t i = 0; i < mappings; ++i) {
    std::string const file = source_name(creation_properties, i, H5Pget_virtual_filename);
    std::string const dataset = source_name(creation_properties, i, H5Pget_virtual_dsetname);
    Hid const space(H5Pget_virtual_vspace(creation_properties, i), H5Sclose);
    hssize_t const points = H5Sget_select_npoints(space);
    // Numbered sources ("jets_%b.h5"): the dataset ends where they end.
    bool const numbered = (file + dataset).find("%b") != std::string::npos;
    bool const counted = !numbered && points >= 0 && points < hssize_t{1} << 62;
    open_ended = open_ended || !counted;
    if (counted) { mapped += points; }
    if (!numbered) {
      std::int64_t const needed = rows_needed(creation_properties, i, counted ? points : 0);
      require_source(file, dataset, needed, path);
    }
  }
  JETCAL_REQUIRE(open_ended || mapped >= rows, DataError,
                 path << ": virtual dataset 'jets' has " << rows << " rows but sources for "
                      << mapped << " (the others would read as zeros)");
}

}  // namespace jetcal::data
