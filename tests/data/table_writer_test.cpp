#include "data/table_writer.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <numeric>

#include "data/jet_reader.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/data/shard_files.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::read_text;
using jetcal::test::ScratchFolder;

std::vector<double> column(std::string const& path, std::string const& name) {
  JetReaderSetup setup;
  setup.files = {path};
  setup.columns = {name};
  JetReader const reader(setup);
  std::vector<double> out;
  JetBlock block;
  for (std::int64_t i = 0; i < reader.blocks(); ++i) {
    reader.read(i, block);
    out.insert(out.end(), block.columns[0].begin(), block.columns[0].end());
  }
  return out;
}

TEST_CASE("columns written are columns read, around the borders of chunks", "[writer]") {
  ScratchFolder const folder;
  std::string const path = folder / "a.h5";
  for (std::size_t const n : {1, 8191, 8192, 8193, 20000}) {
    std::vector<float> f(n);
    std::vector<double> d(n);
    std::vector<std::int32_t> i(n);
    std::vector<std::int64_t> l(n);
    for (std::size_t r = 0; r < n; ++r) {
      f[r] = static_cast<float>(r) * 0.37f;
      d[r] = static_cast<double>(r) / 3;
      i[r] = -static_cast<std::int32_t>(r);
      l[r] = (std::int64_t{1} << 52) + static_cast<std::int64_t>(r);
    }
    write_jets(path, {{"f", "MeV", f}, {"d", "1", d}, {"i", "", i}, {"l", "1", l}});
    CAPTURE(n);
    CHECK((column(path, "f") == std::vector<double>(f.begin(), f.end())));
    CHECK((column(path, "d") == d));
    CHECK((column(path, "i") == std::vector<double>(i.begin(), i.end())));
    CHECK((column(path, "l") == std::vector<double>(l.begin(), l.end())));
    Shard const form = ShardSet({path}, {}, "t").form();
    CHECK(form.units == std::map<std::string, std::string>{{"d", "1"}, {"f", "MeV"}, {"l", "1"}});
    CHECK(form.chunk_rows == 8192);
    CHECK(form.own_unpacking);
    CHECK(form.packing.shuffle);
    CHECK(form.packing.compression == ChunkPacking::Compression::deflate);
    CHECK(form.row_bytes == 24);
  }
  CHECK(folder.names() == std::vector<std::string>{"a.h5"});
}

TEST_CASE("tables packed in other ways", "[writer]") {
  ScratchFolder const folder;
  std::string const path = folder / "a.h5";
  auto const want = counting(10000);
  std::vector<float> const values(want.begin(), want.end());
  using Compression = ChunkPacking::Compression;
  for (auto const& [packing, compression] : {std::pair{TablePacking::gzip, Compression::deflate},
                                             {TablePacking::lz4, Compression::lz4},
                                             {TablePacking::none, Compression::none}}) {
    if (packing == TablePacking::lz4 && !has_lz4()) { continue; }
    TableWriter writer(path, {{"x", "1"}}, packing);
    writer.append(reinterpret_cast<std::uint8_t const*>(values.data()), 10000);
    writer.close();
    CHECK((column(path, "x") == want));
    CHECK(ShardSet({path}, {}, "t").form().packing.compression == compression);
  }
}

TEST_CASE("a table is the same file, packed by any number of threads", "[writer]") {
  ScratchFolder const folder;
  for (std::int64_t const n : {8191, 8192, 2 * 8192, 3 * 8192 + 5, 50000}) {
    auto const values = counting(static_cast<std::size_t>(n));
    auto const write = [&](std::string const& name, int threads, std::int64_t piece) {
      TableWriter writer(folder / name, {{"x", "1", kFloat64}});
      writer.use_threads(threads);
      for (std::int64_t r = 0; r < n; r += piece) {
        writer.append(reinterpret_cast<std::uint8_t const*>(&values[static_cast<std::size_t>(r)]),
                      std::min(piece, n - r));
      }
      writer.close();
      return read_text(folder / name);
    };
    std::string const one = write("one.h5", 1, n);
    CAPTURE(n);
    CHECK((write("two.h5", 2, 5000) == one));
    CHECK((write("three.h5", 3, 8192) == one));
    CHECK((column(folder / "three.h5", "x") == values));
    // The library, which knows nothing of our packing, reads it too.
    Hdf5Scope const scope;
    Hid const file(H5Fopen((folder / "one.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    Hid const jets(H5Dopen2(file, "jets", H5P_DEFAULT), H5Dclose);
    Hid const type(H5Dget_type(jets), H5Tclose);
    std::vector<double> read(static_cast<std::size_t>(n));
    REQUIRE(H5Dread(jets, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read.data()) >= 0);
    CHECK((read == values));
  }
}

TEST_CASE("the same rows give the same bytes", "[writer]") {
  ScratchFolder const folder;
  std::vector<Column> const columns{{"x", "1", std::vector<float>(10000, 1.5f)}};
  write_jets(folder / "a.h5", columns);
  write_jets(folder / "b.h5", columns);
  CHECK((read_text(folder / "a.h5") == read_text(folder / "b.h5")));
  Hdf5Scope const scope;  // times count seconds: the two were written within one
  Hid const file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  H5O_info_t info;
  REQUIRE(H5Oget_info_by_name(file, "jets", &info, H5P_DEFAULT) >= 0);
  CHECK(info.mtime == 0);
}

// A file with what we cannot compute with: a text, an array, an enumeration, gaps between fields.
void write_odd_file(std::string const& path, std::size_t rows) {
  Hdf5Scope const scope;
  struct Row {
    float pt;
    char label[5];
    std::int8_t flag;
    double grid[3];
    std::uint64_t event;
  };
  Hid const text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text, 5);
  hsize_t const three = 3;
  Hid const grid(H5Tarray_create2(H5T_IEEE_F64BE, 1, &three), H5Tclose);
  Hid const boolean(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  std::int8_t const no = 0, yes = 1;
  H5Tenum_insert(boolean, "FALSE", &no);
  H5Tenum_insert(boolean, "TRUE", &yes);
  Hid const type(H5Tcreate(H5T_COMPOUND, sizeof(Row)), H5Tclose);
  H5Tinsert(type, "pt", HOFFSET(Row, pt), H5T_IEEE_F32LE);
  H5Tinsert(type, "label", HOFFSET(Row, label), text);
  H5Tinsert(type, "flag", HOFFSET(Row, flag), boolean);
  H5Tinsert(type, "grid", HOFFSET(Row, grid), grid);
  H5Tinsert(type, "event", HOFFSET(Row, event), H5T_STD_U64LE);
  std::vector<std::uint8_t> bytes(rows * sizeof(Row));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 31 % 251);
  }
  for (std::size_t r = 0; r < rows; ++r) { bytes[r * sizeof(Row) + HOFFSET(Row, flag)] = r % 2; }
  Hid const file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  hsize_t const n = rows, chunk = 1000;
  Hid const space(H5Screate_simple(1, &n, nullptr), H5Sclose);
  Hid const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_shuffle(properties);
  H5Pset_deflate(properties, 1);
  Hid const jets(H5Dcreate2(file, "jets", type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                 H5Dclose);
  REQUIRE(H5Dwrite(jets, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0);
}

TEST_CASE("rows copied keep every bit of every field, new fields come behind", "[writer]") {
  ScratchFolder const folder;
  std::string const input = folder / "odd.h5", output = folder / "calibrated.h5";
  constexpr std::size_t kRows = 9500;
  write_odd_file(input, kRows);

  JetReaderSetup setup;
  setup.files = {input};
  setup.units = {{"pt", "GeV"}};
  setup.rows = true;
  JetReader const reader(setup);
  Shard const& form = reader.shards().form();
  CHECK(name(form.field("flag").type) == "int8");
  CHECK(name(form.field("label").type) == "other (5 bytes)");
  TableWriter writer(output, form, {{"pt_calibrated", "GeV"}, {"calibrated", "1", kInt32}});
  REQUIRE(writer.row_bytes() == form.row_bytes + 8);
  JetBlock block;
  for (std::int64_t i = 0; i < reader.blocks(); ++i) {
    reader.read(i, block);
    std::vector<std::uint8_t> rows(static_cast<std::size_t>(block.rows) * writer.row_bytes());
    for (std::size_t r = 0; r < static_cast<std::size_t>(block.rows); ++r) {
      std::uint8_t* const row = &rows[r * writer.row_bytes()];
      std::memcpy(row, &block.row_bytes[r * form.row_bytes], form.row_bytes);
      auto const number = static_cast<std::int32_t>(block.row_numbers[r]);
      float const calibrated = 0.5f * static_cast<float>(number);
      std::memcpy(row + form.row_bytes, &calibrated, 4);
      std::memcpy(row + form.row_bytes + 4, &number, 4);
    }
    writer.append(rows.data(), block.rows);
  }
  CHECK_FALSE(std::filesystem::exists(output));  // not before it is whole
  writer.close();

  ShardSet const made({output}, {}, "t");
  CHECK(made.rows() == kRows);
  CHECK(made.form().unit("pt") == "GeV");
  CHECK(made.form().unit("pt_calibrated") == "GeV");
  auto const old_rows = library_rows(input), new_rows = library_rows(output);
  std::size_t const old_bytes = form.row_bytes, new_bytes = old_bytes + 8;
  REQUIRE(new_rows.size() == kRows * new_bytes);
  bool same = true;
  for (std::size_t r = 0; r < kRows; ++r) {
    same = same && std::equal(&old_rows[r * old_bytes], &old_rows[r * old_bytes] + old_bytes,
                              &new_rows[r * new_bytes]);
  }
  CHECK(same);
  auto const calibrated = column(output, "pt_calibrated");
  for (std::size_t r = 0; r < kRows; ++r) {
    REQUIRE(calibrated[r] == 0.5 * static_cast<double>(r));
  }
  // types, too: the same member types under the same names
  Hdf5Scope const scope;
  Hid const old_type = type_of(input), new_type = type_of(output);
  for (unsigned i = 0; i < 5; ++i) {
    Hid const a(H5Tget_member_type(old_type, i), H5Tclose),
        b(H5Tget_member_type(new_type, i), H5Tclose);
    CHECK(H5Tequal(a, b) > 0);
    CHECK(H5Tget_member_offset(old_type, i) == H5Tget_member_offset(new_type, i));
  }
}

TEST_CASE("an unfinished file leaves nothing, and the old one stays", "[writer]") {
  ScratchFolder const folder;
  std::string const path = folder / "a.h5";
  write_jets(path, {{"x", "1", std::vector<float>{1, 2, 3}}});
  std::string const before = read_text(path);
  {
    TableWriter writer(path, {{"x", "1"}});
    std::vector<std::uint8_t> const rows(4 * 20000);
    writer.append(rows.data(), 20000);
  }
  CHECK((read_text(path) == before));
  CHECK(folder.names() == std::vector<std::string>{"a.h5"});
}

// The limit stands for a full disk: the kernel refuses to write beyond it. In a process of its own,
// since the library's state at the end of the program is part of the question.
TEST_CASE("no space left: an error, the old file intact, nothing half-written, a clean end",
          "[writer]") {
  ScratchFolder const folder;
  std::string const path = folder / "a.h5";
  write_jets(path, {{"x", "1", std::vector<float>{1, 2, 3}}});
  std::string const before = read_text(path);
  auto const noise = jetcal::test::uniform(300000, 0, 1, 1);
  for (std::int64_t const limit : {100, 3000, 40000, 200000, 600000}) {
    pid_t const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      auto const bytes = static_cast<rlim_t>(limit);
      rlimit const size{bytes, bytes};
      setrlimit(RLIMIT_FSIZE, &size);
      auto const text = error_text<DataError>([&] { write_jets(path, {{"x", "1", noise}}); });
      bool const good = has(text, "a.h5: cannot be written (") && has(text, "File too large");
      H5close();  // what the library does when a program ends
      _exit(good ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CAPTURE(limit, status);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK((read_text(path) == before));
    CHECK(folder.names() == std::vector<std::string>{"a.h5"});
  }
}

TEST_CASE("writers that make no sense are refused", "[writer][errors]") {
  ScratchFolder const folder;
  std::string const path = folder / "a.h5";
  auto const refusal = [&](std::vector<NewField> const& fields) {
    return error_text<DataError>([&] { TableWriter(path, fields); });
  };
  CHECK(has(refusal({}), "a.h5: no fields to write"));
  CHECK(has(refusal({{"x", "1"}, {"x", "1"}}), "field 'x' is there twice"));
  CHECK(has(refusal({{"", "1"}}), "field '' is there twice (names must differ)"));
  auto const nowhere = error_text<DataError>([&] {
    TableWriter(folder / "no" / "such" / "a.h5", std::vector<NewField>{{"x", "1"}});
  });
  CHECK(has(nowhere, "a.h5: cannot be made ("));
  CHECK(has(nowhere, "No such file or directory"));
  CHECK(has(
      error_text<ShapeError>([&] {
        write_jets(path, {{"x", "1", std::vector<float>{1, 2}}, {"y", "1", std::vector<float>{1}}});
      }),
      "column 'y' has 1 rows, 'x' has 2"));
  write_file(folder / "in.h5", {{"pt", kFloat32, {1}}});
  Shard const form = ShardSet({folder / "in.h5"}, {}, "t").form();
  CHECK(has(error_text<DataError>([&] {
              TableWriter(path, form, {{"pt", "1"}});
            }),
            "field 'pt' is there twice (names must differ). Rename or leave out the one in"));
  TableWriter writer(path, {{"x", "1"}});
  writer.close();
  CHECK_THROWS_AS(writer.close(), Error);
  CHECK(folder.names().size() == 2);
}

}  // namespace
}  // namespace jetcal::data
