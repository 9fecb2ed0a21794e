#include <cmath>
#include <fstream>
#include <limits>

#include "data/loader.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/data/toy_setup.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Toy jets of one shard, some values replaced.
struct Spoiled {
  ScratchFolder folder;
  std::vector<TestField> fields = toy_fields(0, 2500);
  LoaderSetup setup = toy_setup(folder / "toy_0.h5");

  Spoiled& set(std::string const& name, std::vector<std::size_t> const& rows, double value) {
    for (std::size_t const row : rows) { field(fields, name).values[row] = value; }
    return *this;
  }
  void write() {
    FileForm form;
    form.units = kToyUnits;
    write_file(folder / "toy_0.h5", fields, form);
  }
  std::string refusal() {
    write();
    std::string texts[2];
    for (LoaderMode const mode : {LoaderMode::resident, LoaderMode::streaming}) {
      setup.loader.mode = mode;
      texts[mode == LoaderMode::streaming] =
          error_text<DataError>([&] { Loader(setup, std::nullopt); });
    }
    CHECK(texts[0] == texts[1]);
    return texts[0];
  }
};

TEST_CASE("features that are not finite: number, first row, value, what to do",
          "[loader][errors]") {
  auto const text = Spoiled().set("D2", {2222, 700, 71}, kNan).refusal();
  CAPTURE(text);
  CHECK(has(text, "toy_0.h5 row 71: feature 'D2', |D2|"));
  CHECK(has(text,
            "is nan for D2 = nan (features must be finite; 3 of 2500 jets have a feature that "
            "is not finite). Mend the shards, or set data.non_finite to \"drop\""));
  CHECK(has(Spoiled().set("eta", {5}, -kInf).refusal(), "row 5: feature 'eta', eta, is -inf"));
  CHECK(has(Spoiled().set("energy", {6}, -20).refusal(),
            "row 6: feature 'log_energy', log(energy) in GeV, is nan for energy = -20"));
  CHECK(has(Spoiled().set("energy", {6}, 0).refusal(), "is -inf for energy = 0"));
}

TEST_CASE("the first of several bad jets is the first in the order of the files",
          "[loader][errors]") {
  Spoiled spoiled;
  spoiled.set("D2", {2000, 2100}, kNan);
  spoiled.write();
  FileForm form;
  form.units = kToyUnits;
  auto second = toy_fields(2500, 500);
  field(second, "D2").values[3] = kNan;
  write_file(spoiled.folder / "toy_1.h5", second, form);
  spoiled.setup.data.train = {spoiled.folder / "toy_*.h5"};
  auto const text = spoiled.refusal();
  CHECK(has(text, "toy_0.h5 row 2000: feature 'D2'"));
  CHECK(has(text, "3 of 3000 jets"));
}

TEST_CASE("targets and weights that are wrong", "[loader][errors]") {
  CHECK(has(Spoiled().set("truth_energy", {8}, 0).refusal(),
            "row 8: target 'energy' is inf for energy = "));
  CHECK(has(Spoiled().set("truth_mass", {9}, kNan).refusal(), "truth_mass = nan (targets must be"));
  Spoiled negative;
  negative.set("mass", {11, 12}, -3);
  auto const text = negative.refusal();
  CAPTURE(text);
  CHECK(has(text, "row 11: target 'mass' is -"));
  CHECK(has(text, "2 of 2500 jets have a response reco / truth that is not above 0"));
  CHECK(has(text, "set data.non_positive_response to \"drop\""));
  CHECK(has(Spoiled().set("mass", {13}, 0).refusal(), "row 13: target 'mass' is 0 for mass = 0"));

  for (double const bad : {kNan, kInf, -0.5}) {
    Spoiled spoiled;
    spoiled.set("weight", {14}, bad);
    spoiled.write();
    CHECK_NOTHROW(Loader(spoiled.setup, std::nullopt));  // nobody asked for weights
    spoiled.setup.data.weight = "weight";
    CHECK(has(spoiled.refusal(), "row 14: weight weight is "));
  }
  Spoiled none;
  none.setup.data.weight = "weight";
  for (double& w : field(none.fields, "weight").values) { w = 0; }
  CHECK(has(none.refusal(), "the training jets' weights sum to 0"));
}

TEST_CASE("the policy drop leaves such jets out and says so", "[loader][errors]") {
  for (LoaderMode const mode : {LoaderMode::resident, LoaderMode::streaming}) {
    Spoiled spoiled;
    spoiled.set("D2", {71, 700}, kNan).set("truth_energy", {72}, 0).set("mass", {73, 700}, -1);
    spoiled.setup.data.validation_fraction = 0;
    spoiled.setup.data.non_finite = NonFinitePolicy::drop;
    spoiled.setup.loader.mode = mode;
    CHECK(has(spoiled.refusal(), "toy_0.h5 row 73: target 'mass'"));  // r <= 0 has its own policy
    spoiled.setup.data.non_positive_response = NonFinitePolicy::drop;
    spoiled.setup.loader.mode = mode;
    Loader loader(spoiled.setup, std::nullopt);
    CHECK(loader.training_rows() == 2500 - 4);
    auto rows = row_numbers(epoch(loader, 0, 0, 100));
    std::sort(rows.begin(), rows.end());
    for (std::int64_t const bad : {71, 72, 73, 700}) {
      CHECK_FALSE(std::binary_search(rows.begin(), rows.end(), bad));
    }
    auto const notes = loader.notes();
    REQUIRE(notes.size() == 5);
    CHECK(has(notes[2],
              "dropped 2 of 2500 jets, which have a feature that is not finite; the first "
              "is toy_0.h5 row 71: feature 'D2'"));
    CHECK(has(notes[3], "dropped 1 of 2500 jets, which have a target that is not finite"));
    CHECK(has(notes[4], "dropped 1 of 2500 jets, which have a response"));
    // the jets dropped do not enter the normalisation
    for (float const s : loader.normalisation().scale) { CHECK(std::isfinite(s)); }
  }
}

TEST_CASE("no jet left, a constant feature", "[loader][errors]") {
  Spoiled all;
  for (double& v : field(all.fields, "D2").values) { v = kNan; }
  all.setup.data.non_finite = NonFinitePolicy::drop;
  CHECK(has(all.refusal(), "data.train: none of 2500 jets is left to train"));
  Spoiled constant;
  for (double& v : field(constant.fields, "D2").values) { v = 3; }
  CHECK(has(constant.refusal(),
            "feature 'D2': its 0.1 % and 99.9 % quantiles over the training "
            "jets are both 3 (must differ)"));
}

TEST_CASE("fields that are missing or make no sense", "[loader][errors]") {
  auto const refusal = [](auto change) {
    Spoiled spoiled;
    change(spoiled);
    return spoiled.refusal();
  };
  CHECK(has(refusal([](auto& s) { s.setup.features[0].field = "enrgy"; }),
            "/jets has no field 'enrgy'"));
  CHECK(has(refusal([](auto& s) { s.setup.targets["mass"].truth = "truemass"; }),
            "/jets has no field 'truemass'"));
  CHECK(has(refusal([](auto& s) { s.setup.targets["mass"].truth = "truth_eta"; }),
            "/jets/truth_eta of target 'mass': unit '1' does not convert to 'MeV'"));
  CHECK(has(refusal([](auto& s) { s.setup.data.weight = "wt"; }), "/jets has no field 'wt'"));
  CHECK(has(refusal([](auto& s) { s.setup.bins.pt_field = "pt"; }), "/jets has no field 'pt'"));
  CHECK(has(refusal([](auto& s) { s.setup.bins.pt_field = "eta"; }),
            "/jets/eta of the bins: unit '1' does not convert to 'GeV'"));
  CHECK(has(refusal([](auto& s) { s.setup.data.group = "event"; }),
            "/jets has no field 'event' (it has: energy, "));
  CHECK(has(refusal([](auto& s) { field(s.fields, "eventNumber").type = kFloat64; }),
            "/jets/eventNumber is float64 (must be an integer to group jets by; see data.group)"));
}

TEST_CASE("setups that make no sense", "[loader][errors]") {
  Spoiled toy;
  toy.write();
  auto const refusal = [&](auto change) {
    LoaderSetup setup = toy.setup;
    change(setup);
    return error_text<ConfigError>([&] { Loader(setup, std::nullopt); });
  };
  CHECK(has(refusal([](auto& s) { s.targets.clear(); }), "targets: none is named"));
  CHECK(has(refusal([](auto& s) { s.targets["pt"] = {"energy", "energy"}; }), "targets: 'pt'"));
  CHECK(has(refusal([](auto& s) { s.features.clear(); }), "features: none is named"));
  CHECK(has(refusal([](auto& s) { s.data.validation_fraction = 1; }), "validation_fraction: is 1"));
  CHECK(has(refusal([](auto& s) { s.bins.pt_true = {2, 1}; }), "bins.pt_true: edge 1"));
  CHECK(has(refusal([](auto& s) { s.loader.memory_mib = 1; }), "loader.memory_mib: is 1"));
  CHECK(has(refusal([](auto& s) {
              s.loader = {32, LoaderMode::streaming};
              s.largest_batch = 100000000;
              s.data.validation_fraction = 0;
            }),
            "<no exception>"));  // a batch is never larger than the sample

  Loader loader(toy.setup, std::nullopt);
  for (std::int64_t const bad : {0, -5}) {
    CHECK(
        has(error_text<ConfigError>([&] { loader.start_epoch(0, 0, bad, 0); }), "batch size is "));
    CHECK(has(error_text<ConfigError>([&] { loader.start_validation(bad); }), "batch size is "));
  }
  CHECK(has(error_text<ConfigError>([&] { loader.start_epoch(-1, 0, 10, 0); }), "step -1"));
  CHECK(
      has(error_text<ConfigError>([&] { loader.start_epoch(0, 0, 10, -1); }), "first batch is -1"));

  Normalisation other = loader.normalisation();
  other.names[0] = "log_pt";
  CHECK(has(error_text<ConfigError>([&] { Loader(toy.setup, other); }),
            "normalisation 0 is of 'log_pt' but the feature is 'log_energy'"));
}

TEST_CASE("a shard that changes or breaks while it streams", "[loader][errors]") {
  ScratchFolder const folder;
  auto setup = toy_setup(write_toy_shards(folder.path(), {3000}, 1000));
  setup.loader.mode = LoaderMode::streaming;
  Loader loader(setup, std::nullopt);
  auto const whole = epoch(loader, 0, 0, 100);
  Batch batch;
  {
    std::fstream file(folder / "toy_0.h5", std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(0, std::ios::end);
    auto const size = file.tellg();
    std::string const noise(4000, 'x');
    file.seekp(static_cast<std::streamoff>(size) / 2);
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  loader.start_epoch(0, 1, 100, 0);
  auto const text = error_text<DataError>([&] {
    while (loader.next(batch)) {}
  });
  CHECK(has(text, "toy_0.h5: /jets rows "));
  CHECK(has(text, "The file is damaged"));
}

}  // namespace
}  // namespace jetcal::data
