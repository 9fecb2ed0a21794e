#pragma once

// HDF5 files for tests, made by the library itself from numbers in double: what it converts and
// packs is the reference for what we unpack.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/fields.hpp"

namespace jetcal::data::test {

/// One field of a file: its type there and its values.
struct TestField {
  std::string name;
  FieldType type = kFloat32;
  std::vector<double> values;
};

enum class Packing {
  contiguous,
  plain_chunks,
  gzip,
  shuffle_gzip,
  shuffle_lz4,
  lz4,
  fletcher_gzip
};

inline std::vector<Packing> all_packings() {
  return {Packing::contiguous,  Packing::plain_chunks, Packing::gzip,         Packing::shuffle_gzip,
          Packing::shuffle_lz4, Packing::lz4,          Packing::fletcher_gzip};
}

struct FileForm {
  Packing packing = Packing::shuffle_gzip;
  std::int64_t chunk_rows = 100;
  std::optional<std::string> units;  ///< text of the attribute
  bool variable_length_units = false;
  std::size_t gap_bytes = 0;  ///< unused bytes between the fields
  std::string dataset = "jets";
};

/// Writes the fields as a compound dataset. Fails the test if the library refuses.
void write_file(std::filesystem::path const& path, std::vector<TestField> const& fields,
                FileForm const& form = {});

/// A virtual dataset `jets` over all rows of `sources` (file names as they are to be stored).
void write_virtual(std::filesystem::path const& path, std::vector<std::string> const& sources,
                   std::vector<std::int64_t> const& rows, hid_t type);

/// Is the library able to write LZ4?
bool has_lz4();

/// The bytes of all rows as the library gives them.
std::vector<std::uint8_t> library_rows(std::filesystem::path const& path);

/// The type of `jets` in a file.
Hid type_of(std::filesystem::path const& path);

/// first, first + 1, ...
std::vector<double> counting(std::int64_t n, double first = 0);

/// n values from low to high in even steps.
std::vector<double> ramp(std::int64_t n, double low, double high);

/// Jets that make sense to the loader: fields energy, mass, truth_energy, truth_mass, truth_pt
/// [MeV], eta, truth_eta, D2, weight ["1"], eventNumber with two jets an event. Jet i of `first` +
/// 0 .. n-1 is a pure function of i.
std::vector<TestField> toy_fields(std::int64_t first, std::int64_t n);
inline constexpr char kToyUnits[] =
    R"({"energy":"MeV","mass":"MeV","eta":"1","D2":"1","truth_energy":"MeV","truth_mass":"MeV",)"
    R"("truth_pt":"MeV","truth_eta":"1","weight":"1","eventNumber":"1"})";

/// The field called `name`.
TestField& field(std::vector<TestField>& fields, std::string const& name);

}  // namespace jetcal::data::test
