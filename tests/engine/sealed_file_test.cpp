#include "engine/sealed_file.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "engine/hdf5_io.hpp"
#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

using namespace jetcal;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

namespace {

std::vector<std::byte> payload_of(std::size_t size) {
  RandomStream const random(41, Purpose::test, 1);
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) { out[i] = static_cast<std::byte>(random.bits(i)); }
  return out;
}

std::vector<std::byte> sealed(std::vector<std::byte> const& payload) {
  std::string const block = seal_block("model", payload);
  std::vector<std::byte> file(kSealBytes + payload.size());
  std::memcpy(file.data(), block.data(), block.size());
  std::copy(payload.begin(), payload.end(), file.begin() + kSealBytes);
  return file;
}

std::string refused(std::vector<std::byte> const& file) {
  return error_text<DataError>([&] { unseal(file, "m.h5"); });
}

}  // namespace

TEST_CASE("a sealed payload comes back, whatever its size", "[sealed]") {
  for (std::size_t const size : {0u, 1u, 7u, 255u, 256u, 257u, 512u, 1024u, 100'003u}) {
    auto const payload = payload_of(size);
    auto const content = unseal(sealed(payload), "m.h5");
    CHECK(content.kind == "model");
    CHECK(content.payload == payload);
  }
}

TEST_CASE("every single flipped bit is noticed", "[sealed]") {
  // A small file: all of its bits, block and payload.
  auto small = sealed(payload_of(64));
  std::size_t missed = 0;
  for (std::size_t bit = 0; bit < small.size() * 8; ++bit) {
    small[bit / 8] ^= std::byte{1} << (bit % 8);
    try {
      unseal(small, "m.h5");
      ++missed;
    } catch (DataError const&) {}
    small[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  CHECK(missed == 0);
  CHECK_NOTHROW(unseal(small, "m.h5"));

  // A file of a model's size: 1500 of its bits.
  auto large = sealed(payload_of(1'000'003));
  RandomStream const random(42, Purpose::test, 2);
  for (std::uint64_t i = 0; i < 1500; ++i) {
    std::size_t const bit = random.bits(i) % (large.size() * 8);
    large[bit / 8] ^= std::byte{1} << (bit % 8);
    try {
      unseal(large, "m.h5");
      ++missed;
    } catch (DataError const&) {}
    large[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  CHECK(missed == 0);
}

TEST_CASE("a file cut off anywhere or made longer is noticed", "[sealed]") {
  auto const file = sealed(payload_of(300));
  for (std::size_t size = 0; size < file.size(); ++size) {
    std::vector<std::byte> const cut(file.begin(), file.begin() + static_cast<long>(size));
    CAPTURE(size);
    CHECK_THROWS_AS(unseal(cut, "m.h5"), DataError);
  }
  for (std::size_t const more : {1u, 7u, 512u, 4096u}) {
    auto longer = file;
    longer.resize(file.size() + more);
    CHECK(has(refused(longer), "m.h5: has bytes added at its end: " +
                                   std::to_string(longer.size()) + " bytes (must be 812)"));
  }
  auto const cut = std::vector<std::byte>(file.begin(), file.begin() + 700);
  CHECK(has(refused(cut), "m.h5: is truncated: 700 bytes (must be 812)"));
  CHECK(has(refused({file.begin(), file.begin() + 100}), "m.h5: is truncated: 100 bytes"));
  CHECK(has(refused({}), "m.h5: is empty"));
}

TEST_CASE("messages tell another file, another version and damage apart", "[sealed]") {
  auto file = sealed(payload_of(300));
  auto damaged = file;
  damaged[600] ^= std::byte{4};
  CHECK(has(refused(damaged), "m.h5: is damaged: its digest"));
  CHECK(has(refused(payload_of(2000)), "m.h5: is not a file written by jetcal"));
  CHECK(has(refused(payload_of(5)), "m.h5: is not a file written by jetcal"));

  // A future format: the block is as that program wrote it, only the number is not ours.
  std::string block(reinterpret_cast<char const*>(file.data()), kSealBytes);
  auto const version = block.find("format 1");
  REQUIRE(version != std::string::npos);
  file[version + 7] = std::byte{'2'};
  CHECK(has(refused(file), "m.h5: has format 2 (this jetcal reads format 1)"));
}

TEST_CASE("the block is readable text of a fixed size", "[sealed]") {
  auto const payload = payload_of(300);
  std::string const block = seal_block("model", payload);
  CHECK(block.size() == 512);
  CHECK(has(block, "\nformat 1\nkind model\npayload 300\nxxh3-128 "));
  CHECK(seal_block("checkpoint", payload) != block);
  CHECK_THROWS_AS(seal_block("", payload), Error);
  CHECK_THROWS_AS(seal_block("Model", payload), Error);
  CHECK_THROWS_AS(seal_block("two words", payload), Error);
  CHECK_THROWS_AS(seal_block(std::string(33, 'a'), payload), Error);
}

TEST_CASE("sealed files are read by kind", "[sealed]") {
  ScratchFolder const folder;
  auto const payload = payload_of(300);
  write_sealed(folder / "m.h5", "model", payload);
  CHECK(read_sealed(folder / "m.h5", "model") == payload);
  CHECK(sealed_kind(folder / "m.h5") == "model");
  CHECK(looks_sealed(folder / "m.h5"));
  CHECK(has(error_text<DataError>([&] { read_sealed(folder / "m.h5", "checkpoint"); }),
            "is a model (must be a checkpoint)"));
  CHECK(has(error_text<DataError>([&] { read_sealed(folder / "none.h5", "model"); }),
            "none.h5: cannot be opened: No such file"));
  CHECK(has(error_text<DataError>([&] { read_sealed(folder.path(), "model"); }),
            "is not a regular file"));
  test::write_text(folder / "text", "no seal");
  CHECK_FALSE(looks_sealed(folder / "text"));
  CHECK_FALSE(looks_sealed(folder / "none.h5"));
}

TEST_CASE("a write that fails leaves the old file and no other", "[sealed]") {
  ScratchFolder const folder;
  auto const path = folder / "m.h5";
  write_sealed(path, "model", payload_of(300));
  std::string const before = test::read_text(path);

  // A limit on the size of files stands for a full disk: the write is cut short, then fails.
  auto const old_action = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  rlimit limited = old;
  limited.rlim_cur = 10'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  std::string const text =
      error_text<DataError>([&] { write_sealed(path, "model", payload_of(20'000)); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  ::signal(SIGXFSZ, old_action);
  CHECK(has(text, "m.h5: writing 20512 bytes failed: File too large"));
  CHECK(test::read_text(path) == before);
  CHECK(folder.names() == std::vector<std::string>{"m.h5"});

  CHECK(has(error_text<DataError>([&] { write_sealed(folder / "no/m.h5", "model", {}); }),
            "No such file or directory"));
  std::filesystem::create_directory(folder / "taken");
  CHECK(has(error_text<DataError>([&] { write_atomically(folder / "taken", "x"); }),
            "taken: renaming 1 bytes failed: Is a directory"));
  CHECK(folder.names().size() == 2);
}

TEST_CASE("writing replaces the whole file and follows the umask", "[sealed]") {
  ScratchFolder const folder;
  write_atomically(folder / "a.json", std::string(5000, 'x'));
  write_atomically(folder / "a.json", "short");
  CHECK(test::read_text(folder / "a.json") == "short");
  mode_t const mask = ::umask(0);
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat((folder / "a.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == (0666 & ~mask));
}

TEST_CASE("what a killed writer left is removed, nothing else", "[sealed]") {
  ScratchFolder const folder;
  write_atomically(folder / "model.h5", "good");
  test::write_text(folder / ".model.h5.jetcal-writing-123-0", "half");
  test::write_text(folder / ".hidden", "mine");
  remove_temporaries(folder.path());
  auto names = folder.names();
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{".hidden", "model.h5"});
  CHECK_NOTHROW(remove_temporaries(folder / "none"));
}

TEST_CASE("HDF5 content in memory comes back, and equal content gives equal bytes", "[hdf5]") {
  std::vector<float> const weights{1.5f, -2.25f, 3, 4, 5, 6};
  std::vector<double> const sums{1e-300, 0.1, -3};
  std::string const large(200'000, 'r');  // above the 64 KiB of a plain attribute
  auto const make = [&] {
    return hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
      root.attribute("recipe", large);
      root.attribute("count", std::int64_t{-7});
      root.group("parameters", [&](hdf5::Writer& group) {
        group.floats("core.0.weight", weights, {2, 3});
        group.floats("none", {}, {0});
      });
      root.doubles("sums", sums);
      root.texts("names", {"a", "", "\xc3\xa9"});
    });
  };
  auto const image = make();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files know times in seconds
  CHECK(make() == image);

  hdf5::Reader const root(image, "m.h5");
  CHECK(root.names() == std::vector<std::string>{"names", "parameters", "sums"});
  CHECK(root.text_attribute("recipe") == large);
  CHECK(root.integer_attribute("count") == -7);
  CHECK(root.has_attribute("count"));
  CHECK_FALSE(root.has_attribute("recip"));
  CHECK(root.doubles("sums") == sums);
  CHECK(root.texts("names") == std::vector<std::string>{"a", "", "\xc3\xa9"});
  auto const group = root.group("parameters");
  auto const matrix = group.floats("core.0.weight");
  CHECK(matrix.dimensions == std::vector<std::int64_t>{2, 3});
  CHECK(matrix.values == weights);
  CHECK(group.floats("none").values.empty());
  CHECK(group.float_list("none").empty());
  CHECK(group.has("none"));
  CHECK_FALSE(group.has("nothing"));

  // Several files may be open at once, and written meanwhile.
  auto const other = hdf5::file_image(0, [](hdf5::Writer& w) {
    w.doubles("sums", std::vector<double>{1, 2});
  });
  hdf5::Reader const second(other, "other.h5");
  CHECK(second.doubles("sums") == std::vector<double>{1, 2});
  CHECK(root.doubles("sums") == sums);

  CHECK(has(error_text<DataError>([&] { group.floats("gate.0.bias"); }),
            "m.h5: /parameters/gate.0.bias: dataset is missing"));
  CHECK(has(error_text<DataError>([&] { group.float_list("core.0.weight"); }),
            "has 2 dimensions (must be 1)"));
  CHECK(has(error_text<DataError>([&] { root.floats("sums"); }),
            "m.h5: /sums: has another type (must be float32)"));
  CHECK(has(error_text<DataError>([&] { root.texts("sums"); }), "(must be text)"));
  CHECK(has(error_text<DataError>([&] { root.group("nothing"); }), "group is missing"));
  CHECK(has(error_text<DataError>([&] { root.text_attribute("count"); }), "(must be text)"));
  CHECK(has(error_text<DataError>([&] { root.integer_attribute("recipe"); }), "an integer"));
  CHECK(has(error_text<DataError>([&] { root.integer_attribute("none"); }), "is missing"));
  CHECK(has(error_text<DataError>([&] { hdf5::Reader(payload_of(4000), "m.h5"); }),
            "m.h5: is not an HDF5 file"));
  CHECK_THROWS_AS(hdf5::file_image(0, [&](hdf5::Writer& w) { w.floats("x", weights, {5}); }),
                  ShapeError);
}

TEST_CASE("h5py opens a sealed HDF5 file as it is", "[sealed][hdf5]") {
  ScratchFolder const folder;
  auto const image = hdf5::file_image(kSealBytes, [](hdf5::Writer& root) {
    root.attribute("recipe", std::string("{}"));
    root.group("parameters", [](hdf5::Writer& group) {
      group.floats("core.0.weight", std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
    });
  });
  write_sealed(folder / "m.h5", "model", image);
  test::write_text(folder / "read.py",
                   "import h5py, sys\n"
                   "f = h5py.File(sys.argv[1], 'r')\n"
                   "assert f.userblock_size == 512\n"
                   "assert f.attrs['recipe'] == '{}'\n"
                   "assert f['parameters/core.0.weight'][1].tolist() == [4.0, 5.0, 6.0]\n"
                   "assert f['parameters/core.0.weight'].dtype == 'float32'\n");
  std::string const command =
      "/usr/bin/python3 " + (folder / "read.py").string() + " " + (folder / "m.h5").string();
  CHECK(std::system(command.c_str()) == 0);
}
