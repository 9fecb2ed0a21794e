#include "data/jet_reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/loader.hpp"
#include "engine/errors.hpp"
#include "engine/matrix.hpp"
#include "tests/catch.hpp"
#include "tests/data/toy_setup.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

constexpr std::int64_t kJets = 2600;
Normalisation const kScaling{{"log_energy", "log_mass", "eta", "D2"},
                             {0.5f, 0.7f, 0.33f, 0.21f},
                             {-3.1f, -4.0f, 0.01f, -1.0f}};

JetReaderSetup reader_setup(std::string const& files) {
  JetReaderSetup setup;
  setup.files = {files};
  setup.inputs = {{toy_features(), kScaling}};
  setup.columns = {"energy", "eventNumber"};
  return setup;
}

struct Jets {
  std::vector<std::int64_t> rows;
  std::vector<float> features;
  std::vector<std::uint8_t> finite, bytes;
  std::vector<double> energies, events;
};

Jets read_all(JetReader const& reader) {
  Jets jets;
  JetBlock block;
  auto const append = [](auto& to, auto const& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (std::int64_t i = 0; i < reader.blocks(); ++i) {
    reader.read(i, block);
    REQUIRE(block.row_numbers.size() == static_cast<std::size_t>(block.rows));
    REQUIRE(block.columns.size() == 2);
    append(jets.rows, block.row_numbers);
    append(jets.features, block.inputs.at(0).features);
    append(jets.finite, block.inputs.at(0).finite);
    append(jets.bytes, block.row_bytes);
    append(jets.energies, block.columns[0]);
    append(jets.events, block.columns[1]);
  }
  return jets;
}

TEST_CASE("the reader gives every jet in order, features as the loader does", "[reader]") {
  ScratchFolder const folder;
  auto const files = write_toy_shards(folder.path(), {1000, 1600}, 400);
  auto const jets = read_all(JetReader(reader_setup(files)));
  auto fields = toy_fields(0, kJets);
  REQUIRE(jets.rows.size() == kJets);
  for (std::size_t r = 0; r < kJets; ++r) {
    REQUIRE(jets.rows[r] == static_cast<std::int64_t>(r));
    REQUIRE(jets.energies[r] == static_cast<float>(field(fields, "energy").values[r]));
    REQUIRE(jets.events[r] == field(fields, "eventNumber").values[r]);
    REQUIRE(jets.finite[r] == 1);
  }
  CHECK(jets.bytes.empty());

  auto setup = toy_setup(files);
  Loader loader(setup, kScaling);
  std::size_t const ld = padded(4);
  bool same = true;
  for (Batch const& batch : epoch(loader, 0, 0, 500)) {
    for (std::size_t r = 0; r < batch.row_numbers.size(); ++r) {
      auto const row = static_cast<std::size_t>(batch.row_numbers[r]);
      same = same && std::equal(&batch.features[r * ld], &batch.features[r * ld] + ld,
                                &jets.features[row * ld]);
    }
  }
  CHECK(same);
}

TEST_CASE("the reader's sides are the loader's", "[reader]") {
  ScratchFolder const folder;
  auto const files = write_toy_shards(folder.path(), {1000, 1600}, 400);
  Loader loader(toy_setup(files), std::nullopt);
  auto setup = reader_setup(files);
  setup.split = {0.2, "eventNumber", 0};
  setup.side = Side::held_out;
  CHECK((read_all(JetReader(setup)).rows == row_numbers(held_out(loader, 100))));
  setup.side = Side::training;
  auto const training = read_all(JetReader(setup)).rows;
  auto want = row_numbers(epoch(loader, 0, 0, 100));
  std::sort(want.begin(), want.end());
  CHECK((training == want));
  setup.side = Side::all;
  CHECK(read_all(JetReader(setup)).rows.size() == kJets);
  setup.split = {0, "no_such_field", 0};
  setup.side = Side::training;  // nothing was held out: all train
  CHECK(read_all(JetReader(setup)).rows.size() == kJets);
}

TEST_CASE("rows come as the bytes they are, of the side asked for", "[reader]") {
  ScratchFolder const folder;
  for (Packing const packing : {Packing::shuffle_gzip, Packing::contiguous}) {
    FileForm form;
    form.units = kToyUnits;
    form.packing = packing;
    form.gap_bytes = 1;
    write_file(folder / "a.h5", toy_fields(0, 500), form);
    auto const whole = library_rows(folder / "a.h5");
    auto setup = reader_setup(folder / "a.h5");
    setup.rows = true;
    JetReader const reader(setup);
    CHECK((read_all(reader).bytes == whole));
    std::size_t const bytes = reader.shards().form().row_bytes;
    setup.split = {0.3, "eventNumber", 5};
    setup.side = Side::held_out;
    auto const some = read_all(JetReader(setup));
    REQUIRE(some.rows.size() > 100);
    REQUIRE(some.bytes.size() == some.rows.size() * bytes);
    for (std::size_t r = 0; r < some.rows.size(); ++r) {
      auto const* const want = &whole[static_cast<std::size_t>(some.rows[r]) * bytes];
      REQUIRE(std::equal(want, want + bytes, &some.bytes[r * bytes]));
    }
  }
}

TEST_CASE("jets with a feature that is not finite are flagged and given zeros", "[reader]") {
  ScratchFolder const folder;
  auto fields = toy_fields(0, 300);
  field(fields, "D2").values[17] = std::nan("");
  field(fields, "energy").values[18] = 0;
  field(fields, "eta").values[299] = HUGE_VAL;
  FileForm form;
  form.units = kToyUnits;
  write_file(folder / "a.h5", fields, form);
  auto const jets = read_all(JetReader(reader_setup(folder / "a.h5")));
  for (std::size_t r = 0; r < 300; ++r) {
    bool const bad = r == 17 || r == 18 || r == 299;
    CHECK(jets.finite[r] == !bad);
    for (std::size_t f = 0; f < 16; ++f) {
      if (bad || f >= 4) { REQUIRE(jets.features[16 * r + f] == 0); }
      REQUIRE(std::isfinite(jets.features[16 * r + f]));
    }
  }
  CHECK(jets.energies[18] == 0);
}

TEST_CASE("readers that make no sense are refused", "[reader][errors]") {
  ScratchFolder const folder;
  auto const files = write_toy_shards(folder.path(), {100});
  auto const config = [&](auto change) {
    auto setup = reader_setup(files);
    change(setup);
    return error_text<ConfigError>([&] { JetReader{setup}; });
  };
  auto const data = [&](auto change) {
    auto setup = reader_setup(files);
    change(setup);
    return error_text<DataError>([&] { JetReader{setup}; });
  };
  CHECK(has(config([](auto& s) { s.side = Side::held_out; }),
            "--jets held-out: no jet was held out"));
  CHECK(has(config([](auto& s) { s.inputs[0].normalisation.names.pop_back(); }),
            "normalisation of 3"));
  CHECK(has(config([](auto& s) {
              std::swap(s.inputs[0].normalisation.names[0], s.inputs[0].normalisation.names[1]);
            }),
            "normalisation 0 is of 'log_mass'"));
  CHECK(has(data([](auto& s) { s.columns.push_back("nope"); }), "/jets has no field 'nope'"));
  CHECK(has(data([](auto& s) { s.inputs[0].features[3].field = "nope"; }),
            "/jets has no field 'nope'"));
  CHECK(has(data([](auto& s) {
              s.side = Side::held_out;
              s.split = {0.5, "energy", 0};
            }),
            "/jets/energy is float32 (must be an integer: the training split its jets by it)"));
  CHECK(has(data([](auto& s) {
              s.files = {"none.h5"};
              s.where = "jetcal calibrate";
            }),
            "jetcal calibrate: 'none.h5' cannot be found"));

  auto turned = toy_fields(0, 50);
  std::reverse(turned.begin(), turned.end());
  FileForm form;
  form.units = kToyUnits;
  write_file(folder / "toy_1.h5", turned, form);
  CHECK(read_all(JetReader(reader_setup(files))).rows.size() == 150);
  CHECK(has(data([](auto& s) { s.rows = true; }), "toy_1.h5: the rows of /jets are laid out"));
}

}  // namespace
}  // namespace jetcal::data
