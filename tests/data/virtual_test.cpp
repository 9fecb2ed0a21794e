#include <filesystem>

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
using jetcal::test::ScratchFolder;

struct VirtualFolder {
  ScratchFolder folder;
  std::filesystem::path sources = folder / "sources";

  VirtualFolder() {
    std::filesystem::create_directory(sources);
    for (int i = 0; i < 3; ++i) {
      write_file(sources / (std::to_string(i) + ".h5"), toy_fields(i * 250, 250));
    }
    Hid const type = type_of(sources / "0.h5");
    write_virtual(folder / "all.h5", {"sources/0.h5", "sources/1.h5", "sources/2.h5"},
                  {250, 250, 250}, type);
  }

  std::string refusal() const {
    return jetcal::test::error_text<DataError>([&] { ShardSet({folder / "all.h5"}, {}, "t"); });
  }
};

TEST_CASE("a virtual dataset reads as its sources do", "[shards][virtual]") {
  VirtualFolder const files;
  ShardSet const shards({files.folder / "all.h5"}, {}, "t");
  CHECK(shards.rows() == 750);
  CHECK(shards.form().is_virtual);
  auto const want = toy_fields(0, 750);
  RawRows raw;
  shards.read(0, raw);
  std::vector<double> got(750);
  read_column(raw, shards.form().field("truth_pt"), got.data());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    REQUIRE(got[i] == static_cast<float>(want[6].values[i]));
  }
}

TEST_CASE("a virtual dataset with a missing or shortened source is refused", "[shards][virtual]") {
  VirtualFolder const files;
  std::filesystem::rename(files.sources / "1.h5", files.sources / "1.bak");
  CHECK(has(files.refusal(),
            "all.h5: virtual dataset 'jets' needs 'sources/1.h5', which is not "
            "there (its rows would read as zeros)"));
  write_file(files.sources / "1.h5", toy_fields(0, 249));
  CHECK(has(files.refusal(), "all.h5: virtual dataset 'jets' needs 250 rows of '"));
  CHECK(has(files.refusal(), "1.h5', which has 249"));
  FileForm form;
  form.dataset = "tracks";
  write_file(files.sources / "1.h5", toy_fields(0, 250), form);
  CHECK(has(files.refusal(), "needs the dataset 'jets' of '"));
  jetcal::test::write_text(files.sources / "1.h5", "no HDF5");
  CHECK(has(files.refusal(), "which cannot be opened"));
  std::filesystem::rename(files.sources / "1.bak", files.sources / "1.h5");
  CHECK(files.refusal() == "<no exception>");
}

TEST_CASE("rows of a virtual dataset that no source has are refused", "[shards][virtual]") {
  VirtualFolder const files;
  Hid const type = type_of(files.sources / "0.h5");
  Hdf5Scope const scope;
  hsize_t const total = 300, part = 250, start = 0;
  Hid const space(H5Screate_simple(1, &total, nullptr), H5Sclose);
  Hid const source(H5Screate_simple(1, &part, nullptr), H5Sclose);
  Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &part, nullptr);
  H5Pset_virtual(properties, space, "sources/0.h5", "jets", source);
  H5Sselect_all(space);
  {
    Hid const file(
        H5Fcreate((files.folder / "all.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
        H5Fclose);
    Hid const jets(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                   H5Dclose);
  }
  CHECK(has(files.refusal(), "has 300 rows but sources for 250"));
}

}  // namespace
}  // namespace jetcal::data
