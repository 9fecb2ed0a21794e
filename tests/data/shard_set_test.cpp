#include "data/shard_set.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/data/shard_files.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::ScratchFolder;

constexpr FieldType kHalf{FieldKind::floating, 2, false};
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> column(ShardSet const& shards, std::string const& name) {
  std::vector<double> out;
  RawRows raw;
  for (std::size_t b = 0; b < shards.blocks().size(); ++b) {
    shards.read(static_cast<std::int64_t>(b), raw);
    auto const& shard = shards.shards()[static_cast<std::size_t>(shards.blocks()[b].shard)];
    std::vector<double> values(static_cast<std::size_t>(raw.rows));
    read_column(raw, shard.field(name), values.data());
    if (shard.field(name).type.kind == FieldKind::floating && shard.field(name).type.bytes == 4) {
      std::vector<float> as_they_are(values.size());
      read_column(raw, shard.field(name), as_they_are.data());
      CHECK(std::equal(
          values.begin(), values.end(), as_they_are.begin(), [](double wide, float exact) {
            return wide == static_cast<double>(exact) || (std::isnan(wide) && std::isnan(exact));
          }));
    }
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

std::vector<std::int64_t> integers(ShardSet const& shards, std::string const& name) {
  std::vector<std::int64_t> out;
  RawRows raw;
  for (std::size_t b = 0; b < shards.blocks().size(); ++b) {
    shards.read(static_cast<std::int64_t>(b), raw);
    std::vector<std::int64_t> values(static_cast<std::size_t>(raw.rows));
    read_column(raw, shards.form().field(name), values.data());
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

// Values that every type holds exactly, so that the expected ones need no rounding.
std::vector<TestField> every_type(std::int64_t n) {
  std::vector<TestField> fields;
  for (bool const big : {false, true}) {
    for (std::size_t const bytes : {2, 4, 8}) {
      FieldType const type{FieldKind::floating, bytes, big};
      fields.push_back({name(type), type, ramp(n, -512, 511.5)});
      for (double& v : fields.back().values) { v = std::round(4 * v) / 4; }
    }
    for (std::size_t const bytes : {1, 2, 4, 8}) {
      if (bytes == 1 && big) { continue; }
      FieldType const type{FieldKind::signed_integer, bytes, big};
      fields.push_back({name(type), type, ramp(n, -128, 127)});
      FieldType const positive{FieldKind::unsigned_integer, bytes, big};
      fields.push_back({name(positive), positive, ramp(n, 0, 255)});
      for (auto* f : {&fields[fields.size() - 2], &fields.back()}) {
        for (double& v : f->values) { v = std::round(v); }
      }
    }
  }
  return fields;
}

TEST_CASE("every number type reads back from every packing", "[shards]") {
  ScratchFolder const folder;
  for (Packing const packing : all_packings()) {
    bool const lz4 = packing == Packing::lz4 || packing == Packing::shuffle_lz4;
    if (lz4 && !has_lz4()) { continue; }
    for (std::size_t const gap : {0, 3}) {
      CAPTURE(static_cast<int>(packing), gap);
      auto const fields = every_type(333);  // chunks of 100: the last is partly filled
      FileForm form;
      form.packing = packing;
      form.gap_bytes = gap;
      auto const path = folder / "all.h5";
      write_file(path, fields, form);
      ShardSet const shards({path}, {}, "test");
      CHECK(shards.rows() == 333);
      CHECK(shards.form().fields.size() == fields.size());
      for (TestField const& f : fields) {
        CAPTURE(f.name);
        CHECK(name(shards.form().field(f.name).type) == f.name);
        CHECK((column(shards, f.name) == f.values));
      }
      RawRows raw;
      shards.read(0, raw);
      REQUIRE(raw.rows == 333);
      std::vector<std::uint8_t> rows(static_cast<std::size_t>(raw.rows) * raw.row_bytes);
      read_rows(raw, rows.data());
      CHECK((rows == library_rows(path)));
    }
  }
}

TEST_CASE("our own unpacking is used for gzip and LZ4 in chunks and for nothing else", "[shards]") {
  ScratchFolder const folder;
  auto const own = [&](Packing packing) {
    FileForm form;
    form.packing = packing;
    write_file(folder / "a.h5", every_type(10), form);
    return ShardSet({folder / "a.h5"}, {}, "test").form().own_unpacking;
  };
  CHECK(own(Packing::plain_chunks));
  CHECK(own(Packing::gzip));
  CHECK(own(Packing::shuffle_gzip));
  if (has_lz4()) { CHECK(own(Packing::shuffle_lz4)); }
  CHECK_FALSE(own(Packing::fletcher_gzip));
  CHECK_FALSE(own(Packing::contiguous));
}

TEST_CASE("half precision: subnormal, largest, infinite, nan, minus zero", "[shards]") {
  ScratchFolder const folder;
  std::vector<double> const values{0x1p-24, 0x1.ff8p-15, 0x1p-14,      65504, -65504,
                                   kInf,    -kInf,       1.0009765625, -0.0,  std::nan("")};
  write_file(folder / "half.h5", {{"x", kHalf, values}});
  auto const got = column(ShardSet({folder / "half.h5"}, {}, "test"), "x");
  REQUIRE(got.size() == values.size());
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i] == values[i]);
  }
  CHECK(std::signbit(got[8]));
  CHECK(std::isnan(got[9]));
}

TEST_CASE("64-bit integers keep every bit as integers", "[shards]") {
  ScratchFolder const folder;
  // The largest doubles below 2^63; differences of 1 below 2^53
  std::vector<double> const values{0x1.fffffffffffffp62, -0x1p63, 9007199254740991.0, 20020006543.0,
                                   -1};
  write_file(folder / "e.h5", {{"eventNumber", kInt64, values}});
  ShardSet const shards({folder / "e.h5"}, {}, "test");
  CHECK(integers(shards, "eventNumber") ==
        std::vector<std::int64_t>{9223372036854774784, std::numeric_limits<std::int64_t>::min(),
                                  9007199254740991, 20020006543, -1});
  RawRows raw;
  shards.read(0, raw);
  write_file(folder / "f.h5", {{"eventNumber", kFloat64, {1, 2}}});
  ShardSet const floats({folder / "f.h5"}, {}, "test");
  floats.read(0, raw);
  std::vector<std::int64_t> out(2);
  auto const text = jetcal::test::error_text<DataError>(
      [&] { read_column(raw, floats.form().field("eventNumber"), out.data()); });
  CHECK(jetcal::test::has(text, "'eventNumber' is float64 (must be an integer)"));
  std::vector<float> out_float(2);
  auto const no_float32 = jetcal::test::error_text<DataError>(
      [&] { read_column(raw, floats.form().field("eventNumber"), out_float.data()); });
  CHECK(jetcal::test::has(no_float32, "'eventNumber' is float64 (must be float32)"));
}

TEST_CASE("chunks that were never written read as zeros, skipped filters are seen", "[shards]") {
  ScratchFolder const folder;
  auto const path = folder / "sparse.h5";
  write_file(path, {{"x", kFloat32, counting(100, 1)}});
  {
    Hdf5Scope const scope;
    Hid const file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    Hid const jets(H5Dopen2(file, "jets", H5P_DEFAULT), H5Dclose);
    hsize_t const rows = 400;
    REQUIRE(H5Dset_extent(jets, &rows) >= 0);
    // rows 300 to 399 stored past both filters: mask 3
    std::vector<float> const plain(100, 2.5f);
    hsize_t const offset = 300;
    REQUIRE(H5Dwrite_chunk(jets, H5P_DEFAULT, 3, &offset, 400, plain.data()) >= 0);
  }
  auto const got = column(ShardSet({path}, {}, "test"), "x");
  REQUIRE(got.size() == 400);
  CHECK(got[99] == 100);
  CHECK(got[100] == 0);
  CHECK(got[299] == 0);
  CHECK(got[300] == 2.5);
  CHECK(got[399] == 2.5);
}

TEST_CASE("many shards are one table in sorted order, globs and doubles included", "[shards]") {
  ScratchFolder const folder;
  for (int i = 0; i < 3; ++i) {
    write_file(folder / ("jets_" + std::to_string(2 - i) + ".h5"),
               {{"x", kFloat32, counting(150 + 10 * (2 - i), 1000 * (2 - i))}});
  }
  write_file(folder / "other.h5", {{"x", kFloat32, {1}}});
  std::string const glob = folder / "jets_*.h5";
  ShardSet const shards({folder / "jets_1.h5", glob, folder.path() / "." / "jets_1.h5"}, {}, "t");
  REQUIRE(shards.shards().size() == 3);
  CHECK(shards.rows() == 150 + 160 + 170);
  auto const x = column(shards, "x");
  CHECK(x[0] == 0);
  CHECK(x[150] == 1000);
  CHECK(x[310] == 2000);
  CHECK(shards.where(0) == "jets_0.h5 row 0");
  CHECK(shards.where(149) == "jets_0.h5 row 149");
  CHECK(shards.where(150) == "jets_1.h5 row 0");
  CHECK(shards.where(479) == "jets_2.h5 row 169");
  CHECK(shards.where(480) == "row 480 (of 480)");
  CHECK(shards.digest() == ShardSet({glob}, {}, "t").digest());
  CHECK(shards.digest() != ShardSet({folder / "jets_1.h5"}, {}, "t").digest());
}

TEST_CASE("more shards than stay open at once, read in any order", "[shards]") {
  ScratchFolder const folder;
  constexpr int kFiles = 70;
  for (int i = 0; i < kFiles; ++i) {
    write_file(folder / (std::to_string(100 + i) + ".h5"), {{"x", kInt32, {double(i), double(i)}}});
  }
  ShardSet const shards({folder / "*.h5"}, {}, "test");
  RawRows raw;
  for (int k = 0; k < 200; ++k) {
    std::int64_t const b = (k * 37) % kFiles;
    shards.read(b, raw);
    std::vector<double> values(2);
    read_column(raw, shards.form().field("x"), values.data());
    CHECK(values == std::vector<double>{double(b), double(b)});
  }
}

TEST_CASE("small chunks are read together, a block of whole chunks", "[shards]") {
  ScratchFolder const folder;
  FileForm form;
  form.chunk_rows = 3000;
  write_file(folder / "a.h5", {{"x", kFloat32, counting(20000)}}, form);
  ShardSet const shards({folder / "a.h5"}, {}, "test");
  CHECK(shards.blocks().size() == 4);
  CHECK(shards.blocks()[0].rows == 6000);
  CHECK(shards.blocks()[3].rows == 2000);
  CHECK(shards.blocks()[3].first_row == 18000);
  CHECK((column(shards, "x") == counting(20000)));
}

TEST_CASE("several threads read one set", "[shards]") {
  ScratchFolder const folder;
  auto const want = counting(5000);
  for (auto const* name : {"a.h5", "b.h5"}) { write_file(folder / name, {{"x", kFloat32, want}}); }
  ShardSet const shards({folder / "*.h5"}, {}, "test");
  std::vector<int> bad(4, -1);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < bad.size(); ++t) {
    threads.emplace_back([&, t] {
      auto const got = column(shards, "x");
      bad[t] = 0;
      for (std::size_t i = 0; i < got.size(); ++i) { bad[t] += got[i] != want[i % want.size()]; }
    });
  }
  for (auto& thread : threads) { thread.join(); }
  CHECK(bad == std::vector<int>(4, 0));
}

TEST_CASE("units come from the file, completed by what is declared", "[shards]") {
  ScratchFolder const folder;
  std::vector<TestField> const fields{{"pt", kFloat32, {1}}, {"eta", kFloat32, {1}}};
  FileForm form;
  for (bool const variable : {false, true}) {
    form.units = R"({"pt":"MeV"})";
    form.variable_length_units = variable;
    write_file(folder / "a.h5", fields, form);
    ShardSet const shards({folder / "a.h5"}, {{"eta", "1"}, {"no_such_field", "GeV"}}, "test");
    CHECK(shards.form().unit("pt") == "MeV");
    CHECK(shards.form().unit("eta") == "1");
  }
}

}  // namespace
}  // namespace jetcal::data
