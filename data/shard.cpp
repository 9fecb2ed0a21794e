#include "data/shard.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "data/units.hpp"
#include "data/virtual_sources.hpp"
#include "engine/json.hpp"

namespace jetcal::data {
namespace {

constexpr char kDataset[] = "jets";

herr_t append_name(hid_t, char const* link, H5L_info_t const*, void* names) {
  static_cast<std::vector<std::string>*>(names)->push_back(link);
  return 0;
}

std::string names_in(hid_t file) {
  std::vector<std::string> names;
  H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, nullptr, append_name, &names);
  return names.empty() ? "nothing" : joined(names);
}

Hid open_file(std::string const& path) {
  std::ifstream stream(path, std::ios::binary);
  JETCAL_REQUIRE(stream.good() && access(path.c_str(), R_OK) == 0, DataError,
                 path << ": cannot be opened: " << std::strerror(errno));
  JETCAL_REQUIRE(stream.peek() != std::ifstream::traits_type::eof(), DataError,
                 path << ": is empty, 0 bytes (must be an HDF5 file)");
  JETCAL_REQUIRE(H5Fis_hdf5(path.c_str()) > 0, DataError,
                 path << ": is not an HDF5 file (its beginning is not that of one)");
  Hid file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (file) { return file; }
  std::string const reason = hdf5_reason();
  JETCAL_REQUIRE(reason.find("truncated") == std::string::npos, DataError,
                 path << ": is truncated (" << reason << "). Copy or make it again");
  JETCAL_REQUIRE(reason.find("lock") == std::string::npos, DataError,
                 path << ": cannot be locked (" << reason
                      << "). If nobody writes it, set HDF5_USE_FILE_LOCKING=FALSE");
  throw DataError(path + ": cannot be read (" + reason + "). The file is damaged");
}

/// The text of a string attribute, of fixed or variable length.
std::string attribute_text(hid_t attribute, std::string const& where) {
  Hid const type(H5Aget_type(attribute), H5Tclose);
  Hid const space(H5Aget_space(attribute), H5Sclose);
  JETCAL_REQUIRE(H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1,
                 DataError, where << ": is no single text (must be a JSON object as text)");
  Hid const memory(H5Tcopy(type), H5Tclose);
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    JETCAL_REQUIRE(H5Aread(attribute, memory, &text) >= 0 && text, DataError,
                   where << ": cannot be read (" << hdf5_reason() << ")");
    std::string out = text;
    H5free_memory(text);
    return out;
  }
  std::string out(H5Tget_size(type), '\0');
  JETCAL_REQUIRE(H5Aread(attribute, memory, out.data()) >= 0, DataError,
                 where << ": cannot be read (" << hdf5_reason() << ")");
  return out.substr(0, out.find('\0'));
}

std::map<std::string, std::string> units_of(OpenShard const& open, Shard const& shard,
                                            std::map<std::string, std::string> const& declared) {
  std::map<std::string, std::string> units;
  std::string const where = shard.path + ": /jets attribute 'units'";
  if (H5Aexists(open.jets, "units") > 0) {
    Hid const attribute(H5Aopen(open.jets, "units", H5P_DEFAULT), H5Aclose);
    units = parse_units(attribute_text(attribute, where), where);
  }
  for (auto const& [field, unit] : declared) {
    if (!shard.find(field)) { continue; }
    auto const [entry, added] = units.emplace(field, unit);
    JETCAL_REQUIRE(added || entry->second == unit, DataError,
                   shard.path << ": /jets/" << field << " is in " << entry->second
                              << " but data.units says " << unit
                              << " (must agree). Remove it from data.units");
  }
  return units;
}

/// Does a value of this type lie elsewhere in the file (a text of any length, a list, a reference)?
bool lies_elsewhere(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_VLEN:
    case H5T_REFERENCE:
      return true;
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0;
    case H5T_ARRAY:
      return lies_elsewhere(Hid(H5Tget_super(type), H5Tclose));
    case H5T_COMPOUND:
      for (int i = 0; i < H5Tget_nmembers(type); ++i) {
        Hid const member(H5Tget_member_type(type, static_cast<unsigned>(i)), H5Tclose);
        if (lies_elsewhere(member)) { return true; }
      }
      return false;
    default:
      return false;
  }
}

void require_fixed_size(hid_t compound, std::string const& path) {
  for (int i = 0; i < H5Tget_nmembers(compound); ++i) {
    auto const member = static_cast<unsigned>(i);
    Hid const type(H5Tget_member_type(compound, member), H5Tclose);
    if (!lies_elsewhere(type)) { continue; }
    std::string const field = fields_of(compound)[member].name;
    throw DataError(path + ": /jets/" + field +
                    " is of variable length or a reference (fields must lie in their row). Store "
                    "texts with a fixed length, or leave the field out");
  }
}

void find_storage(OpenShard const& open, Shard& shard) {
  Hid const properties(H5Dget_create_plist(open.jets), H5Pclose);
  H5D_layout_t const layout = H5Pget_layout(properties);
  shard.is_virtual = layout == H5D_VIRTUAL;
  if (shard.is_virtual) { require_virtual_sources(properties, shard.path, shard.rows); }
  if (layout == H5D_CHUNKED) {
    hsize_t chunk_rows = 0;
    H5Pget_chunk(properties, 1, &chunk_rows);
    shard.chunk_rows = static_cast<std::int64_t>(chunk_rows);
    shard.own_unpacking = chunk_packing(properties, shard.row_bytes, shard.packing);
  }
  if (!shard.own_unpacking) { require_filters(properties, shard.path); }
}

}  // namespace

Field const* Shard::find(std::string const& field_name) const {
  for (Field const& candidate : fields) {
    if (candidate.name == field_name) { return &candidate; }
  }
  return nullptr;
}

Field const& Shard::field(std::string const& field_name) const {
  if (Field const* const found = find(field_name)) { return *found; }
  std::vector<std::string> names;
  for (Field const& candidate : fields) { names.push_back(candidate.name); }
  throw DataError(path + ": /jets has no field '" + field_name + "' (it has: " + joined(names) +
                  "). Did you mean '" + nearest(field_name, names) + "'?");
}

std::string const& Shard::unit(std::string const& field_name) const {
  field(field_name);
  auto const found = units.find(field_name);
  JETCAL_REQUIRE(found != units.end(), DataError,
                 path << ": /jets/" << field_name
                      << " has no unit (its attribute 'units' must name one). Declare it in "
                         "data.units, \"1\" for a pure number");
  return found->second;
}

OpenShard open_shard(std::string const& path) {
  OpenShard open;
  open.file = open_file(path);
  JETCAL_REQUIRE(H5Lexists(open.file, kDataset, H5P_DEFAULT) > 0, DataError,
                 path << ": has no dataset 'jets' (it has: " << names_in(open.file) << ")");
  Hid const access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  // A virtual dataset over numbered files ends at the first that is missing, not after a gap.
  H5Pset_virtual_view(access, H5D_VDS_FIRST_MISSING);
  open.jets = Hid(H5Dopen2(open.file, kDataset, access), H5Dclose);
  JETCAL_REQUIRE(open.jets, DataError,
                 path << ": 'jets' cannot be opened as a dataset (" << hdf5_reason() << ")");
  open.type = Hid(H5Dget_type(open.jets), H5Tclose);
  JETCAL_REQUIRE(H5Tget_class(open.type) == H5T_COMPOUND, DataError,
                 path << ": dataset 'jets' has no named fields (must be a compound dataset)");
  return open;
}

Shard inspect_shard(std::string const& path,
                    std::map<std::string, std::string> const& declared_units) {
  Hdf5Scope const scope;
  OpenShard const open = open_shard(path);
  Shard shard;
  shard.path = path;
  shard.file_bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));

  Hid const space(H5Dget_space(open.jets), H5Sclose);
  int const dimensions = H5Sget_simple_extent_ndims(space);
  JETCAL_REQUIRE(dimensions == 1, DataError,
                 path << ": dataset 'jets' has " << dimensions << " dimensions (must have one)");
  shard.rows = static_cast<std::int64_t>(H5Sget_simple_extent_npoints(space));
  JETCAL_REQUIRE(
      shard.rows > 0, DataError,
      path << ": dataset 'jets' has 0 rows (must have at least one). Leave the file out");
  require_fixed_size(open.type, path);
  shard.row_bytes = H5Tget_size(open.type);
  shard.fields = fields_of(open.type);
  shard.units = units_of(open, shard, declared_units);
  find_storage(open, shard);
  return shard;
}

}  // namespace jetcal::data
