#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "data/shard_set.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/data/shard_files.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::has;
using jetcal::test::read_text;
using jetcal::test::ScratchFolder;
using jetcal::test::write_text;

using Units = std::map<std::string, std::string>;

std::string refusal(std::vector<std::string> const& patterns, Units const& declared = {}) {
  auto const text =
      jetcal::test::error_text<DataError>([&] { ShardSet(patterns, declared, "data.train"); });
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

std::string refusal(std::filesystem::path const& path, Units const& declared = {}) {
  return refusal(std::vector<std::string>{path.string()}, declared);
}

TEST_CASE("files that are not there", "[shards][errors]") {
  ScratchFolder const folder;
  std::string const missing = folder / "none.h5";
  CHECK(has(refusal(missing), "data.train: '" + missing + "' cannot be found"));
  std::string const glob = folder / "none_*.h5";
  CHECK(has(refusal(glob), "data.train: '" + glob + "' matches no file (must match at least one)"));
  CHECK(has(refusal(std::vector<std::string>{}), "data.train: no file is named"));
  CHECK(has(refusal(folder.path()), "is a folder (must be an HDF5 file). Name its files"));
  if (geteuid() != 0) {
    auto const closed = folder / "closed.h5";
    write_file(closed, {{"x", kFloat32, {1}}});
    chmod(closed.c_str(), 0);
    CHECK(has(refusal(closed), "closed.h5: cannot be opened: Permission denied"));
    auto const locked = folder / "locked";
    std::filesystem::create_directory(locked);
    chmod(locked.c_str(), 0);
    CHECK(has(refusal(locked / "*.h5"), "cannot be searched"));
    chmod(locked.c_str(), 0700);
  }
}

TEST_CASE("files that are not HDF5, or not all of one", "[shards][errors]") {
  ScratchFolder const folder;
  write_text(folder / "empty.h5", "");
  CHECK(has(refusal(folder / "empty.h5"), "empty.h5: is empty, 0 bytes (must be an HDF5 file)"));
  write_text(folder / "text.h5", "pt,eta\n1,2\n");
  CHECK(has(refusal(folder / "text.h5"), "text.h5: is not an HDF5 file"));

  write_file(folder / "good.h5", {{"x", kFloat32, ramp(5000, 0, 1)}});
  std::string const good = read_text(folder / "good.h5");
  write_text(folder / "cut.h5", good.substr(0, good.size() / 2));
  CHECK(has(refusal(folder / "cut.h5"), "cut.h5: is truncated"));
  write_text(folder / "stub.h5", good.substr(0, 40));
  CHECK(has(refusal(folder / "stub.h5"), "stub.h5: "));
}

TEST_CASE("files without the dataset, or with one of another form", "[shards][errors]") {
  ScratchFolder const folder;
  FileForm form;
  form.dataset = "tracks";
  write_file(folder / "tracks.h5", {{"x", kFloat32, {1}}}, form);
  CHECK(has(refusal(folder / "tracks.h5"), "tracks.h5: has no dataset 'jets' (it has: tracks)"));

  write_file(folder / "none.h5", {{"x", kFloat32, {}}});
  CHECK(has(refusal(folder / "none.h5"), "none.h5: dataset 'jets' has 0 rows"));

  auto const make = [&](char const* name, int dimensions, hid_t type) {
    Hdf5Scope const scope;
    Hid const file(H5Fcreate((folder / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                   H5Fclose);
    hsize_t const sizes[] = {4, 4};
    Hid const space(H5Screate_simple(dimensions, sizes, nullptr), H5Sclose);
    Hid const jets(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose);
    return folder / name;
  };
  CHECK(has(refusal(make("plain.h5", 1, H5T_NATIVE_FLOAT)),
            "plain.h5: dataset 'jets' has no named fields (must be a compound dataset)"));
  Hid const type(H5Tcreate(H5T_COMPOUND, 4), H5Tclose);
  H5Tinsert(type, "x", 0, H5T_NATIVE_FLOAT);
  CHECK(has(refusal(make("grid.h5", 2, type)),
            "grid.h5: dataset 'jets' has 2 dimensions (must have one)"));
  {
    Hdf5Scope const scope;
    Hid const file(
        H5Fcreate((folder / "group.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
        H5Fclose);
    Hid const group(H5Gcreate2(file, "jets", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  }
  CHECK(has(refusal(folder / "group.h5"), "group.h5: 'jets' cannot be opened as a dataset"));
}

TEST_CASE("fields that do not lie in their row", "[shards][errors]") {
  ScratchFolder const folder;
  Hid const text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text, H5T_VARIABLE);
  Hid const list(H5Tvlen_create(H5T_NATIVE_FLOAT), H5Tclose);
  hsize_t const two = 2;
  Hid const nested(H5Tarray_create2(text, 1, &two), H5Tclose);
  for (hid_t const member : {hid_t(text), hid_t(list), hid_t(nested)}) {
    Hdf5Scope const scope;
    {
      Hid const type(H5Tcreate(H5T_COMPOUND, 64), H5Tclose);
      H5Tinsert(type, "pt", 0, H5T_NATIVE_FLOAT);
      H5Tinsert(type, "label", 8, member);
      Hid const file(H5Fcreate((folder / "v.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                     H5Fclose);
      hsize_t const rows = 4;
      Hid const space(H5Screate_simple(1, &rows, nullptr), H5Sclose);
      Hid const jets(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                     H5Dclose);
      REQUIRE(jets);
    }
    CHECK(has(refusal(folder / "v.h5"), "v.h5: /jets/label is of variable length or a reference"));
  }
}

TEST_CASE("fields and units that are missing or contradict", "[shards][errors]") {
  ScratchFolder const folder;
  FileForm form;
  form.units = R"({"energy":"MeV"})";
  write_file(folder / "a.h5", {{"energy", kFloat32, {1}}, {"mass", kFloat32, {1}}}, form);
  Shard const shard = ShardSet({folder / "a.h5"}, {}, "t").form();
  auto const missing = jetcal::test::error_text<DataError>([&] { shard.field("enrgy"); });
  CHECK(has(missing,
            "a.h5: /jets has no field 'enrgy' (it has: energy, mass). "
            "Did you mean 'energy'?"));
  auto const no_unit = jetcal::test::error_text<DataError>([&] { shard.unit("mass"); });
  CHECK(has(no_unit, "a.h5: /jets/mass has no unit"));
  CHECK(has(no_unit, "Declare it in data.units"));
  CHECK(has(refusal(folder / "a.h5", {{"energy", "GeV"}}),
            "a.h5: /jets/energy is in MeV but data.units says GeV (must agree)"));

  form.units = "MeV";
  write_file(folder / "b.h5", {{"energy", kFloat32, {1}}}, form);
  CHECK(has(refusal(folder / "b.h5"), "b.h5: /jets attribute 'units'"));
}

TEST_CASE("shards of one set must agree", "[shards][errors]") {
  ScratchFolder const folder;
  auto const both = [&] {
    return refusal(std::vector<std::string>{folder / "a.h5", folder / "b.h5"});
  };
  FileForm form;
  form.units = R"({"x":"MeV"})";
  write_file(folder / "a.h5", {{"x", kFloat32, {1}}}, form);
  write_file(folder / "b.h5", {{"x", kFloat64, {1}}}, form);
  CHECK(has(both(), "b.h5: /jets/x is float64 but in "));
  write_file(folder / "b.h5", {{"y", kFloat32, {1}}}, form);
  CHECK(has(both(), "b.h5: /jets has no field 'x', which "));
  write_file(folder / "b.h5", {{"x", kFloat32, {1}}, {"y", kFloat32, {1}}}, form);
  CHECK(has(both(), "b.h5: /jets has the field 'y', which "));
  form.units = R"({"x":"GeV"})";
  write_file(folder / "b.h5", {{"x", kFloat32, {1}}}, form);
  CHECK(has(both(), "b.h5: the unit of /jets/x is GeV but in "));
  form.units.reset();
  write_file(folder / "b.h5", {{"x", kFloat32, {1}}}, form);
  CHECK(has(both(), "b.h5: the unit of /jets/x is nothing but in "));
}

TEST_CASE("a damaged chunk is named, whatever packed it", "[shards][errors]") {
  ScratchFolder const folder;
  for (Packing const packing : {Packing::shuffle_gzip, Packing::fletcher_gzip}) {
    FileForm form;
    form.packing = packing;
    form.chunk_rows = 5000;
    write_file(folder / "a.h5", {{"x", kFloat32, ramp(20000, 0, 1)}}, form);
    hsize_t offset = 10000;
    haddr_t address = 0;
    hsize_t size = 0;
    {
      Hdf5Scope const scope;
      Hid const file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
      Hid const jets(H5Dopen2(file, "jets", H5P_DEFAULT), H5Dclose);
      unsigned mask = 0;
      REQUIRE(H5Dget_chunk_info_by_coord(jets, &offset, &mask, &address, &size) >= 0);
    }
    {
      std::fstream file(folder / "a.h5", std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(address + size / 2));
      file.write("damage", 6);
    }
    ShardSet const shards({folder / "a.h5"}, {}, "t");
    RawRows raw;
    shards.read(0, raw);
    auto const text = jetcal::test::error_text<DataError>([&] { shards.read(2, raw); });
    CHECK(has(text, "a.h5: /jets rows 10000 to 14999 cannot be read ("));
    std::string const reason = packing == Packing::shuffle_gzip
                                   ? "its bytes do not decompress"
                                   : "HDF5: data error detected by Fletcher32";
    CHECK(has(text, reason));
    CHECK(has(text, "The file is damaged"));
    shards.read(3, raw);  // and the others still can be
  }
}

// A filter the library has never heard of stands for LZ4 without its plugin: whether a plugin was
// found once cannot be undone within a process.
TEST_CASE("a packing that the library lacks is named with its remedy", "[shards][errors]") {
  ScratchFolder const folder;
  auto const make = [&](H5Z_filter_t id) {
    Hdf5Scope const scope;
    Hid const file(H5Fcreate((folder / "f.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                   H5Fclose);
    Hid const type(H5Tcreate(H5T_COMPOUND, 4), H5Tclose);
    H5Tinsert(type, "x", 0, H5T_NATIVE_FLOAT);
    hsize_t const rows = 4;
    Hid const space(H5Screate_simple(1, &rows, nullptr), H5Sclose);
    Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_chunk(properties, 1, &rows);
    H5Pset_filter(properties, id, H5Z_FLAG_OPTIONAL, 0, nullptr);
    Hid const jets(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                   H5Dclose);
    REQUIRE(jets);
  };
  for (auto const& [id, name] : {std::pair<H5Z_filter_t, std::string>{32015, "Zstandard"},
                                 {32001, "Blosc"},
                                 {4711, "number 4711"}}) {
    {
      Hdf5Scope const scope;
      if (H5Zfilter_avail(id) > 0) { continue; }
    }
    make(id);
    auto const text = refusal(folder / "f.h5");
    CHECK(has(text, "f.h5: /jets is packed with the filter " + name));
    CHECK(has(text, "pack the file with gzip or LZ4"));
  }
}

}  // namespace
}  // namespace jetcal::data
