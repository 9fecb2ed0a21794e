#include "tests/data/shard_files.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "data/chunk.hpp"
#include "engine/random.hpp"

namespace jetcal::data::test {
namespace {

void require(bool good, std::string const& what) {
  if (!good) { throw std::runtime_error("shard_files: " + what + ": " + hdf5_reason()); }
}

void set_filters(hid_t properties, Packing packing) {
  switch (packing) {
    case Packing::contiguous:
    case Packing::plain_chunks:
      break;
    case Packing::gzip:
      H5Pset_deflate(properties, 4);
      break;
    case Packing::shuffle_gzip:
      H5Pset_shuffle(properties);
      H5Pset_deflate(properties, 4);
      break;
    case Packing::shuffle_lz4:
      H5Pset_shuffle(properties);
      require(H5Pset_filter(properties, kLz4Filter, 0, 0, nullptr) >= 0, "LZ4");
      break;
    case Packing::lz4: {
      unsigned const block_bytes = 1000;  // several blocks a chunk, the last one shorter
      require(H5Pset_filter(properties, kLz4Filter, 0, 1, &block_bytes) >= 0, "LZ4");
      break;
    }
    case Packing::fletcher_gzip:
      H5Pset_deflate(properties, 4);
      H5Pset_fletcher32(properties);
      break;
  }
}

void write_units(hid_t dataset, std::string const& text, bool variable_length) {
  Hid const type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, variable_length ? H5T_VARIABLE : text.size() + 1);
  Hid const scalar(H5Screate(H5S_SCALAR), H5Sclose);
  Hid const attribute(H5Acreate2(dataset, "units", type, scalar, H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose);
  char const* const characters = text.c_str();
  require(H5Awrite(attribute, type,
                   variable_length ? static_cast<void const*>(&characters) : characters) >= 0,
          "units");
}

}  // namespace

void write_file(std::filesystem::path const& path, std::vector<TestField> const& fields,
                FileForm const& form) {
  Hdf5Scope const scope;
  std::size_t const rows = fields.front().values.size();
  std::size_t file_bytes = form.gap_bytes;
  for (TestField const& f : fields) { file_bytes += f.type.bytes + form.gap_bytes; }
  Hid const file_type(H5Tcreate(H5T_COMPOUND, file_bytes), H5Tclose);
  Hid const memory_type(H5Tcreate(H5T_COMPOUND, 8 * fields.size()), H5Tclose);
  std::size_t offset = form.gap_bytes;
  std::vector<double> table(rows * fields.size());
  for (std::size_t c = 0; c < fields.size(); ++c) {
    TestField const& f = fields[c];
    if (f.values.size() != rows) { throw std::runtime_error("shard_files: rows of " + f.name); }
    require(H5Tinsert(file_type, f.name.c_str(), offset, hdf5_type(f.type)) >= 0, f.name);
    // 64-bit integers do not fit a double: they go as integers.
    bool const as_integer = f.type.kind != FieldKind::floating;
    require(H5Tinsert(memory_type, f.name.c_str(), 8 * c,
                      as_integer ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE) >= 0,
            f.name);
    offset += f.type.bytes + form.gap_bytes;
    for (std::size_t r = 0; r < rows; ++r) {
      double* const cell = &table[r * fields.size() + c];
      *cell = f.values[r];
      auto const integer = static_cast<std::int64_t>(as_integer ? f.values[r] : 0);
      if (as_integer) { std::memcpy(cell, &integer, 8); }
    }
  }

  Hid const file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  require(static_cast<bool>(file), "create " + path.string());
  hsize_t const count = rows;
  hsize_t const unlimited = H5S_UNLIMITED;
  bool const chunked = form.packing != Packing::contiguous;
  Hid const space(H5Screate_simple(1, &count, chunked ? &unlimited : nullptr), H5Sclose);
  Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (chunked) {
    hsize_t const chunk = static_cast<hsize_t>(form.chunk_rows);
    H5Pset_chunk(properties, 1, &chunk);
    set_filters(properties, form.packing);
  }
  Hid const dataset(H5Dcreate2(file, form.dataset.c_str(), file_type, space, H5P_DEFAULT,
                               properties, H5P_DEFAULT),
                    H5Dclose);
  require(static_cast<bool>(dataset), "dataset");
  if (rows > 0) {
    require(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, table.data()) >= 0,
            "write");
  }
  if (form.units) { write_units(dataset, *form.units, form.variable_length_units); }
}

void write_virtual(std::filesystem::path const& path, std::vector<std::string> const& sources,
                   std::vector<std::int64_t> const& rows, hid_t type) {
  Hdf5Scope const scope;
  hsize_t total = 0;
  for (std::int64_t const n : rows) { total += static_cast<hsize_t>(n); }
  Hid const space(H5Screate_simple(1, &total, nullptr), H5Sclose);
  Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  hsize_t start = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    hsize_t const count = static_cast<hsize_t>(rows[i]);
    Hid const source_space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &count, nullptr);
    require(H5Pset_virtual(properties, space, sources[i].c_str(), "jets", source_space) >= 0,
            "virtual");
    start += count;
  }
  H5Sselect_all(space);
  Hid const file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  Hid const dataset(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                    H5Dclose);
  require(static_cast<bool>(dataset), "virtual dataset");
  write_units(dataset, kToyUnits, false);
}

bool has_lz4() {
  Hdf5Scope const scope;
  return H5Zfilter_avail(kLz4Filter) > 0;
}

Hid type_of(std::filesystem::path const& path) {
  Hdf5Scope const scope;
  Hid const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  Hid const dataset(H5Dopen2(file, "jets", H5P_DEFAULT), H5Dclose);
  return Hid(H5Dget_type(dataset), H5Tclose);
}

std::vector<std::uint8_t> library_rows(std::filesystem::path const& path) {
  Hdf5Scope const scope;
  Hid const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  Hid const dataset(H5Dopen2(file, "jets", H5P_DEFAULT), H5Dclose);
  Hid const type(H5Dget_type(dataset), H5Tclose);
  Hid const space(H5Dget_space(dataset), H5Sclose);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) *
                                  H5Tget_size(type));
  require(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0, "read");
  return bytes;
}

std::vector<double> counting(std::int64_t n, double first) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), first);
  return values;
}

std::vector<double> ramp(std::int64_t n, double low, double high) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    double const part = n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0;
    values[static_cast<std::size_t>(i)] = low + (high - low) * part;
  }
  return values;
}

std::vector<TestField> toy_fields(std::int64_t first, std::int64_t n) {
  std::vector<TestField> fields{{"energy", kFloat32, {}},       {"mass", kFloat32, {}},
                                {"eta", kFloat32, {}},          {"D2", kFloat32, {}},
                                {"truth_energy", kFloat32, {}}, {"truth_mass", kFloat32, {}},
                                {"truth_pt", kFloat32, {}},     {"truth_eta", kFloat32, {}},
                                {"weight", kFloat32, {}},       {"eventNumber", kInt64, {}}};
  RandomStream const random(7, Purpose::test);
  for (std::int64_t jet = first; jet < first + n; ++jet) {
    auto const u = [&](std::uint64_t k) {
      return random.uniform(static_cast<std::uint64_t>(jet) * 16 + k);
    };
    double const pt = 2e5 * std::exp(3 * u(0));
    double const eta = 6 * u(1) - 3;
    double const truth_energy = 1.02 * pt * std::cosh(eta);
    double const truth_mass = pt * (0.02 + 0.3 * u(2));
    double const values[] = {truth_energy * (0.8 + 0.2 * u(3)),
                             truth_mass * (0.6 + 0.5 * u(4)),
                             eta + 0.01 * u(5),
                             10 * u(6) * u(6),
                             truth_energy,
                             truth_mass,
                             pt,
                             eta,
                             0.1 + u(7),
                             static_cast<double>(1000000 + jet / 2)};
    for (std::size_t c = 0; c < fields.size(); ++c) { fields[c].values.push_back(values[c]); }
  }
  return fields;
}

TestField& field(std::vector<TestField>& fields, std::string const& name) {
  return *std::find_if(fields.begin(), fields.end(),
                       [&](TestField const& f) { return f.name == name; });
}

}  // namespace jetcal::data::test
